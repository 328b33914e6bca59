package funcs

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// maxPadded bounds the text that REPEAT, LPAD and RPAD make: a query must not exhaust memory by a large number.
const maxPadded = 16 << 20

var padFuncs = []Func{
	trimming("TRIM", "TRIM([BOTH] [chars FROM] s)", "Removes the characters (blanks) from both ends.", true, true),
	trimming("TRIM LEADING", "TRIM(LEADING chars FROM s)", "Removes the characters from the start.", true, false),
	trimming("TRIM TRAILING", "TRIM(TRAILING chars FROM s)", "Removes the characters from the end.", false, true),
	trimming("LTRIM", "LTRIM(s[, chars])", "Removes the characters (blanks) from the start.", true, false),
	trimming("RTRIM", "RTRIM(s[, chars])", "Removes the characters (blanks) from the end.", false, true),
	btrim(),
	{
		Name: "REPEAT", Family: familyText, Syntax: "REPEAT(s, n)", Doc: "The text n times; '' for n < 1.", Params: "S L",
		Ret: ret(types.StringT), Bind: plain(repeat),
	},
	pad("LPAD", "LPAD(s, n, fill)", "The text cut to n characters or filled up at the start; NULL for n < 0 or an empty fill.", true),
	pad("RPAD", "RPAD(s, n, fill)", "The text cut to n characters or filled up at the end; NULL for n < 0 or an empty fill.", false),
	{
		Name: "ELT", Family: familyText, Syntax: "ELT(n, a, b, ...)", Doc: "The n-th text, counted from 1; NULL when there is none.",
		Resolve: resolveElt, TakesNull: true,
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			n := a[0].I64[i]
			if a[0].Null(i) || n < 1 || n >= int64(len(a)) || a[n].Null(i) {
				return false
			}
			o.Buf = append(o.Buf, a[n].Str(i)...)
			return true
		}),
	},
}

func trimming(name, syntax, doc string, left, right bool) Func {
	return Func{
		Name: name, Family: familyText, Syntax: syntax, Doc: doc, Params: "S S?",
		Ret:  func(a []plan.Expr) types.Type { return types.VarcharOf(a[0].Type().Precision) },
		Bind: trimRows(left, right),
	}
}

// btrim differs from TRIM in the type of its result only.
func btrim() Func {
	f := trimming("BTRIM", "BTRIM(s[, chars])", "Removes the characters (blanks) from both ends.", true, true)
	f.Ret = ret(types.StringT)
	return f
}

func trimRows(left, right bool) func([]plan.Expr, types.Type) (vec.Kernel, error) {
	return textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
		s, set := a[0].Str(i), " "
		if len(a) > 1 {
			set = string(a[1].Str(i))
		}
		if left {
			s = bytes.TrimLeft(s, set)
		}
		if right {
			s = bytes.TrimRight(s, set)
		}
		o.Buf = append(o.Buf, s...)
		return true
	})
}

func repeat(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	for i := range o.Len {
		if n := a[1].I64[i]; c.Wants(i, o) && n > 0 {
			s := a[0].Str(i)
			if n*int64(len(s)) > maxPadded {
				return &Error{Msg: "REPEAT: result longer than 16 MiB"}
			}
			o.Buf = append(o.Buf, strings.Repeat(string(s), int(n))...)
		}
		o.End()
	}
	return nil
}

func pad(name, syntax, doc string, left bool) Func {
	return Func{
		Name: name, Family: familyText, Syntax: syntax, Doc: doc, Params: "S L S", Ret: ret(types.StringT),
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			s, n, with := a[0].Str(i), a[1].I64[i], a[2].Str(i)
			missing := n - int64(utf8.RuneCount(s))
			switch {
			case n < 0 || len(with) == 0 || n > maxPadded:
				return false
			case missing <= 0:
				o.Buf = append(o.Buf, s[:skip(s, n)]...)
				return true
			}
			if !left {
				o.Buf = append(o.Buf, s...)
			}
			for w := int64(utf8.RuneCount(with)); missing > 0; missing -= w {
				o.Buf = append(o.Buf, with[:skip(with, missing)]...)
			}
			if left {
				o.Buf = append(o.Buf, s...)
			}
			return true
		}),
	}
}

func resolveElt(args []plan.Expr) ([]plan.Expr, types.Type, error) {
	f := &Func{Name: "ELT", Params: "L S S*", Syntax: "ELT(n, a, b, ...)"}
	got, err := f.matchParams(args)
	if err != nil {
		return nil, types.Type{}, err
	}
	_, t, _ := Coerce(got[1:])
	return got, t.WithNull(true), nil
}
