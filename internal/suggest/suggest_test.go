package suggest

import (
	"strings"
	"testing"
)

// Distances are counted by hand: one edit per insertion, deletion, replacement or swap of neighbours.
func TestDistanceCountsEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"a", "", 1},
		{"abc", "abc", 0},
		{"form", "from", 1},
		{"selct", "select", 1},
		{"kitten", "sitting", 3},
		{"dep_dely", "dep_delay", 1},
		{"größe", "grösse", 2},
		{strings.Repeat("x", 70), "x", 70},
	} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// A suggestion is near, ignores case, does not depend on the order of candidates, and is absent when nothing is near.
func TestNearestSuggestsOnlyTypingMistakes(t *testing.T) {
	names := []string{"carrier", "origin", "dest", "dep_delay", "arr_delay"}
	for word, want := range map[string]string{
		"orgin": "origin", "DEST": "dest", "dep_dely": "dep_delay", "temperature": "", "xyz": "", "": "", "x": "", "foo": "",
	} {
		got, ok := Nearest(word, names)
		if got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %v; want %q", word, got, ok, want)
		}
	}
	if got, _ := Nearest("ab", []string{"ac", "aa"}); got != "aa" {
		t.Errorf("a tie gave %q, want the first in byte order", got)
	}
}
