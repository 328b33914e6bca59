package format

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/weirhub/weir/internal/record"
)

// oracle is the judgement of another implementation: whether v is one JSON object in valid UTF-8.
func oracle(v []byte) bool {
	val := jsontext.Value(v)
	return val.IsValid(jsontext.AllowDuplicateNames(true)) && val.Kind() == '{'
}

// accepts is this package's judgement of v as JSON, with any fields whose types take any value.
func accepts(t testing.TB, fields []Field, v []byte) bool {
	t.Helper()
	d, err := NewDecoder("json", fields, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for range 2 { // the second time names are expected in their order
		d.Reset()
		if err := d.DecodeRecord(&record.Record{Value: v}, "t", 0); err != nil {
			t.Fatal(err)
		}
		if d.Rows()+d.Bad() != 1 {
			t.Fatalf("%d rows and %d bad records of one record", d.Rows(), d.Bad())
		}
	}
	return d.Rows() == 1
}

// textFields take any JSON value, at the top and nested.
var textFields = []Field{
	null("a", typString), null("b", typString), null("event_id", typString), null("referrer", typString),
	{Name: "geo", Type: typString, Nullable: true},
}

// checkAgainstOracle compares what v is, and what its members are, with the oracle.
func checkAgainstOracle(t testing.TB, v []byte) {
	t.Helper()
	want := oracle(v)
	if got := accepts(t, nil, v); got != want {
		t.Fatalf("without fields: accepted %v, the oracle says %v: %q", got, want, v)
	}
	if got := accepts(t, textFields, v); got != want {
		t.Fatalf("with fields: accepted %v, the oracle says %v: %q", got, want, v)
	}
	if want {
		checkMembers(t, v)
	}
}

// checkMembers compares the values that a valid object gives for columns of several types.
func checkMembers(t testing.TB, v []byte) {
	t.Helper()
	members := map[string]jsontext.Value{}
	dec := jsontext.NewDecoder(bytes.NewReader(v), jsontext.AllowDuplicateNames(true))
	if _, err := dec.ReadToken(); err != nil {
		t.Fatal(err)
	}
	for dec.PeekKind() == '"' {
		name, err := dec.ReadToken()
		if err != nil {
			t.Fatal(err)
		}
		key := name.String()
		val, err := dec.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		members[key] = val.Clone()
	}
	names := []string{"a", "b", "event_id", "user_id", "amount", "geo"}
	fields := make([]Field, 0, 3*len(names))
	for _, n := range names {
		for _, typ := range []Field{null("s", typString), null("i", typBigint), null("f", typDouble)} {
			typ.Path = []string{n}
			fields = append(fields, typ)
		}
	}
	d, err := NewDecoder("json", fields, Options{IgnoreParseErrors: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		d.Reset()
		if err := d.DecodeRecord(&record.Record{Value: v}, "t", 0); err != nil {
			t.Fatal(err)
		}
	}
	rec, _ := d.Take()
	defer rec.Release()
	for n, name := range names {
		val, ok := members[name]
		want := [3]string{"NULL", "NULL", "NULL"}
		if ok {
			want = expected(t, val)
		}
		for i := range 3 {
			if got := cell(rec.Column(3*n+i), 0); want[i] != "?" && got != want[i] {
				t.Fatalf("%s as %s is %q, want %q: %q", name, fields[i].Type, got, want[i], v)
			}
		}
	}
}

// expected is what a member gives as STRING, BIGINT and DOUBLE; "?" is not judged.
func expected(t testing.TB, val jsontext.Value) [3]string {
	t.Helper()
	switch val.Kind() {
	case 'n':
		return [3]string{"NULL", "NULL", "NULL"}
	case '"':
		s, err := jsontext.AppendUnquote(nil, val)
		if err != nil {
			t.Fatal(err)
		}
		return [3]string{string(s), "?", "?"}
	case '0':
		i := "?"
		if !strings.ContainsAny(string(val), ".eE") {
			i = "NULL"
			if n, err := strconv.ParseInt(string(val), 10, 64); err == nil {
				i = strconv.FormatInt(n, 10)
			}
		}
		f, _ := strconv.ParseFloat(string(val), 64)
		return [3]string{string(val), i, strconv.FormatFloat(f, 'g', -1, 64)}
	case 't', 'f':
		return [3]string{string(val), "NULL", "NULL"}
	}
	if err := val.Compact(jsontext.AllowDuplicateNames(true)); err != nil {
		t.Fatal(err)
	}
	return [3]string{string(val), "NULL", "NULL"}
}

var jsonSeeds = []string{
	`{}`, ` { } `, `{"a":1}`, `{"a":1,"a":"x"}`, `{"a":{"a":1},"b":[1,2,{"b":[]}]}`, `{"a" : 1 , "b" : null}`,
	`{"a":"\u00e9\ud83d\ude00\n\"\\\/"}`, `{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, `{"\u0061":7}`, `{"a":"é😀"}`,
	"{\"a\":\"\xff\"}", "{\"a\":\"\x01\"}", `{"a":01}`, `{"a":-}`, `{"a":-0}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1e+5}`,
	`{"a":1E-400}`, `{"a":1e400}`, `{"a":123456789012345678}`, `{"a":1234567.1234567}`, `{"a":12345678.12345678}`,
	`{"a":9223372036854775807,"b":9223372036854775808}`, `{"a":tru}`, `{"a":nul}`, `{"a":truee}`, `{"a"}`, `{"a":}`, `{,}`,
	`{"a":1,}`, `{"a":1}}`, `{"a":1} x`, `[1]`, `"a"`, `1`, `null`, ``, ` `, `{"a":[1,]}`, `{"a":[}`, `{"a":{]}`, `{a:1}`, `{'a':1}`,
	`{"user_id":1,"amount":0.30,"event_id":"x"}`, `{"geo":{"lat":1.5},"geo":7}`, "\xef\xbb\xbf{}", `{"a":0.1e1,"b":-0.0}`,
	`{"a":"` + strings.Repeat("x", 100) + `"}`, `{"` + strings.Repeat("n", 40) + `":1,"a":2}`, `{"a":"\`, `{"a":"\u12`, `{"a":NaN}`,
}

// TestJSONAgreesWithOracle: which texts are JSON, and what their members are, is what another implementation says: for
// hand-picked texts, for real events, and for events with bytes changed, cut out or repeated.
func TestJSONAgreesWithOracle(t *testing.T) {
	for _, s := range jsonSeeds {
		checkAgainstOracle(t, []byte(s))
	}
	r := rand.New(rand.NewPCG(3, 4))
	const bytesToPut = "\"\\{}[]:,0123456789.eE+-tfn u\x00\x1f\x7f\x80\xc3\xa9\xed\xa0\xff"
	for _, v := range clicks(3000) {
		v = slices.Clone(v)
		checkAgainstOracle(t, v)
		switch i := r.IntN(len(v)); r.IntN(4) {
		case 0:
			v[i] = bytesToPut[r.IntN(len(bytesToPut))]
		case 1:
			v = slices.Delete(v, i, min(i+1+r.IntN(3), len(v)))
		case 2:
			v = slices.Insert(v, i, bytesToPut[r.IntN(len(bytesToPut))])
		case 3:
			v = v[:i]
		}
		checkAgainstOracle(t, v)
	}
}

// TestNestingIsBounded: 1000 levels are read, 1001 are not, for values that are wanted and for those that are not.
func TestNestingIsBounded(t *testing.T) {
	for _, open := range []string{`[`, `{"a":`} {
		for levels, want := range map[int]bool{maxDepth - 1: true, maxDepth: false} { // the object around it is one more
			shut := map[string]string{`[`: `]`, `{"a":`: `}`}[open]
			v := fmt.Sprintf(`{"a":%s1%s}`, strings.Repeat(open, levels), strings.Repeat(shut, levels))
			for _, fields := range [][]Field{nil, textFields} {
				if got := accepts(t, fields, []byte(v)); got != want {
					t.Errorf("%d levels of %s: accepted %v", levels+1, open, got)
				}
			}
		}
	}
}

// FuzzJSON: no text makes the decoder differ from the oracle, or panic.
func FuzzJSON(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s))
	}
	for _, v := range clicks(3) {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		if bytes.Count(v, []byte{'['})+bytes.Count(v, []byte{'{'}) < maxDepth {
			checkAgainstOracle(t, v)
		}
	})
}
