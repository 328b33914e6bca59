package jscan

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	`{"a":1,"b":[true,false,null],"c":"x\u00e9\n"}`, `[]`, `{}`, ` [ 1 , 2.5e-3 ] `, `"\ud83d\ude00"`, `"\ud800"`, `"\ud800\ud800"`,
	`"\ud800x"`, `-0`, `01`, `1.`, `.5`, `1e`, `-`, `tru`, `nul`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[,1]`, `[1 2]`, `"`, `"\`, `"\u12`,
	`"\x"`, "\"\x01\"", `{"a":1}x`, ``, ` `, `{"a":{"b":{"c":[{}]}}}`, `9223372036854775807`, `9223372036854775808`, `1E400`, `{1:2}`,
	"\"\xff\"", `"\ud800\u0041"`, `[[[[`, `}`, `{"a":1 "b":2}`,
}

// check holds the scanner against encoding/json: the same texts are accepted, and mean the same.
func check(t *testing.T, in []byte) {
	var s Scanner
	s.Reset(in)
	_, err := s.Skip()
	if err == nil {
		err = s.End()
	}
	if json.Valid(in) != (err == nil) {
		if err != nil && strings.Contains(err.Error(), "nesting") {
			return
		}
		t.Fatalf("%q: encoding/json says %v, Skip says %v", in, json.Valid(in), err)
	}
	s.Reset(in)
	v, anyErr := s.Any()
	if anyErr == nil {
		anyErr = s.End()
	}
	if (anyErr == nil) != (err == nil) {
		t.Fatalf("%q: Skip says %v, Any says %v", in, err, anyErr)
	}
	if err != nil {
		return
	}
	var want any
	d := json.NewDecoder(bytes.NewReader(in))
	d.UseNumber()
	if d.Decode(&want) != nil {
		return
	}
	if got := AppendCompact(nil, bytes.TrimSpace(in)); !json.Valid(got) {
		t.Fatalf("%q: compact form %q is not valid", in, got)
	}
	// encoding/json replaces bytes that are not UTF-8; the scanner keeps them.
	if want = numbers(want); utf8.Valid(in) && !reflect.DeepEqual(v, want) {
		t.Fatalf("%q: got %#v, want %#v", in, v, want)
	}
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return ParseNumber([]byte(v))
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// The scanner accepts and means what encoding/json does.
func TestAgreesWithEncodingJSON(t *testing.T) {
	for _, s := range seeds {
		check(t, []byte(s))
	}
}

func FuzzScanner(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) { check(t, in) })
}

// Hand-computed values at the edges of int64.
func TestIntegersKeepTheirDigits(t *testing.T) {
	for in, want := range map[string]any{
		"0": 0, "-0": 0, "9007199254740993": 9007199254740993, "9223372036854775807": 9223372036854775807,
		"-9223372036854775808": -9223372036854775808, "9223372036854775808": 9223372036854775808.0, "1.0": 1.0, "1e3": 1000.0,
	} {
		if got := ParseNumber([]byte(in)); got != want {
			t.Errorf("%s: got %v (%T), want %v (%T)", in, got, got, want, want)
		}
	}
}

// Nesting is refused at the limit instead of exhausting the stack.
func TestDepthIsBounded(t *testing.T) {
	for depth, ok := range map[int]bool{MaxDepth: true, MaxDepth + 1: false, 1 << 20: false} {
		var s Scanner
		s.Reset([]byte(strings.Repeat("[", depth) + strings.Repeat("]", depth)))
		if _, err := s.Skip(); (err == nil) != ok {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}
