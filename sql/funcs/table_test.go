package funcs

import (
	"regexp"
	"strings"
	"testing"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// Every row of the table can be documented and either computes or rewrites.
func TestEveryRowIsComplete(t *testing.T) {
	for _, f := range All() {
		if f.Name != strings.ToUpper(f.Name) || f.Family == "" || f.Syntax == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: name %q, family %q, syntax %q, doc %q", f.Name, f.Name, f.Family, f.Syntax, f.Doc)
		}
		if (f.Bind == nil) == (f.Rewrite == nil) || f.Bind != nil && f.Ret == nil && f.Resolve == nil {
			t.Errorf("%s: has to have a kernel and a type, or a rewriting", f.Syntax)
		}
		for _, p := range strings.Fields(f.Params) {
			if paramNames[p[0]] == "" {
				t.Errorf("%s: no parameter class %q", f.Syntax, p)
			}
		}
	}
	for _, a := range Aggregates() {
		if a.Syntax == "" || !strings.HasSuffix(a.Doc, ".") || a.Ret == nil {
			t.Errorf("%s: syntax %q, doc %q", a.Name, a.Syntax, a.Doc)
		}
	}
}

func TestUUIDsAreRandom(t *testing.T) {
	e, err := Call("UUID")
	if err != nil {
		t.Fatal(err)
	}
	_, kernel, err := Bind(e.(*plan.Call))
	if err != nil {
		t.Fatal(err)
	}
	var o vec.Vec
	o.Reset(e.Type(), 2)
	if err := kernel(&vec.Ctx{N: 2}, nil, &o); err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if a, b := string(o.Str(0)), string(o.Str(1)); !form.MatchString(a) || !form.MatchString(b) || a == b {
		t.Errorf("%s and %s", a, b)
	}
	if !IsVolatile(e) {
		t.Error("UUID() may be folded")
	}
}

// Errors say what was given and what is possible.
func TestRefusals(t *testing.T) {
	one, text := &plan.Literal{Value: int64(1), T: types.IntT.NotNull()}, plan.Text("a")
	for _, c := range []struct {
		name string
		args []plan.Expr
		want string
	}{
		{"UPER", []plan.Expr{text}, "no function UPER"},
		{"UPPER", []plan.Expr{one}, "argument 1 of UPPER is INT, not a text"},
		{"UPPER", nil, "UPPER does not take 0 arguments"},
		{"HEX", []plan.Expr{&plan.Literal{T: types.BooleanT}}, "HEX does not take (BOOLEAN)"},
		{"+", []plan.Expr{one, text}, "+ does not take INT and CHAR(1)"},
		{"GREATEST", []plan.Expr{one, text}, "GREATEST has values without a common type: INT, CHAR(1)"},
	} {
		if _, err := Call(c.name, c.args...); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if _, _, err := Aggregate("SUM", []plan.Expr{text}, false, true, false); err == nil || err.Error() != "argument 1 of SUM is CHAR(1), not a number" {
		t.Errorf("SUM of text: %v", err)
	}
}

// The types of aggregates are Flink's: those of the argument but for COUNT and DECIMAL, and nullable where a group can
// be empty.
func TestAggregateTypes(t *testing.T) {
	for _, c := range []struct {
		name              string
		arg               types.Type
		grouped, filtered bool
		want              string
	}{
		{"SUM", types.IntT, true, false, "INT"},
		{"AVG", types.BigIntT, true, false, "BIGINT"},
		{"COUNT", types.IntT, true, false, "BIGINT NOT NULL"},
		{"SUM", types.DecimalOf(10, 2), true, false, "DECIMAL(38, 2)"},
		{"AVG", types.DecimalOf(10, 2), true, false, "DECIMAL(38, 6)"},
		{"MAX", types.IntT.NotNull(), true, false, "INT NOT NULL"},
		{"MAX", types.IntT.NotNull(), false, false, "INT"},
		{"MAX", types.IntT.NotNull(), true, true, "INT"},
		{"STDDEV", types.IntT.NotNull(), true, false, "INT"},
		{"LISTAGG", types.CharOf(3), true, false, "STRING"},
	} {
		call, _, err := Aggregate(c.name, []plan.Expr{&plan.Column{T: c.arg}}, false, c.grouped, c.filtered)
		if err != nil || call.T.String() != c.want {
			t.Errorf("%s(%s): %s (%v), want %s", c.name, c.arg, call.T, err, c.want)
		}
	}
}
