package funcs

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyJSON = "JSON"

var jsonFuncs = []Func{
	{
		Name: "JSON_VALUE", Family: familyJSON, Syntax: "JSON_VALUE(json, path)",
		Doc:    "The text, number or boolean at a path such as $.a.b[0]; NULL when there is none or the JSON is broken.",
		Params: "S S", Ret: ret(types.StringT), MayNull: true, Bind: bindJSON(jsonScalar),
	},
	{
		Name: "JSON_QUERY", Family: familyJSON, Syntax: "JSON_QUERY(json, path)",
		Doc:    "The object or array at a path, as JSON text; NULL when there is none or the JSON is broken.",
		Params: "S S", Ret: ret(types.StringT), MayNull: true,
		Bind: bindJSON(func(v jsontext.Value) ([]byte, bool) {
			k := v.Kind()
			return v, (k == '{' || k == '[') && (&v).Compact() == nil
		}),
	},
	{
		Name: "JSON_EXISTS", Family: familyJSON, Syntax: "JSON_EXISTS(json, path)", Doc: "Whether there is something at the path; FALSE for broken JSON.",
		Params: "S S", Ret: ret(types.BooleanT),
		Bind: plain(func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			cache := &patternCache[[]string]{compile: compilePath}
			return cache.each(c, a, o, func(path []string, i int) {
				_, o.Bool[i] = jsonAt(a[0].Str(i), path)
			})
		}),
	},
}

func bindJSON(f func(v jsontext.Value) ([]byte, bool)) func([]plan.Expr, types.Type) (vec.Kernel, error) {
	return func([]plan.Expr, types.Type) (vec.Kernel, error) {
		cache := &patternCache[[]string]{compile: compilePath}
		return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			return eachText(cache, c, a, o, func(path []string, i int) bool {
				v, ok := jsonAt(a[0].Str(i), path)
				if !ok {
					return false
				}
				text, ok := f(v)
				if ok {
					o.Buf = append(o.Buf, text...)
				}
				return ok
			})
		}, nil
	}
}

// jsonScalar is a scalar as text: whole numbers as they stand, others as CAST of a DOUBLE.
func jsonScalar(v jsontext.Value) ([]byte, bool) {
	switch v.Kind() {
	case '"':
		s, err := jsontext.AppendUnquote(nil, v)
		return s, err == nil
	case '0':
		if !bytes.ContainsAny(v, ".eE") {
			return v, true
		}
		x, err := strconv.ParseFloat(string(v), 64)
		return types.AppendFloat(nil, x, 64), err == nil
	case 't', 'f':
		return v, true
	}
	return nil, false
}

// compilePath reads $.a['b c'][0] into its steps; a number in brackets is kept as [0.
func compilePath(path, _ []byte) ([]string, error) {
	text := strings.TrimSpace(string(path))
	text = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(text, "lax "), "strict "))
	rest, ok := strings.CutPrefix(text, "$")
	bad := &Error{Msg: "JSON path '" + string(path) + "' is not of the form $.a.b[0]"}
	if !ok {
		return nil, bad
	}
	steps := []string{}
	for rest != "" {
		var step string
		switch {
		case strings.HasPrefix(rest, "['"):
			step, rest, ok = strings.Cut(rest[2:], "']")
		case rest[0] == '[':
			step, rest, ok = strings.Cut(rest[1:], "]")
			if _, err := strconv.ParseUint(step, 10, 31); err != nil {
				return nil, bad
			}
			step = "[" + step
		case rest[0] == '.' && len(rest) > 1:
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			step, rest, ok = rest[1:end], rest[end:], end > 1
		default:
			ok = false
		}
		if !ok {
			return nil, bad
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// jsonAt finds the value at a path. The whole text has to be one JSON value.
func jsonAt(text []byte, path []string) (jsontext.Value, bool) {
	v := jsontext.Value(text)
	if !v.IsValid(jsontext.AllowDuplicateNames(true)) {
		return nil, false
	}
	for _, step := range path {
		var ok bool
		if v, ok = jsonStep(v, step); !ok {
			return nil, false
		}
	}
	return bytes.TrimSpace(v), true
}

func jsonStep(v jsontext.Value, step string) (jsontext.Value, bool) {
	d := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true))
	open, err := d.ReadToken()
	if err != nil {
		return nil, false
	}
	index, isIndex := strings.CutPrefix(step, "[")
	if isIndex != (open.Kind() == '[') || !isIndex && open.Kind() != '{' {
		return nil, false
	}
	at, _ := strconv.Atoi(index)
	for n := 0; d.PeekKind() != ']' && d.PeekKind() != '}'; n++ {
		here := isIndex && n == at
		if !isIndex {
			name, err := d.ReadToken()
			if err != nil {
				return nil, false
			}
			here = name.String() == step
		}
		x, err := d.ReadValue()
		if err != nil {
			return nil, false
		}
		if here {
			return x.Clone(), true
		}
	}
	return nil, false
}
