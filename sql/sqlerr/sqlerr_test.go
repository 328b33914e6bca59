package sqlerr

import "testing"

// The caret stands below its character: tabs are kept, characters outside ASCII count once, and a span does not run
// beyond its line.
func TestRenderPointsAtThePlace(t *testing.T) {
	src := "SELECT a\n\tFROM größe, orgin"
	for _, c := range []struct {
		name string
		e    Error
		want string
	}{
		{
			"tab and umlaut",
			Error{Line: 2, Col: 14, Width: 5, Msg: "unknown table orgin", Hint: "did you mean origin?"},
			"q.sql:2:14: unknown table orgin\n  2 | \tFROM größe, orgin\n    | \t            ^^^^^ did you mean origin?\n",
		},
		{"past the end", Error{Line: 1, Col: 9, Width: 40, Msg: "unexpected end"}, "q.sql:1:9: unexpected end\n  1 | SELECT a\n    |         ^\n"},
		{"no place", Error{Msg: "no statement", Hint: "write one"}, "q.sql: no statement\n  write one\n"},
	} {
		if got := c.e.Render("q.sql", src); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
