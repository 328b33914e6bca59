package functions

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/weirhub/weir/internal/record"
)

// What an answer of a function puts out, or what is wrong with it: one case per form that doc.go names.
func TestAnswers(t *testing.T) {
	datadriven.RunTest(t, "testdata/answers", func(t *testing.T, d *datadriven.TestData) string {
		a, err := parseAnswer([]byte(d.Input), 99, d.Cmd != "failures", d.Cmd != "output")
		if err != nil {
			return err.Error() + "\n"
		}
		var out strings.Builder
		for _, r := range a.records {
			fmt.Fprintf(&out, "key=%s value=%s at=%d", text(r.Key), text(r.Value), r.Timestamp)
			if err := record.EachHeader(r.Headers, r.HeaderCount, func(h record.Header) error {
				fmt.Fprintf(&out, " %s=%s", text(h.Key), text(h.Value))
				return nil
			}); err != nil {
				t.Error(err)
			}
			out.WriteByte('\n')
		}
		for _, f := range a.failed {
			fmt.Fprintf(&out, "failed %s/%d@%d\n", f.topic, f.partition, f.offset)
		}
		if out.Len() == 0 {
			return "nothing\n"
		}
		return out.String()
	})
}

func text(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

// An answer never makes the parser panic, and what it gives out is well formed.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"records":[{"key":"a","value":{"b":1},"headers":{"h":[1,-1]},"timestamp":1,"isBase64Encoded":true}]}`,
		`[{"topic":"t","partition":0,"offset":1,"value":"YQ==","headers":[{"h":null}]}]`, `{"records":{"t-0":[{"value":null}]}}`,
		`{"batchItemFailures":[{"itemIdentifier":{"topic-partition":"t-0","offset":2}}]}`, `null`, ``, `"\ud800"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := parseAnswer(in, 0, true, true)
		if err != nil {
			return
		}
		for i := range a.records {
			r := &a.records[i]
			if err := record.EachHeader(r.Headers, r.HeaderCount, func(record.Header) error { return nil }); err != nil {
				t.Errorf("%q: %v", in, err)
			}
		}
	})
}
