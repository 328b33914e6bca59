package format

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
)

// FuzzCSV: for texts that encoding/csv can read, both find the same fields; for all texts, reading ends, uses every byte
// once, and does not depend on where the text is cut into pieces.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"a,b\n1,2\n", "\"a\",\"b\"\"c\"\r\n\r\n\"x\ny\",z", "1,\"open\n2,b\n3,c\n", "\"a\"b,c\n", "a,b,c\n\"", "\"\"\n", ",\n", "#x\na", "\r", "\"a\"\r", "a\rb,c", "000,\"0000\"0000",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, v []byte, piece uint8) {
		whole, used := csvRows(t, v, len(v))
		if used != len(v) {
			t.Fatalf("used %d of %d bytes", used, len(v))
		}
		if pieces, _ := csvRows(t, v, 1+int(piece)%8); pieces != whole {
			t.Fatalf("in pieces: %q, whole: %q", pieces, whole)
		}
		r := csv.NewReader(bytes.NewReader(v))
		r.FieldsPerRecord = -1
		all, err := r.ReadAll()
		if err != nil || bytes.ContainsRune(v, '\r') { // encoding/csv drops CR within quotes
			return
		}
		var want strings.Builder
		for _, rec := range all {
			for i := range 2 {
				if i < len(rec) && (i == 0 || len(rec) > i) {
					fmt.Fprintf(&want, "%q ", rec[i])
				} else {
					want.WriteString("NULL ")
				}
			}
			want.WriteByte('\n')
		}
		if want.String() != whole {
			t.Fatalf("fields %q, encoding/csv says %q", whole, want.String())
		}
	})
}

// csvRows reads a text whose new bytes become visible piece by piece, and prints the first two fields of its records.
func csvRows(t *testing.T, v []byte, piece int) (out string, used int) {
	t.Helper()
	d, err := NewDecoder("csv", []Field{null("a", typBytes), null("b", typBytes)}, Options{RaggedIsNull: true})
	if err != nil {
		t.Fatal(err)
	}
	// BYTES are base64 in CSV: take the text as it is instead, valid UTF-8 or not.
	d.values.(*csvDecoder).columns = nil
	c := d.values.(*csvDecoder)
	var b strings.Builder
	for seen := min(piece, len(v)); ; seen = min(seen+piece, len(v)) {
		for {
			rest := v[used:seen]
			s, err := d.DecodeNext(rest, seen == len(v), "f", 1)
			if err != nil {
				t.Fatal(err)
			}
			if s.Bytes == 0 {
				break
			}
			if d.Rows() == 1 {
				for i := range 2 {
					if i >= len(c.parser.fields) {
						b.WriteString("NULL ")
						continue
					}
					f := c.parser.fields[i]
					text := rest[f.start:f.end]
					if f.doubled {
						text = undouble(nil, text, '"')
					}
					fmt.Fprintf(&b, "%q ", text)
				}
				b.WriteByte('\n')
			}
			d.Reset()
			used += s.Bytes
		}
		if seen == len(v) {
			return b.String(), used
		}
	}
}
