package funcs

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// Regular expressions are Go's (RE2: linear time), which are Java's without look-around, back-references, possessive
// quantifiers and atomic groups. Those are refused by name instead of matching something else.

func compileRegexp(pattern, _ []byte) (*regexp.Regexp, error) {
	re, err := regexp.Compile(string(pattern))
	if err == nil {
		return re, nil
	}
	var se *syntax.Error
	hint := ""
	if errors.As(err, &se) && (se.Code == syntax.ErrInvalidPerlOp || se.Code == syntax.ErrInvalidEscape || se.Code == syntax.ErrInvalidRepeatOp) {
		hint = "look-around, back-references and possessive quantifiers are not supported"
	}
	return nil, &Error{Msg: "regular expression '" + string(pattern) + "': " + strings.TrimPrefix(err.Error(), "error parsing regexp: "), Hint: hint}
}

func bindRegexp(f func(re *regexp.Regexp, a []*vec.Vec, o *vec.Vec, i int)) func([]plan.Expr, types.Type) (vec.Kernel, error) {
	return func([]plan.Expr, types.Type) (vec.Kernel, error) {
		cache := patternCache[*regexp.Regexp]{compile: compileRegexp}
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			return cache.each(c, a, o, func(re *regexp.Regexp, i int) { f(re, a, o, i) })
		}, nil
	}
}

// bindRegexpText is bindRegexp for kernels that write a text a row; f answers false for NULL.
func bindRegexpText(f func(re *regexp.Regexp, a []*vec.Vec, o *vec.Vec, i int) bool) func([]plan.Expr, types.Type) (vec.Kernel, error) {
	return func([]plan.Expr, types.Type) (vec.Kernel, error) {
		cache := patternCache[*regexp.Regexp]{compile: compileRegexp}
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			return eachText(&cache, c, a, o, func(re *regexp.Regexp, i int) bool { return f(re, a, o, i) })
		}, nil
	}
}

func regexpTest() Func {
	return Func{
		Name: "REGEXP", Family: familyPattern, Syntax: "REGEXP(s, pattern)", Doc: "Whether the pattern matches somewhere in s.",
		Params: "S S", Ret: ret(types.BooleanT),
		Bind: bindRegexp(func(re *regexp.Regexp, a []*vec.Vec, o *vec.Vec, i int) { o.Bool[i] = re.Match(a[0].Str(i)) }),
	}
}

func regexpReplace() Func {
	return Func{
		Name: "REGEXP_REPLACE", Family: familyPattern, Syntax: "REGEXP_REPLACE(s, pattern, new)",
		Doc: "All matches replaced; $1 stands for the first group.", Params: "S S S", Ret: ret(types.StringT),
		Bind: bindRegexpText(func(re *regexp.Regexp, a []*vec.Vec, o *vec.Vec, i int) bool {
			o.Buf = append(o.Buf, re.ReplaceAll(a[0].Str(i), javaTemplate(a[2].Str(i)))...)
			return true
		}),
	}
}

// javaTemplate turns a replacement as Java writes it ($1, \$) into Go's (${1}, $$).
func javaTemplate(s []byte) []byte {
	out := make([]byte, 0, len(s)+4)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			if s[i] == '$' {
				out = append(out, '$')
			}
			out = append(out, s[i])
		case c == '$' && i+1 < len(s) && s[i+1]-'0' <= 9:
			i++
			out = append(out, '$', '{', s[i], '}')
		default:
			out = append(out, c)
		}
	}
	return out
}

func regexpExtract() Func {
	return Func{
		Name: "REGEXP_EXTRACT", Family: familyPattern, Syntax: "REGEXP_EXTRACT(s, pattern[, group])",
		Doc: "The text of the group (0: the whole match) of the first match; NULL without one.", Params: "S S L?", MayNull: true,
		Ret: ret(types.StringT),
		Bind: bindRegexpText(func(re *regexp.Regexp, a []*vec.Vec, o *vec.Vec, i int) bool {
			group := int64(0)
			if len(a) > 2 {
				group = a[2].I64[i]
			}
			s := a[0].Str(i)
			m := re.FindSubmatchIndex(s)
			if m == nil || group < 0 || group > int64(re.NumSubexp()) || m[2*group] < 0 {
				return false
			}
			o.Buf = append(o.Buf, s[m[2*group]:m[2*group+1]]...)
			return true
		}),
	}
}

func regexpCount() Func {
	return Func{
		Name: "REGEXP_COUNT", Family: familyPattern, Syntax: "REGEXP_COUNT(s, pattern)", Doc: "The number of matches.", Params: "S S",
		Ret: ret(types.IntT),
		Bind: bindRegexp(func(re *regexp.Regexp, a []*vec.Vec, o *vec.Vec, i int) {
			o.I32[i] = int32(len(re.FindAllIndex(a[0].Str(i), -1)))
		}),
	}
}

func regexpInstr() Func {
	return Func{
		Name: "REGEXP_INSTR", Family: familyPattern, Syntax: "REGEXP_INSTR(s, pattern)", Doc: "The place of the first match, counted from 1; 0 without one.",
		Params: "S S", Ret: ret(types.IntT),
		Bind: bindRegexp(func(re *regexp.Regexp, a []*vec.Vec, o *vec.Vec, i int) {
			s := a[0].Str(i)
			o.I32[i] = 0
			if m := re.FindIndex(s); m != nil {
				o.I32[i] = int32(utf8.RuneCount(s[:m[0]])) + 1
			}
		}),
	}
}

func regexpSubstr() Func {
	return Func{
		Name: "REGEXP_SUBSTR", Family: familyPattern, Syntax: "REGEXP_SUBSTR(s, pattern)", Doc: "The first match; NULL without one.",
		Params: "S S", MayNull: true, Ret: ret(types.StringT),
		Bind: bindRegexpText(func(re *regexp.Regexp, a []*vec.Vec, o *vec.Vec, i int) bool {
			m := re.Find(a[0].Str(i))
			o.Buf = append(o.Buf, m...)
			return m != nil
		}),
	}
}

func bindSimilar([]plan.Expr, types.Type) (vec.Kernel, error) {
	cache := patternCache[*regexp.Regexp]{escapes: true, compile: compileSimilar}
	return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		return cache.each(c, a, o, func(re *regexp.Regexp, i int) { o.Bool[i] = re.Match(a[0].Str(i)) })
	}, nil
}

// compileSimilar turns SQL's pattern into a regular expression for the whole text: % and _ as in LIKE, | * + ? { } ( )
// [ ] as they are, anything else literally.
func compileSimilar(pattern, escape []byte) (*regexp.Regexp, error) {
	e, err := escapeOf(escape)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(`(?s)\A(?:`)
	bracket, escaped := false, false
	for _, r := range string(pattern) {
		switch {
		case escaped || !bracket && !strings.ContainsRune("%_|*+?{}()[]", r) && r != e:
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case e != 0 && r == e:
			escaped = true
		case bracket:
			b.WriteRune(r)
			bracket = r != ']'
		case r == '%':
			b.WriteString(".*")
		case r == '_':
			b.WriteByte('.')
		default:
			b.WriteRune(r)
			bracket = r == '['
		}
	}
	b.WriteString(`)\z`)
	re, err := regexp.Compile(b.String())
	if err != nil || escaped {
		return nil, &Error{Msg: "SIMILAR TO pattern '" + string(pattern) + "' is not valid"}
	}
	return re, nil
}
