package expr

import (
	"context"
	"errors"
	"testing"

	"github.com/weirhub/weir/functions"
)

func eval(t *testing.T, source, value string) (string, string) {
	t.Helper()
	h, err := Open(functions.Spec{Name: "f", Expr: source})
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	r := functions.Record{Topic: "t", Partition: 1, Offset: 7, Timestamp: 1000, Key: []byte("UA"), Headers: []byte{2, 'h', 2, 'x', 2, 'n', 1}, HeaderCount: 2}
	if value != "" {
		r.Value = []byte(value)
	}
	res, err := h.Invoke(context.Background(), functions.Event{Records: []functions.Record{r}})
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	switch {
	case len(res.Bad) == 1:
		return "bad", res.Bad[0].Reason
	case len(res.Records) == 0:
		return "drop", ""
	case string(res.Records[0].Value) == value:
		return "pass", ""
	}
	return string(res.Records[0].Value), ""
}

// What an expression does with a record, by SQL's three-valued logic.
func TestExpressions(t *testing.T) {
	const late, early, null = `{"a":61,"s":"x"}`, `{"a":60,"s":"y"}`, `{"a":null}`
	for _, c := range []struct{ expr, value, want string }{
		{`value.a > 60`, late, "pass"},
		{`value.a > 60`, early, "drop"},
		{`value.a > 60`, null, "drop"},
		{`value.a > 60`, `{}`, "drop"},
		{`value.a > 60`, `{"a":60.5}`, "pass"},
		{`value.a > 60`, `{"a":{"b":1},"a":61}`, "pass"}, // the last of two members counts
		{`value.a > 60`, `{"a":61,"a":null}`, "drop"},
		{`value["a"] > 60`, late, "pass"},
		{`value?.a > 60`, late, "pass"},
		{`value.a > 60`, `[1]`, "drop"},
		{`value.a > 60`, `7`, "drop"},
		{`value.a > 60`, "", "drop"}, // a tombstone
		{`not (value.a > 60)`, early, "pass"},
		{`not (value.a > 60)`, null, "drop"},
		{`!(value.a > 60)`, null, "drop"},
		{`value.a > 60 or value.s == "z"`, null, "drop"},
		{`value.a > 60 or true`, null, "pass"},
		{`value.a > 60 || value.s == "x"`, `{"s":"x"}`, "pass"},
		{`value.a > 60 and false`, null, "drop"},
		{`not (value.a > 60 and false)`, null, "pass"}, // unknown and false is false
		{`not (value.a > 60 and true)`, null, "drop"},
		{`(value.a > 60 ? "y" : "n") == "n"`, null, "pass"}, // a condition that is unknown takes the other branch
		{`value.a == nil`, null, "pass"},
		{`value.a != nil && value.a < 61`, early, "pass"},
		{`(value.a ?? 100) > 60`, null, "pass"},
		{`value.a + 1 > 61`, null, "drop"},
		{`-value.a < -60`, late, "pass"},
		{`-value.a < -60`, null, "drop"},
		{`value.b.c.d > 1`, null, "drop"},
		{`value.b.c.d > 1`, `{"b":{"x":0,"c":{"d":2}}}`, "pass"},
		{`value.b.c.d > 1 and value.b.x == 0`, `{"b":{"x":0,"c":{"d":2}}}`, "pass"},
		{`value.b.c.d > 1 and value.b != nil`, `{"b":{"x":0,"c":{"d":2}}}`, "pass"}, // the whole and its member
		{`value.value.value > 1`, `{"value":{"value":2}}`, "pass"},
		{`value.l[1] == 5`, `{"l":[4,5]}`, "pass"},
		{`value.l[1] == 5`, null, "drop"},
		{`value.l[1].x > 5`, `{"l":[4,{"x":6}]}`, "pass"},
		{`any(value.l, .p > 3)`, `{"l":[{"p":null},{},{"p":4}]}`, "pass"},
		{`any(value.l, # > 3)`, `{"l":[1,2]}`, "drop"},
		{`len(filter(value.l, .p > 3)) == 1`, `{"l":[{"p":4},{"p":2}]}`, "pass"},
		{`value.s startsWith "x"`, late, "pass"},
		{`value.s startsWith "x"`, null, "drop"},
		{`value.s in ["x","z"]`, late, "pass"},
		{`value.s in ["x","z"]`, null, "drop"},
		{`value.s matches "^[a-x]$"`, late, "pass"},
		{`lower(value.s) == "x"`, null, "drop"},
		{`lower(value.s) + "z" == "xz"`, late, "pass"},
		{`(value.s startsWith "x") == nil`, null, "pass"},
		{`value == nil`, "", "pass"},
		{`len(keys(value)) == 2`, late, "pass"},
		{`key == "UA" and topic == "t" and partition == 1 and offset == 7 and timestamp == 1000`, "no JSON", "pass"},
		{`headers.h == "x" and headers["h"] != "y" and headers.n == nil and headers.none == nil`, "{}", "pass"},
		{`{"late": value.a > 60, "by": value.a - 60, "s": value.s}`, late, `{"by":1,"late":true,"s":"x"}`},
		{`{"late": value.a > 60, "big": value.b}`, `{"b":9223372036854775807}`, `{"big":9223372036854775807,"late":null}`},
		{`{"s": value.s}`, `{"s":"<\u00e9>"}`, `{"s":"<é>"}`},
		{`let x = value.a; x > 60`, late, "pass"},
		{`value.s == "x\ny"`, `{"s":"x\u000ay"}`, "pass"},
		{`value["a.b"] > 1`, `{"a.b":2}`, "pass"},
	} {
		if got, why := eval(t, c.expr, c.value); got != c.want {
			t.Errorf("%s over %s: %s %s, want %s", c.expr, c.value, got, why, c.want)
		}
	}
}

// A record that an expression cannot decide is bad, with the reason.
func TestUndecidableRecords(t *testing.T) {
	for _, c := range []struct{ expr, value, want string }{
		{`value.a > 60`, `{"a":`, "value is not JSON: unexpected end of JSON"},
		{`value.a > 60`, `{"a":61}x`, `value is not JSON: 'x' at byte 8 where the end is expected`},
		{`value.a > 60`, `{"a":61,"b":tru}`, `value is not JSON: 't' at byte 12 where a value is expected`},
		{`value.a > 60`, `{"a":"61"}`, "evaluate: invalid operation: string > int (column 9)"},
		{`value.a`, `{"a":61}`, "the expression gives a int, want true, false, null or a map"},
		{`{"x": 1 / value.a}`, `{"a":0}`, "write value: json: unsupported value: +Inf"},
	} {
		got, why := eval(t, c.expr, c.value)
		if got != "bad" || why != c.want {
			t.Errorf("%s over %s: %s %q, want bad %q", c.expr, c.value, got, why, c.want)
		}
	}
}

// Errors of an expression say where they are.
func TestErrorsHaveTheirPlace(t *testing.T) {
	for source, want := range map[string]Error{
		"vlaue.a > 60":            {1, 1, "unknown name vlaue"},
		"value.a >":               {1, 9, "unexpected token EOF"},
		"topic > 60":              {1, 7, `invalid operation: > (mismatched types string and int)`},
		"value.a > 60 and\n(nope": {2, 5, "unexpected token EOF"},
		" ":                       {1, 1, "the expression is empty"},
	} {
		_, err := Open(functions.Spec{Name: "f", Expr: source})
		var got *Error
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%q: %v, want %v", source, err, &want)
		}
	}
}

// One flight a record; the rule of the example.
func BenchmarkExpr(b *testing.B) {
	const flight = `{"year":2013,"month":1,"day":1,"dep_time":517,"sched_dep_time":515,"dep_delay":2,"arr_time":830,` +
		`"sched_arr_time":819,"arr_delay":11,"carrier":"UA","flight":1545,"tailnum":"N14228","origin":"EWR","dest":"IAH",` +
		`"air_time":227,"distance":1400,"hour":5,"minute":15,"time_hour":"2013-01-01 10:00:00"}`
	h, err := Open(functions.Spec{Name: "f", Expr: "value.arr_delay > 60"})
	if err != nil {
		b.Fatal(err)
	}
	recs := make([]functions.Record, 1000)
	for i := range recs {
		recs[i].Value = []byte(flight)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(flight)))
	for n := 0; n < b.N; n += len(recs) {
		if _, err := h.Invoke(b.Context(), functions.Event{Records: recs}); err != nil {
			b.Fatal(err)
		}
	}
}
