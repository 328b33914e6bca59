package format

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/weirhub/weir/internal/record"
)

// clickFields are the 14 leaf columns of the benchmark's events.
var clickFields = []Field{
	null("event_id", typString), null("ts", typLTZ3), null("user_id", typBigint), null("type", typString),
	null("url", typString), null("referrer", typString), null("amount", typDouble),
	{Name: "country", Type: typString, Nullable: true, Path: []string{"geo", "country"}},
	{Name: "city", Type: typString, Nullable: true, Path: []string{"geo", "city"}},
	{Name: "lat", Type: typDouble, Nullable: true, Path: []string{"geo", "lat"}},
	{Name: "lon", Type: typDouble, Nullable: true, Path: []string{"geo", "lon"}},
	null("os", typString), null("duration_ms", typInt), null("mobile", typBoolean),
}

// click is the same for encoding/json.
type click struct {
	EventID  string   `json:"event_id"`
	TS       string   `json:"ts"`
	UserID   int64    `json:"user_id"`
	Type     string   `json:"type"`
	URL      string   `json:"url"`
	Referrer *string  `json:"referrer"`
	Amount   *float64 `json:"amount"`
	Geo      struct {
		Country string  `json:"country"`
		City    string  `json:"city"`
		Lat     float64 `json:"lat"`
		Lon     float64 `json:"lon"`
	} `json:"geo"`
	OS         string `json:"os"`
	DurationMs int32  `json:"duration_ms"`
	Mobile     bool   `json:"mobile"`
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// clicks makes n events of about 265 bytes: one nested object, a member that is null half of the time and one that is
// missing in three of four, times slightly out of order.
func clicks(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 7))
	countries := [][2]string{
		{"DE", "Berlin"},
		{"US", "New York"},
		{"FR", "Paris"},
		{"BR", "Sao Paulo"},
		{"IN", "Mumbai"},
		{"JP", "Tokyo"},
		{"GB", "London"},
		{"PL", "Warsaw"},
		{"ES", "Madrid"},
		{"NG", "Lagos"},
	}
	base := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	out := make([][]byte, n)
	for i := range out {
		at := base.Add(time.Duration(i)*35*time.Millisecond - time.Duration(r.IntN(120_000))*time.Millisecond)
		g := countries[r.IntN(len(countries))]
		b := fmt.Appendf(nil, `{"event_id":"%08x-%08x","ts":"%s","user_id":%d,"type":"%s","url":"/p/%d?v=%d","referrer":`,
			i, r.Uint32(), at.Format("2006-01-02T15:04:05.000Z"), r.IntN(1_000_000),
			pick(r, "page_view", "click", "add_to_cart", "purchase", "search", "scroll"), r.IntN(20_000), r.IntN(100))
		if r.IntN(2) == 0 {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendQuote(b, pick(r, "https://search.example/", "https://news.example/a", "https://mail.example/"))
		}
		if r.IntN(4) == 0 {
			b = fmt.Appendf(b, `,"amount":%.2f`, float64(r.IntN(100_000))/100)
		}
		out[i] = fmt.Appendf(b, `,"geo":{"country":"%s","city":"%s","lat":%.3f,"lon":%.3f},"os":"%s","duration_ms":%d,"mobile":%t}`,
			g[0], g[1], float64(r.IntN(180_000)-90_000)/1000, float64(r.IntN(360_000)-180_000)/1000,
			pick(r, "ios", "android", "windows", "macos", "linux"), r.IntN(60_000), r.IntN(2) == 0)
	}
	return out
}

// cpu is the CPU time of the process, garbage collection included: the figure that neighbours on the machine disturb least.
func cpu() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// benchmarkRows runs f over all values per iteration and reports rows per CPU second.
func benchmarkRows(b *testing.B, values [][]byte, f func()) {
	f() // learn names, size buffers
	b.SetBytes(int64(len(bytes.Join(values, nil))))
	b.ReportAllocs()
	b.ResetTimer()
	start := cpu()
	for range b.N {
		f()
	}
	b.ReportMetric(float64(b.N*len(values))/(cpu()-start).Seconds(), "rows/cpu-s")
}

func benchmarkDecode(b *testing.B, fields []Field, values [][]byte) {
	b.Helper()
	d, err := NewDecoder("json", fields, Options{Timestamps: TimestampISO})
	if err != nil {
		b.Fatal(err)
	}
	var batches []record.Batch // of 1000 records, as producers send them
	for chunk := range slices.Chunk(values, 1000) {
		batches = append(batches, slices.Clone(batchOf(record.None, func(b *record.Builder) {
			for _, v := range chunk {
				b.Add(0, nil, v)
			}
		})))
	}
	benchmarkRows(b, values, func() {
		for _, batch := range batches {
			if err := d.Start(batch, "clicks", 0, 0); err != nil {
				b.Fatal(err)
			}
			for more := true; more; {
				var err error
				if _, more, err = d.Decode(8192, math.MaxInt); err != nil {
					b.Fatal(err)
				}
				if d.Rows() >= 8192 {
					take(b, d)
				}
			}
		}
		take(b, d)
	})
}

func take(b *testing.B, d *Decoder) {
	rec, bad := d.Take()
	if len(bad) > 0 {
		b.Fatal(bad[0].Reason)
	}
	if rec != nil {
		rec.Release()
	}
}

// BenchmarkJSONDecode compares this decoder, Arrow arrays included, with encoding/json into structs.
func BenchmarkJSONDecode(b *testing.B) {
	values := clicks(50_000)
	b.Run("weir", func(b *testing.B) { benchmarkDecode(b, clickFields, values) })
	b.Run("weir-3-of-14", func(b *testing.B) {
		benchmarkDecode(b, []Field{clickFields[1], clickFields[2], clickFields[9]}, values)
	})
	b.Run("weir-none", func(b *testing.B) { benchmarkDecode(b, nil, values) })
	b.Run("encoding-json", func(b *testing.B) {
		benchmarkRows(b, values, func() {
			var c click
			for _, v := range values {
				c = click{}
				if err := json.Unmarshal(v, &c); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// flightLines makes n lines of 19 fields, some NA, as of a table of flights.
func flightLines(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 9))
	out := make([][]byte, n)
	for i := range out {
		late := strconv.Itoa(r.IntN(200) - 30)
		if r.IntN(40) == 0 {
			late = "NA"
		}
		out[i] = fmt.Appendf(nil, "2013,%d,%d,%d,%d,%s,%d,%d,%s,%s,%d,N%05d,%s,%s,%d,%d,%d,%d,2013-%02d-%02dT%02d:00:00Z\n",
			1+r.IntN(12), 1+r.IntN(28), r.IntN(2400), r.IntN(2400), late, r.IntN(2400), r.IntN(2400), late, pick(r, "UA", "B6", "DL"),
			r.IntN(6000), r.IntN(99999), pick(r, "EWR", "LGA", "JFK"), pick(r, "IAH", "MIA", "ATL"), r.IntN(600), r.IntN(3000), r.IntN(24),
			r.IntN(60), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24))
	}
	return out
}

// BenchmarkCSVDecode compares the CSV decoder, typed columns included, with encoding/csv, which gives strings.
func BenchmarkCSVDecode(b *testing.B) {
	lines := flightLines(50_000)
	text := bytes.Join(lines, nil)
	b.Run("weir", func(b *testing.B) {
		fields, err := InferCSV(bytes.NewReader(text), false, Options{NullLiterals: []string{"NA"}})
		if err != nil {
			b.Fatal(err)
		}
		d, err := NewDecoder("csv", fields, Options{NullLiterals: []string{"NA"}})
		if err != nil {
			b.Fatal(err)
		}
		benchmarkRows(b, lines, func() {
			for rest := text; len(rest) > 0; {
				s, err := d.DecodeNext(rest, true, "f.csv", 1)
				if err != nil {
					b.Fatal(err)
				}
				rest = rest[s.Bytes:]
				if d.Rows() == 8192 {
					take(b, d)
				}
			}
			take(b, d)
		})
	})
	b.Run("encoding-csv", func(b *testing.B) {
		benchmarkRows(b, lines, func() {
			r := csv.NewReader(bytes.NewReader(text))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); err == io.EOF {
					return
				} else if err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// BenchmarkJSONEncode compares writing the same rows with encoding/json from structs.
func BenchmarkJSONEncode(b *testing.B) {
	values := clicks(8192)
	d, err := NewDecoder("json", clickFields, Options{Timestamps: TimestampISO})
	if err != nil {
		b.Fatal(err)
	}
	events := make([]click, len(values))
	for i, v := range values {
		if err := d.DecodeRecord(&record.Record{Value: v}, "clicks", 0); err != nil {
			b.Fatal(err)
		}
		if err := json.Unmarshal(v, &events[i]); err != nil {
			b.Fatal(err)
		}
	}
	rec, _ := d.Take()
	defer rec.Release()
	b.Run("weir", func(b *testing.B) {
		e, err := NewEncoder("json", rec.Schema(), nil, Options{})
		if err != nil {
			b.Fatal(err)
		}
		buf := make([]byte, 0, 4096)
		benchmarkRows(b, values, func() {
			e.Reset(rec)
			for i := range len(values) {
				buf, _ = e.Append(buf[:0], i)
			}
		})
	})
	b.Run("encoding-json", func(b *testing.B) {
		benchmarkRows(b, values, func() {
			for i := range events {
				if _, err := json.Marshal(&events[i]); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
