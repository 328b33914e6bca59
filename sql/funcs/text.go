package funcs

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyText = "Text"

var textFuncs = []Func{
	{
		Name: "||", Family: familyText, Syntax: "a || b", Doc: "Both texts in a row; NULL when one is NULL.",
		Params: "S S", Ret: retConcat, Bind: plain(concat),
	},
	{
		Name: "CONCAT", Family: familyText, Syntax: "CONCAT(a, b, ...)", Doc: "All texts in a row; NULL when one is NULL.",
		Params: "S S*", Ret: ret(types.StringT), Bind: plain(concat),
	},
	{
		Name: "CONCAT_WS", Family: familyText, Syntax: "CONCAT_WS(separator, a, b, ...)",
		Doc: "All texts that are not NULL with the separator between them; NULL when the separator is NULL.", Params: "S S*",
		Ret:  func(args []plan.Expr) types.Type { return types.StringT.WithNull(anyNullable(args)) },
		Bind: plain(concatWS), TakesNull: true,
	},
	length("CHAR_LENGTH"), length("CHARACTER_LENGTH"),
	{
		Name: "UPPER", Family: familyText, Syntax: "UPPER(s)", Doc: "In capitals.", Params: "S", Ret: retArg(0),
		Bind: mapText(func(s []byte) []byte { return []byte(specialUpper.Replace(string(bytes.ToUpper(s)))) }),
	},
	{
		Name: "LOWER", Family: familyText, Syntax: "LOWER(s)", Doc: "In small letters.", Params: "S", Ret: retArg(0),
		Bind: mapText(bytes.ToLower),
	},
	{
		Name: "INITCAP", Family: familyText, Syntax: "INITCAP(s)", Doc: "The first letter of each word (letters and digits) as a capital, the others small.",
		Params: "S", Ret: retArg(0), Bind: mapText(initcap),
	},
	{
		Name: "REVERSE", Family: familyText, Syntax: "REVERSE(s)", Doc: "The characters backwards.", Params: "S",
		Ret: ret(types.StringT), MayNull: true, Bind: mapText(reverse),
	},
	substring("SUBSTRING"), substring("SUBSTR"),
	side("LEFT", "LEFT(s, n)", "The first n characters; '' for n < 1.", func(s []byte, n int64) []byte { return s[:skip(s, n)] }),
	side("RIGHT", "RIGHT(s, n)", "The last n characters; '' for n < 1.", func(s []byte, n int64) []byte {
		return s[skip(s, int64(utf8.RuneCount(s))-n):]
	}),
	position("POSITION", "POSITION(part IN s)", "S S", 0, 1),
	position("INSTR", "INSTR(s, part)", "S S", 1, 0),
	position("LOCATE", "LOCATE(part, s[, from])", "S S L?", 0, 1),
	{
		Name: "REPLACE", Family: familyText, Syntax: "REPLACE(s, from, to)", Doc: "All occurrences replaced; an empty `from` matches between all characters.",
		Params: "S S S", Ret: ret(types.StringT),
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			o.Buf = append(o.Buf, bytes.ReplaceAll(a[0].Str(i), a[1].Str(i), a[2].Str(i))...)
			return true
		}),
	},
	{
		Name: "OVERLAY", Family: familyText, Syntax: "OVERLAY(s PLACING new FROM start [FOR length])",
		Doc: "Characters from start on replaced by new; as many as new has, or length.", Params: "S S L L?",
		Ret: func(a []plan.Expr) types.Type { return varcharSum(a[0].Type(), a[1].Type()) }, Bind: textRows(overlay),
	},
	{
		Name: "TRANSLATE", Family: familyText, Syntax: "TRANSLATE(s, from, to)",
		Doc: "Each character of `from` replaced by the one at its place in `to`, or removed when there is none.", Params: "S S S",
		Ret: ret(types.StringT), Bind: textRows(translate),
	},
	{
		Name: "SPLIT_INDEX", Family: familyText, Syntax: "SPLIT_INDEX(s, separator, index)",
		Doc: "The part at the index, counted from 0; NULL when there is none.", Params: "S S L", Ret: ret(types.StringT), MayNull: true,
		Bind: textRows(splitIndex),
	},
	textTest("STARTSWITH", "STARTSWITH(s, prefix)", "Whether s starts with prefix.", bytes.HasPrefix),
	textTest("ENDSWITH", "ENDSWITH(s, suffix)", "Whether s ends with suffix.", bytes.HasSuffix),
	classTest("IS_ALPHA", "Whether all characters are letters.", unicode.IsLetter),
	classTest("IS_DIGIT", "Whether all characters are digits.", unicode.IsDigit),
	{
		Name: "ASCII", Family: familyText, Syntax: "ASCII(s)", Doc: "The first byte; 0 for ''.", Params: "S", Ret: ret(types.IntT),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.I32 {
				o.I32[i] = 0
				if s := a[0].Str(i); len(s) > 0 {
					o.I32[i] = int32(s[0])
				}
			}
			return nil
		}),
	},
	{
		Name: "CHR", Family: familyText, Syntax: "CHR(n)", Doc: "The character of the code n modulo 256; '' below 0.", Params: "L",
		Ret: ret(types.StringT), MayNull: true,
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			if n := a[0].I64[i]; n >= 0 {
				o.Buf = utf8.AppendRune(o.Buf, rune(n&0xff))
			}
			return true
		}),
	},
}

// specialUpper are the capitals of more than one letter that Go's mapping leaves alone (Unicode's SpecialCasing).
var specialUpper = strings.NewReplacer("ß", "SS", "ŉ", "ʼN", "ǰ", "J̌", "ﬀ", "FF", "ﬁ", "FI", "ﬂ", "FL", "ﬃ", "FFI", "ﬄ", "FFL", "ﬅ", "ST", "ﬆ", "ST")

// textRows makes a kernel that writes a text a row: f appends to o.Buf, or answers false for NULL.
func textRows(f func(o *vec.Vec, a []*vec.Vec, i int) bool) func([]plan.Expr, types.Type) (vec.Kernel, error) {
	return plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		for i := range o.Len {
			if !o.Null(i) && !f(o, a, i) {
				o.SetNull(i)
			}
			o.End()
		}
		return nil
	})
}

// mapText makes a kernel text -> text. A result of CHAR(n) or VARCHAR(n) is cut to n characters, as Flink does with
// UPPER('ß').
func mapText(f func(s []byte) []byte) func([]plan.Expr, types.Type) (vec.Kernel, error) {
	return textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
		s := f(a[0].Str(i))
		if o.T.Precision != types.MaxLength {
			s = s[:skip(s, int64(o.T.Precision))]
		}
		o.Buf = append(o.Buf, s...)
		return true
	})
}

// skip is the byte place behind the first n characters.
func skip(s []byte, n int64) int {
	p := 0
	for ; n > 0 && p < len(s); n-- {
		if s[p] < utf8.RuneSelf {
			p++
			continue
		}
		_, w := utf8.DecodeRune(s[p:])
		p += w
	}
	return p
}

func varcharSum(a, b types.Type) types.Type {
	return types.VarcharOf(int32(min(int64(a.Precision)+int64(b.Precision), types.MaxLength)))
}

func retConcat(args []plan.Expr) types.Type {
	t := varcharSum(args[0].Type(), args[1].Type())
	if args[0].Type().Kind == types.Char && args[1].Type().Kind == types.Char {
		t.Kind = types.Char
	}
	return t
}

func concat(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	for i := range o.Len {
		if !o.Null(i) {
			for _, v := range a {
				o.Buf = append(o.Buf, v.Str(i)...)
			}
		}
		o.End()
	}
	return nil
}

func concatWS(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	for i := range o.Len {
		if a[0].Null(i) {
			o.AppendNull()
			continue
		}
		first := true
		for _, v := range a[1:] {
			if v.Null(i) {
				continue
			}
			if !first {
				o.Buf = append(o.Buf, a[0].Str(i)...)
			}
			o.Buf = append(o.Buf, v.Str(i)...)
			first = false
		}
		o.End()
	}
	return nil
}

func length(name string) Func {
	return Func{
		Name: name, Family: familyText, Syntax: name + "(s)", Doc: "The number of characters (code points).", Params: "S",
		Ret: ret(types.IntT),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.I32 {
				o.I32[i] = int32(utf8.RuneCount(a[0].Str(i)))
			}
			return nil
		}),
	}
}

func initcap(s []byte) []byte {
	inWord := false
	return bytes.Map(func(r rune) rune {
		word := unicode.IsLetter(r) || unicode.IsDigit(r)
		defer func() { inWord = word }()
		if inWord {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func reverse(s []byte) []byte {
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		_, w := utf8.DecodeLastRune(s)
		out = append(out, s[len(s)-w:]...)
		s = s[:len(s)-w]
	}
	return out
}

func substring(name string) Func {
	return Func{
		Name: name, Family: familyText, Syntax: name + "(s, from[, length])",
		Doc:    "Characters from a place on, counted from 1 (0 is taken as 1, negative from the end, '' beyond either end); NULL for a negative length.",
		Params: "S L L?", MayNull: true,
		Ret: func(a []plan.Expr) types.Type { return types.VarcharOf(a[0].Type().Precision) },
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			s, from := a[0].Str(i), a[1].I64[i]
			if from > 0 {
				from--
			} else if from < 0 {
				from += int64(utf8.RuneCount(s))
			}
			n := int64(len(s))
			if len(a) > 2 {
				n = a[2].I64[i]
			}
			if n < 0 {
				return false
			}
			if from < 0 { // further back than the text is long
				return true
			}
			s = s[skip(s, from):]
			o.Buf = append(o.Buf, s[:skip(s, n)]...)
			return true
		}),
	}
}

func side(name, syntax, doc string, f func(s []byte, n int64) []byte) Func {
	return Func{
		Name: name, Family: familyText, Syntax: syntax, Doc: doc, Params: "S L", MayNull: true,
		Ret: func(a []plan.Expr) types.Type { return types.VarcharOf(a[0].Type().Precision) },
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			if n := a[1].I64[i]; n > 0 {
				o.Buf = append(o.Buf, f(a[0].Str(i), n)...)
			}
			return true
		}),
	}
}

func position(name, syntax, params string, part, whole int) Func {
	return Func{
		Name: name, Family: familyText, Syntax: syntax, Doc: "The place of the first occurrence, counted from 1; 0 when there is none.",
		Params: params, Ret: ret(types.IntT),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.I32 {
				if o.Null(i) {
					continue
				}
				from := int64(1)
				if len(a) > 2 {
					from = a[2].I64[i]
				}
				o.I32[i] = locate(a[part].Str(i), a[whole].Str(i), from)
			}
			return nil
		}),
	}
}

func locate(part, s []byte, from int64) int32 {
	if from < 1 {
		return 0
	}
	start := skip(s, from-1)
	p := bytes.Index(s[start:], part)
	if p < 0 {
		return 0
	}
	return int32(utf8.RuneCount(s[:start+p])) + 1
}

func overlay(o *vec.Vec, a []*vec.Vec, i int) bool {
	s, with, from := a[0].Str(i), a[1].Str(i), a[2].I64[i]
	n := int64(utf8.RuneCount(with))
	if len(a) > 3 {
		n = a[3].I64[i]
	}
	if from < 1 || from > int64(utf8.RuneCount(s)) {
		o.Buf = append(o.Buf, s...)
		return true
	}
	head := skip(s, from-1)
	o.Buf = append(o.Buf, s[:head]...)
	o.Buf = append(o.Buf, with...)
	rest := s[head:]
	if n < 0 {
		rest = nil
	}
	o.Buf = append(o.Buf, rest[skip(rest, n):]...)
	return true
}

func translate(o *vec.Vec, a []*vec.Vec, i int) bool {
	from, to := []rune(string(a[1].Str(i))), []rune(string(a[2].Str(i)))
next:
	for _, r := range string(a[0].Str(i)) {
		for j, f := range from {
			if f == r {
				if j < len(to) {
					o.Buf = utf8.AppendRune(o.Buf, to[j])
				}
				continue next
			}
		}
		o.Buf = utf8.AppendRune(o.Buf, r)
	}
	return true
}

func splitIndex(o *vec.Vec, a []*vec.Vec, i int) bool {
	s, sep, n := a[0].Str(i), a[1].Str(i), a[2].I64[i]
	if n < 0 || len(sep) == 0 {
		return false
	}
	for ; n > 0; n-- {
		_, rest, ok := bytes.Cut(s, sep)
		if !ok {
			return false
		}
		s = rest
	}
	part, _, _ := bytes.Cut(s, sep)
	o.Buf = append(o.Buf, part...)
	return true
}

func textTest(name, syntax, doc string, f func(s, x []byte) bool) Func {
	return Func{
		Name: name, Family: familyText, Syntax: syntax, Doc: doc, Params: "S S", Ret: ret(types.BooleanT),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.Bool {
				o.Bool[i] = f(a[0].Str(i), a[1].Str(i))
			}
			return nil
		}),
	}
}

func classTest(name, doc string, f func(r rune) bool) Func {
	return Func{
		Name: name, Family: familyText, Syntax: name + "(s)", Doc: doc + " FALSE for ''.", Params: "S", Ret: ret(types.BooleanT),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.Bool {
				s := a[0].Str(i)
				o.Bool[i] = len(s) > 0
				for _, r := range string(s) {
					o.Bool[i] = o.Bool[i] && f(r)
				}
			}
			return nil
		}),
	}
}
