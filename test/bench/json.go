package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream/format"
)

// clickFields are the 14 leaves of a click as columns.
func clickFields() []format.Field {
	field := func(name string, t arrow.DataType, path ...string) format.Field {
		return format.Field{Name: name, Type: t, Nullable: true, Path: path}
	}
	text, double := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Float64
	return []format.Field{
		field("event_id", text),
		field("ts", &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}),
		field("user_id", arrow.PrimitiveTypes.Int64),
		field("type", text),
		field("url", text),
		field("referrer", text),
		field("amount", double),
		field("country", text, "geo", "country"),
		field("city", text, "geo", "city"),
		field("lat", double, "geo", "lat"),
		field("lon", double, "geo", "lon"),
		field("os", text),
		field("duration_ms", arrow.PrimitiveTypes.Int32),
		field("mobile", arrow.FixedWidthTypes.Boolean),
	}
}

// recordsPerBatch is about what a producer with Kafka's defaults puts into one batch under load.
const recordsPerBatch = 1000

// rowsPerColumnBatch is how many rows the engine gathers before it hands them on.
const rowsPerColumnBatch = 8192

func batches(values [][]byte) []record.Batch {
	var out []record.Batch
	var b record.Builder
	for chunk := range slices.Chunk(values, recordsPerBatch) {
		b.Reset(record.None)
		for _, v := range chunk {
			b.Add(0, nil, v)
		}
		out = append(out, slices.Clone(b.Build()))
	}
	return out
}

// decodeAll decodes every batch into columns and hands them to take, which releases them.
func decodeAll(fields []format.Field, in []record.Batch, take func(arrow.RecordBatch)) error {
	d, err := format.NewDecoder("json", fields, format.Options{Timestamps: format.TimestampISO})
	if err != nil {
		return err
	}
	flush := func() error {
		rec, bad := d.Take()
		if len(bad) > 0 {
			return fmt.Errorf("decode clicks: %s", bad[0].Reason)
		}
		if rec != nil {
			take(rec)
		}
		return nil
	}
	for _, b := range in {
		if err := d.Start(b, "clicks", 0, 0); err != nil {
			return err
		}
		for more := true; more; {
			var err error
			if _, more, err = d.Decode(rowsPerColumnBatch, math.MaxInt); err != nil {
				return err
			}
			if d.Rows() >= rowsPerColumnBatch {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// contender is one way to do the work of a section.
type contender struct {
	name string
	run  func() error
}

// rowsPerCPUSecond runs each contender in turn, once to warm up and then once a round, on one processor. Garbage of one
// is collected before the next begins; its own is in its time.
func (b *bench) rowsPerCPUSecond(ctx context.Context, rows int, all []contender) ([][]float64, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	out := make([][]float64, len(all))
	for round := range b.rounds + 1 {
		for i, c := range all {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			runtime.GC()
			start := ownCPU()
			if err := c.run(); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if used := ownCPU() - start; round > 0 {
				out[i] = append(out[i], float64(rows)/used.Seconds())
			}
		}
		b.progress("%d contenders, %s", len(all), map[bool]string{true: "warm-up", false: fmt.Sprintf("round %d of %d", round, b.rounds)}[round == 0])
	}
	return out, nil
}

func runJSON(ctx context.Context, b *bench) (report, error) {
	const events = 50_000
	passes := 16
	if b.quick {
		passes = 4
	}
	b.progress("JSON: %d events, %d passes", events, passes)
	values := clicks(events)
	in := batches(values)
	weir := func(fields []format.Field) func() error {
		return func() error {
			for range passes {
				if err := decodeAll(fields, in, func(rec arrow.RecordBatch) { rec.Release() }); err != nil {
					return err
				}
			}
			return nil
		}
	}
	fields := clickFields()
	all := []contender{
		{"encoding/json into a struct, no columns", func() error {
			for range passes {
				for _, v := range values {
					var c click
					if err := json.Unmarshal(v, &c); err != nil {
						return err
					}
				}
			}
			return nil
		}},
		{"Weir, all 14 members into Arrow columns", weir(fields)},
		{"Weir, 3 of the 14", weir([]format.Field{fields[1], fields[2], fields[9]})},
	}
	start := time.Now()
	got, err := b.rowsPerCPUSecond(ctx, events*passes, all)
	if err != nil {
		return report{}, err
	}
	r := report{
		page: "README.md", title: "JSON decoder", head: []string{"decoder", "rows per CPU second", "beside encoding/json"},
		note: fmt.Sprintf("Medians of %d rounds [lowest-highest], one processor; %.0f s.", b.rounds, time.Since(start).Seconds()),
	}
	base := median(got[0])
	for i, c := range all {
		r.rows = append(r.rows, []string{c.name, spread(got[i], grouped), ratio(median(got[i]), base)})
	}
	return r, nil
}
