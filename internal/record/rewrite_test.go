package record

import (
	"fmt"
	"slices"
	"testing"
)

// records reads a batch into values that outlive the reader.
func records(t *testing.T, b Batch) []string {
	t.Helper()
	var r Reader
	var rec Record
	if err := r.Reset(b, 0); err != nil {
		t.Fatal(err)
	}
	var out []string
	for r.Next(&rec) {
		s := fmt.Sprintf("%d@%d %q=%q", rec.Offset, rec.Timestamp, rec.Key, rec.Value)
		if err := rec.EachHeader(func(h Header) error {
			s += fmt.Sprintf(" %s:%s", h.Key, h.Value)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return out
}

// A rewritten batch has the chosen records with their offsets, timestamps, keys, values and headers, the offsets, producer
// and codec of the old one, the largest timestamp of what is left, and passes Validate. With a delete horizon the
// records read the same, since their times count from it.
func TestRewriteKeepsChosenRecords(t *testing.T) {
	for _, codec := range []Codec{None, Gzip, Snappy, LZ4, Zstd} {
		for _, appendTime := range []bool{false, true} {
			var build Builder
			build.Reset(codec)
			build.SetProducer(7, 3, 40, true)
			build.Add(500, []byte("a"), []byte("1"), Header{Key: []byte("h"), Value: []byte("x")})
			build.Add(900, []byte("b"), []byte("2"))
			build.Add(300, []byte("c"), nil)
			build.Add(700, []byte(""), []byte(""))
			b := slices.Clone(build.Build())
			b.SetBaseOffset(1000)
			if appendTime {
				b.StampAppendTime(5000)
			}
			all := records(t, b)
			var r Reader
			var keep []Record
			var rec Record
			if err := r.Reset(b, 0); err != nil {
				t.Fatal(err)
			}
			for r.Next(&rec) {
				if rec.Offset != 1001 {
					keep = append(keep, rec)
				}
			}
			want := []string{all[0], all[2], all[3]}
			latest := int64(700)
			if appendTime {
				latest = 5000
			}
			for _, horizon := range []int64{-1, 1 << 41} {
				var w Rewriter
				got := w.Rewrite(b, keep, horizon)
				if err := got.Validate(); err != nil {
					t.Fatal(err)
				}
				if s := records(t, got); !slices.Equal(s, want) {
					t.Errorf("%s: %q, want %q", codec, s, want)
				}
				if got.BaseOffset() != 1000 || got.LastOffset() != 1003 || got.Count() != 3 || got.MaxTimestamp() != latest ||
					got.Codec() != codec || got.ProducerID() != 7 || got.ProducerEpoch() != 3 || got.BaseSequence() != 40 ||
					!got.Transactional() || got.LogAppendTime() != appendTime {
					t.Errorf("%s: header % x", codec, []byte(got[:HeaderBytes]))
				}
				at, ok := got.DeleteHorizon()
				if ok != (horizon >= 0) || ok && at != horizon {
					t.Errorf("%s: horizon %d, %t, want %d", codec, at, ok, horizon)
				}
			}
		}
	}
}

// Without records a batch is its header: with the producer's numbers, or as a placeholder without them.
func TestRewriteOfNothingKeepsOffsets(t *testing.T) {
	var build Builder
	build.Reset(Zstd)
	build.SetProducer(7, 3, 40, false)
	build.Add(500, []byte("a"), []byte("1"))
	build.Add(600, []byte("b"), []byte("2"))
	b := slices.Clone(build.Build())
	b.SetBaseOffset(10)
	var w Rewriter
	empty := slices.Clone(w.Rewrite(b, nil, 77))
	placeholder := w.Placeholder(b)
	for _, got := range []Batch{empty, placeholder} {
		if err := got.Validate(); err != nil {
			t.Error(err)
		}
		if len(got) != HeaderBytes || got.BaseOffset() != 10 || got.LastOffset() != 11 || got.Count() != 0 || got.MaxTimestamp() != -1 || got.Codec() != None {
			t.Errorf("header % x", []byte(got))
		}
		if s := records(t, got); len(s) > 0 {
			t.Errorf("records %q", s)
		}
	}
	if first, last := empty.Sequences(); empty.ProducerID() != 7 || first != 40 || last != 41 {
		t.Errorf("producer %d with sequences %d-%d", empty.ProducerID(), first, last)
	}
	if placeholder.ProducerID() != -1 || placeholder.ProducerEpoch() != -1 || placeholder.BaseSequence() != -1 {
		t.Errorf("placeholder of producer %d", placeholder.ProducerID())
	}
}
