package generate

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/streamtest"
)

func options() Options {
	return Options{Rows: 20_000, Seed: 7, Fields: []Field{
		{Name: "id", Kind: Sequence, Min: 100},
		{Name: "n", Kind: Random, Min: -3, Max: 3, Nulls: 0.25},
		{Name: "x", Kind: Random, Double: true, Min: 1, Max: 2},
		{Name: "city", Kind: Choice, Choices: []string{"EWR", "JFK", "LGA"}},
		{Name: "w", Kind: Word, Length: 5},
		{Name: "ok", Kind: Flag},
		{Name: "at", Kind: Time, Start: time.UnixMilli(1000), Step: 10 * time.Millisecond},
	}}
}

// A source gives the same rows from any position, and all tasks together the rows of one.
func TestRowsDependOnTheirNumberOnly(t *testing.T) {
	rows := streamtest.CheckSource(t, func(task stream.Task) (stream.Source, error) { return NewSource(options(), task) })
	if len(rows) != 20_000 || !strings.HasPrefix(rows[0].Text, "[100 ") || !strings.HasPrefix(rows[19_999].Text, "[20099 ") {
		t.Fatalf("%d rows from %v to %v", len(rows), rows[0], rows[len(rows)-1])
	}
	var parallel []streamtest.Row
	for i := range 3 {
		parallel = append(parallel, streamtest.CheckSource(t, func(stream.Task) (stream.Source, error) {
			return NewSource(options(), stream.Task{Index: i, Of: 3})
		})...)
	}
	byText := func(a, b streamtest.Row) int { return strings.Compare(a.Text, b.Text) }
	slices.SortFunc(rows, byText)
	slices.SortFunc(parallel, byText)
	if !slices.Equal(rows, parallel) {
		t.Errorf("three tasks make other rows than one: %d and %d", len(parallel), len(rows))
	}
}

// Random values lie in their range, all of it, and NULLs have about their share.
func TestValuesFillTheirRange(t *testing.T) {
	counts, nulls := map[string]int{}, 0
	for _, r := range streamtest.CheckSource(t, func(task stream.Task) (stream.Source, error) { return NewSource(options(), task) }) {
		f := strings.Fields(strings.Trim(r.Text, "[]"))
		if f[1] == "(null)" {
			nulls++
		} else {
			counts["n "+f[1]]++
		}
		counts["city "+f[3]]++
		counts["ok "+f[5]]++
	}
	if nulls < 4700 || nulls > 5300 {
		t.Errorf("%d of 20000 are NULL, want a quarter", nulls)
	}
	for value, share := range map[string]int{"n -3": 2143, "n 0": 2143, "n 3": 2143, "city EWR": 6667, "city LGA": 6667, "ok true": 10000} {
		if n := counts[value]; n < share*9/10 || n > share*11/10 {
			t.Errorf("%s comes %d times, want about %d", value, n, share)
		}
	}
	if len(counts) != 7+3+2 {
		t.Errorf("values %v", counts)
	}
}

// The rate is kept, summed over the tasks, and a slow reader gets no burst.
func TestRateIsAnUpperBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options()
		o.PerSecond = 1000
		s, err := NewSource(o, stream.Task{Index: 1, Of: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Open(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		began, rows := time.Now(), 0
		for time.Since(began) < 2*time.Second {
			rows += read(t, s)
		}
		if rows != 1000 {
			t.Errorf("%d rows in 2 s of one of two tasks, want 1000", rows)
		}
		time.Sleep(time.Hour)
		began, rows = time.Now(), 0
		for time.Since(began) < time.Second {
			rows += read(t, s)
		}
		if rows > 550 {
			t.Errorf("%d rows in the second after a pause, want about 500", rows)
		}
	})
}

func read(t *testing.T, s *Source) int {
	b, err := s.Read(t.Context())
	if errors.Is(err, io.EOF) {
		t.Fatal("the source ended")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer b.Rec.Release()
	return b.Rows()
}

// Options that make no sense are refused with the column's name.
func TestSenselessOptionsAreRefused(t *testing.T) {
	for want, f := range map[string]Field{
		"column a: no choices":           {Name: "a", Kind: Choice},
		"column b: max 1 is below min 2": {Name: "b", Kind: Random, Min: 2, Max: 1},
		"column c: length -1":            {Name: "c", Kind: Word, Length: -1},
		"column d: share of nulls 2":     {Name: "d", Nulls: 2},
	} {
		if _, err := NewSource(Options{Fields: []Field{f}}, stream.Task{Of: 1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := ParseKind("sequenze"); err == nil {
		t.Error("an unknown kind is accepted")
	}
}
