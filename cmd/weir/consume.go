package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/stream"
	"github.com/weirhub/weir/stream/format"
)

type consumeFlags struct {
	from      string
	follow    bool
	max       int64
	format    string
	partition int32
	separator string
}

func newConsume(a *app) *cobra.Command {
	var f consumeFlags
	c := a.withBrokers(&cobra.Command{
		Use: "consume TOPIC", Short: "Print a topic's records", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.completeTopic,
		Long: `Prints the committed records of a topic, from --from to the end noted at the start, or on and on with --follow. It joins no
group and commits no offsets.

--from is start, end, an offset (of every partition), @TIME (2026-01-01, 2026-01-01T00:00:00+09:00, milliseconds since 1970) or
@-1h (a duration ago). A record's time is its timestamp.

--format raw prints values, one a line; json prints objects with topic, partition, offset, timestamp, key, value and headers, where
bytes that are not UTF-8 are {"base64": "..."}; table prints columns for reading.`,
		Example: "  weir consume flights --max 5\n  weir consume flights --from @-10m --follow --format json",
		RunE:    func(c *cobra.Command, v []string) error { return a.consume(c.Context(), v[0], f) },
	})
	c.Flags().StringVar(&f.from, "from", "start", "start, end, OFFSET, @TIME or @-DURATION")
	c.Flags().BoolVar(&f.follow, "follow", false, "wait for new records until interrupted")
	c.Flags().Int64Var(&f.max, "max", 0, "stop after so many records (0: no limit)")
	c.Flags().StringVar(&f.format, "format", "raw", "json, raw or table")
	c.Flags().Int32Var(&f.partition, "partition", -1, "only this partition (-1: all)")
	c.Flags().StringVar(&f.separator, "key-separator", "", "with --format raw: print the key and this before each value")
	return c
}

// start is where --from says to begin: at a time or an end of the log, or at an offset (-1: not by offset).
func (f consumeFlags) start(now time.Time) (at, offset int64, err error) {
	switch {
	case f.from == "start":
		return topic.Earliest, -1, nil
	case f.from == "end":
		return topic.Latest, -1, nil
	case strings.HasPrefix(f.from, "@"):
		at, err := parseTime(f.from[1:], now)
		return at, -1, err
	}
	offset, err = strconv.ParseInt(f.from, 10, 64)
	if err != nil || offset < 0 {
		return 0, 0, usagef("--from start|end|OFFSET|@TIME|@-1h", "from cannot be %q", f.from)
	}
	return topic.Earliest, offset, nil
}

func parseTime(s string, now time.Time) (int64, error) {
	if ago, ok := strings.CutPrefix(s, "-"); ok {
		if d, err := time.ParseDuration(ago); err == nil {
			return now.Add(-d).UnixMilli(), nil
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMilli(), nil
		}
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && ms >= 0 {
		return ms, nil
	}
	return 0, usagef("--from @2026-01-01T00:00:00Z or @-1h", "from cannot be the time %q", s)
}

// consumedFields are the parts of a record that are printed.
func consumedFields() []format.Field {
	return []format.Field{
		{Name: "partition", Type: arrow.PrimitiveTypes.Int32, Source: format.FromPartition},
		{Name: "offset", Type: arrow.PrimitiveTypes.Int64, Source: format.FromOffset},
		{Name: "timestamp", Type: &arrow.TimestampType{Unit: arrow.Millisecond}, Source: format.FromTimestamp},
		{Name: "key", Type: arrow.BinaryTypes.Binary, Nullable: true, Source: format.FromKey},
		{Name: "value", Type: arrow.BinaryTypes.Binary, Nullable: true, Source: format.FromRawValue},
		{Name: "headers", Type: arrow.BinaryTypes.Binary, Source: format.FromHeaders},
		{Name: "header_count", Type: arrow.PrimitiveTypes.Int32, Source: format.FromHeaderCount},
	}
}

func (a *app) consume(ctx context.Context, name string, f consumeFlags) error {
	if a.output == "json" {
		f.format = "json"
	}
	print, ok := map[string]func(*printer, *row) error{"raw": (*printer).raw, "json": (*printer).json, "table": (*printer).table}[f.format]
	if !ok {
		return usagef("--format json|raw|table", "format cannot be %q", f.format)
	}
	if f.max < 0 {
		return usagef("--max 10", "max cannot be %d", f.max)
	}
	at, offset, err := f.start(time.Now())
	if err != nil {
		return err
	}
	seeds, err := a.bootstrap(ctx)
	if err != nil {
		return err
	}
	partitions, err := a.partitionsOf(ctx, name)
	if err != nil {
		return err
	}
	if int(f.partition) >= partitions {
		return fmt.Errorf("consume %s: no partition %d; it has 0 to %d", name, f.partition, partitions-1)
	}
	client, err := topic.Dial(seeds)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	src, err := topic.NewSource(topic.NewCluster(client), topic.SourceOptions{
		Topic: name, Start: at, Bounded: !f.follow,
		NewDecoder: func() (topic.Decoder, error) {
			return format.NewDecoder("raw", consumedFields(), format.Options{KeepNullValues: true})
		},
	}, stream.Task{Index: 0, Of: 1})
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }()
	var from []stream.Position
	for p := range partitions {
		if offset >= 0 {
			from = append(from, stream.Position{Split: fmt.Sprintf("%s-%d", name, p), Offset: offset})
		}
	}
	if err := src.Open(ctx, from); err != nil {
		return err
	}
	width, _, _ := terminal(a.out)
	p := &printer{out: bufio.NewWriterSize(a.out, 64<<10), topic: name, separator: f.separator, width: width, print: print}
	err = a.printAll(ctx, src, p, f)
	if flushErr := p.out.Flush(); err == nil {
		err = flushErr
	}
	return err
}

func (a *app) partitionsOf(ctx context.Context, name string) (n int, err error) {
	err = a.kafkaAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		topics, err := adm.ListTopicsWithInternal(ctx, name)
		if err != nil {
			return plain(err, "consume", name)
		}
		if err := topics[name].Err; err != nil {
			return plain(err, "consume", name)
		}
		n = len(topics[name].Partitions)
		return nil
	})
	return n, err
}

// printAll prints until the source ends, enough was printed, or ctx ends, which is the ordinary end of --follow.
func (a *app) printAll(ctx context.Context, src *topic.Source, p *printer, f consumeFlags) error {
	for printed := int64(0); ; {
		b, err := src.Read(ctx)
		if errors.Is(err, io.EOF) || err != nil && ctx.Err() != nil && f.follow {
			return nil
		}
		if err != nil {
			return err
		}
		for _, bad := range b.Bad {
			_, _ = fmt.Fprintf(a.err, "%s-%d offset %d: %s\n", bad.Topic, bad.Partition, bad.Offset, bad.Reason)
		}
		if b.Rec == nil {
			continue
		}
		n, err := p.batch(b.Rec, f, f.max-printed)
		b.Rec.Release()
		printed += n
		if err != nil || f.max > 0 && printed >= f.max {
			return err
		}
		if err := p.out.Flush(); err != nil {
			return err
		}
	}
}

// row is one record as it is printed; slices are views.
type row struct {
	partition   int32
	offset      int64
	timestamp   int64
	key, value  []byte
	headers     []byte
	headerCount int
}

type printer struct {
	out       *bufio.Writer
	topic     string
	separator string
	width     int
	header    bool
	print     func(*printer, *row) error
}

func (p *printer) batch(rec arrow.RecordBatch, f consumeFlags, most int64) (n int64, err error) {
	var (
		partitions = rec.Column(0).(*array.Int32)
		offsets    = rec.Column(1).(*array.Int64)
		times      = rec.Column(2).(*array.Timestamp)
		keys       = rec.Column(3).(*array.Binary)
		values     = rec.Column(4).(*array.Binary)
		headers    = rec.Column(5).(*array.Binary)
		counts     = rec.Column(6).(*array.Int32)
	)
	bytes := func(a *array.Binary, i int) []byte {
		if a.IsNull(i) {
			return nil
		}
		return a.Value(i)
	}
	for i := range int(rec.NumRows()) {
		if f.partition >= 0 && partitions.Value(i) != f.partition {
			continue
		}
		if f.max > 0 && n >= most {
			break
		}
		r := row{
			partitions.Value(i), offsets.Value(i), int64(times.Value(i)), bytes(keys, i), bytes(values, i), headers.Value(i),
			int(counts.Value(i)),
		}
		if err := p.print(p, &r); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (p *printer) raw(r *row) error {
	if p.separator != "" {
		_, _ = p.out.Write(r.key)
		_, _ = p.out.WriteString(p.separator)
	}
	_, _ = p.out.Write(r.value)
	return p.out.WriteByte('\n')
}

// bytesJSON is bytes in JSON: null, text, or base64 where they are not UTF-8.
type bytesJSON []byte

// MarshalJSON implements json.Marshaler.
func (b bytesJSON) MarshalJSON() ([]byte, error) {
	switch {
	case b == nil:
		return []byte("null"), nil
	case utf8.Valid(b):
		return json.Marshal(string(b))
	}
	return json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString(b)})
}

type headerJSON struct {
	Key   bytesJSON `json:"key"`
	Value bytesJSON `json:"value"`
}

func (p *printer) json(r *row) error {
	out := struct {
		Topic     string       `json:"topic"`
		Partition int32        `json:"partition"`
		Offset    int64        `json:"offset"`
		Timestamp int64        `json:"timestamp"`
		Key       bytesJSON    `json:"key"`
		Value     bytesJSON    `json:"value"`
		Headers   []headerJSON `json:"headers"`
	}{p.topic, r.partition, r.offset, r.timestamp, r.key, r.value, []headerJSON{}}
	err := record.EachHeader(r.headers, r.headerCount, func(h record.Header) error {
		out.Headers = append(out.Headers, headerJSON{h.Key, h.Value})
		return nil
	})
	if err != nil {
		return err
	}
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}

// cellText shows bytes in a table.
func cellText(b []byte) string {
	switch {
	case b == nil:
		return "NULL"
	case utf8.Valid(b):
		return strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(string(b))
	}
	return fmt.Sprintf("%x", b)
}

func (p *printer) table(r *row) error {
	if !p.header {
		p.header = true
		if _, err := fmt.Fprintf(p.out, "%4s %10s  %-23s  %-20s  %s\n", "PART", "OFFSET", "TIME (UTC)", "KEY", "VALUE"); err != nil {
			return err
		}
	}
	line := []rune(fmt.Sprintf("%4d %10d  %s  %-20s  %s", r.partition, r.offset,
		time.UnixMilli(r.timestamp).UTC().Format("2006-01-02 15:04:05.000"), cellText(r.key), cellText(r.value)))
	if p.width > 0 && len(line) > p.width {
		line = line[:p.width]
	}
	_, err := fmt.Fprintln(p.out, string(line))
	return err
}
