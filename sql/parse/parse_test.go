package parse

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/weirhub/weir/sql/sqlerr"
)

// Golden files show what the parser reads: the tree of each statement, and each mistake under its source line.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			stmts, errs := Parse(d.Input)
			var b strings.Builder
			if d.Cmd == "parse" {
				for _, s := range stmts {
					fmt.Fprintln(&b, dump(reflect.ValueOf(s.Stmt)))
				}
			} else if len(stmts) > 0 {
				fmt.Fprintf(&b, "%d good\n", len(stmts))
			}
			for _, e := range errs {
				b.WriteString(e.Render("", d.Input))
			}
			return b.String()
		})
	})
}

var spanType = reflect.TypeOf(sqlerr.Span{})

// dump writes a tree as (Kind Field=value ...), without places and empty fields.
func dump(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return dump(v.Elem())
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = dump(v.Index(i))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case reflect.Struct:
		return dumpStruct(v)
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	default:
		return fmt.Sprint(v.Interface())
	}
}

func dumpStruct(v reflect.Value) string {
	if id, ok := v.Interface().(Ident); ok {
		return id.Name
	}
	parts := []string{v.Type().Name()}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Type == spanType || f.Name == "node" || v.Field(i).IsZero() {
			continue
		}
		if f.Name == "Ident" {
			parts = append(parts, v.Field(i).Interface().(Ident).Name)
			continue
		}
		parts = append(parts, f.Name+"="+dump(v.Field(i)))
	}
	return "(" + strings.Join(parts, " ") + ")"
}

// Whatever the text, Parse ends without a panic, and says something about a text that holds no statement it can read.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT a, b AS c FROM t WHERE x = 'it''s' AND y IN (1, 2) GROUP BY a HAVING COUNT(*) > 1;",
		"CREATE TABLE t (a INT, ts TIMESTAMP(3) METADATA FROM 'timestamp', WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'topic');",
		"INSERT INTO `t` SELECT * FROM TABLE(TUMBLE(TABLE f, DESCRIPTOR(ts), INTERVAL '1' HOUR))", "((((", "'", "`", "/*", "U&'\\00'", "X'0'", "1e", "${",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		stmts, errs := Parse(src)
		for _, e := range errs {
			if e.Line < 1 || e.Col < 1 || e.Line > strings.Count(src, "\n")+1 {
				t.Fatalf("%q: place %d:%d is outside the text", src, e.Line, e.Col)
			}
			_ = e.Render("f", src)
		}
		for _, s := range stmts {
			if s.Stmt == nil {
				t.Fatalf("%q: a statement without a tree", src)
			}
		}
	})
}

// A nest deeper than any person writes is refused instead of exhausting the stack.
func TestDeepNestingIsRefused(t *testing.T) {
	for _, open := range []string{"(", "NOT ", "- ", "(SELECT ", "CASE WHEN ", "ARRAY["} {
		_, errs := Parse("SELECT " + strings.Repeat(open, 100_000) + "1")
		if len(errs) != 1 {
			t.Errorf("%q: %d errors", open, len(errs))
		}
	}
}

// Values go in wherever ${NAME} stands; a name without a value is reported at its place with the nearest known one.
func TestFillPutsValuesIn(t *testing.T) {
	got, errs := Fill("SELECT '${DIR}/a' -- ${DIR}\n, ${NOPE} ${", map[string]string{"DIR": "/d"})
	if want := "SELECT '/d/a' -- /d\n,  ${"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(errs) != 1 || errs[0].Line != 2 || errs[0].Col != 3 {
		t.Errorf("errors: %v", errs)
	}
	if _, errs = Fill("${DIRR}", map[string]string{"DIR": "x"}); len(errs) != 1 || errs[0].Hint != "did you mean ${DIR}?" {
		t.Errorf("errors: %v", errs)
	}
}
