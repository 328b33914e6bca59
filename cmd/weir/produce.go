package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxLineBytes bounds a line: 16 times Kafka's default record, and below what the broker takes in a request.
const maxLineBytes = 16 << 20

const (
	defaultBatchBytes = 1_000_012 // franz-go's, a little below Kafka's default of max.message.bytes
	minBatchBytes     = 1 << 10   // franz-go refuses less; a topic that takes less refuses the record itself
)

type produceFlags struct {
	separator  string
	key        string
	tombstones bool
	partition  int32
	headers    map[string]string
	codec      string
}

func newProduce(a *app) *cobra.Command {
	var f produceFlags
	c := a.withBrokers(&cobra.Command{
		Use: "produce TOPIC", Short: "Send lines from standard input as records", Args: args(cobra.ExactArgs(1)), ValidArgsFunction: a.completeTopic,
		Long: `Sends each line of standard input as one record; the line's end (LF or CRLF) is not part of it. Empty lines are
skipped. With --key-separator the text before its first occurrence is the key. Records are acknowledged when they are durable.`,
		Example: "  printf 'k1:v1\\nk2:v2\\n' | weir produce orders --key-separator :",
		RunE:    func(c *cobra.Command, v []string) error { return a.produce(c.Context(), v[0], f) },
	})
	c.Flags().StringVar(&f.separator, "key-separator", "", "text between key and value")
	c.Flags().StringVar(&f.key, "key", "", "one key for all records")
	c.Flags().BoolVar(&f.tombstones, "tombstones", false, "send an empty value behind a key as null (a tombstone)")
	c.Flags().Int32Var(&f.partition, "partition", -1, "send to this partition (-1: by key)")
	c.Flags().StringToStringVarP(&f.headers, "header", "H", nil, "a record header, NAME=VALUE; may be repeated")
	c.Flags().StringVar(&f.codec, "compression", "none", "none, gzip, snappy, lz4 or zstd")
	return c
}

func (f produceFlags) options(topic string) ([]kgo.Opt, error) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	codec, ok := codecs[f.codec]
	if !ok {
		return nil, usagef("--compression zstd", "compression cannot be %q", f.codec)
	}
	if f.key != "" && f.separator != "" {
		return nil, usagef("weir produce --help", "--key and --key-separator exclude each other")
	}
	opts := []kgo.Opt{
		kgo.DefaultProduceTopic(topic), kgo.AllowAutoTopicCreation(), kgo.ProducerBatchCompression(codec),
		kgo.BrokerMaxWriteBytes(4 * maxLineBytes),
	}
	if f.partition >= 0 {
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	return opts, nil
}

// sent counts acknowledged records and keeps the first failure with its line.
type sent struct {
	mu struct {
		sync.Mutex
		records int64
		line    int64
		err     error
	}
}

func (s *sent) done(line int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.mu.records++
	} else if s.mu.err == nil || line < s.mu.line {
		s.mu.line, s.mu.err = line, err
	}
}

func (s *sent) failed() (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.line, s.mu.err
}

func (a *app) produce(ctx context.Context, topic string, f produceFlags) error {
	opts, err := f.options(topic)
	if err != nil {
		return err
	}
	limit, err := a.batchLimit(ctx, topic)
	if err != nil {
		return err
	}
	cl, err := a.kafka(ctx, append(opts, kgo.ProducerBatchMaxBytes(limit))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	var s sent
	line, readErr := a.sendLines(ctx, cl, f, int(limit), &s)
	readErr = produceError(readErr, topic)
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	if at, err := s.failed(); err != nil {
		line, readErr = at, produceError(err, topic)
	}
	s.mu.Lock()
	n := s.mu.records
	s.mu.Unlock()
	if readErr != nil {
		return fmt.Errorf("produce %s: line %d: %w; %s records were sent", topic, line, readErr, count(n))
	}
	return a.did(fmt.Sprintf("%s to %s", number(int(n), "record", "records"), topic), map[string]any{"topic": topic, "records": n})
}

// batchLimit is the largest batch that the topic takes: in a larger one a line that is too long would take its neighbours
// along. Of a topic that is not there yet, or may not be described, it is the client's default, which all brokers take.
func (a *app) batchLimit(ctx context.Context, topic string) (int32, error) {
	limit := int64(defaultBatchBytes)
	err := a.kafkaAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		configs, err := adm.DescribeTopicConfigs(ctx, topic)
		if err != nil {
			return fmt.Errorf("produce %s: %w", topic, err)
		}
		for _, c := range configs {
			for _, k := range c.Configs {
				if n, err := strconv.ParseInt(k.MaybeValue(), 10, 32); err == nil && k.Key == "max.message.bytes" {
					limit = n
				}
			}
		}
		return nil
	})
	return int32(min(max(limit, minBatchBytes), maxLineBytes)), err
}

func produceError(err error, topic string) error {
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return fmt.Errorf("the record is larger than the topic's max.message.bytes (see `weir topic describe %s`)", topic)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return errors.New("no such topic or partition")
	case errors.Is(err, kerr.InvalidTopicException):
		return errors.New("a topic's name has 1 to 249 of a-z A-Z 0-9 . _ -")
	}
	return err
}

// sendLines sends line by line until the input ends, a line is bad or a record has failed; it gives the line it stopped at.
func (a *app) sendLines(ctx context.Context, cl *kgo.Client, f produceFlags, limit int, s *sent) (int64, error) {
	in := bufio.NewReaderSize(a.in, 64<<10)
	for line := int64(1); ; line++ {
		text, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return line, err
		}
		end := err != nil
		if len(text) > 0 {
			r, err := f.record(text)
			if err != nil {
				return line, err
			}
			if len(text) > limit {
				return line, kerr.MessageTooLarge // here, so that no later line is sent
			}
			at := line
			cl.Produce(ctx, r, func(_ *kgo.Record, err error) { s.done(at, err) })
		}
		if _, failed := s.failed(); failed != nil || end || ctx.Err() != nil {
			return line, ctx.Err()
		}
	}
}

// readLine gives the next line without its end, in memory of its own. io.EOF comes with the last one.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLineBytes {
			return nil, fmt.Errorf("the line is longer than %d bytes", maxLineBytes)
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if n := len(line); n > 0 && line[n-1] == '\n' {
			line = bytes.TrimSuffix(line[:n-1], []byte("\r"))
		}
		return line, err
	}
}

func (f produceFlags) record(text []byte) (*kgo.Record, error) {
	r := &kgo.Record{Value: text, Partition: max(f.partition, 0)}
	if f.key != "" {
		r.Key = []byte(f.key)
	}
	if f.separator != "" {
		k, v, ok := bytes.Cut(text, []byte(f.separator))
		if !ok {
			return nil, fmt.Errorf("no %q in it", f.separator)
		}
		r.Key, r.Value = k, v
		if f.tombstones && len(v) == 0 {
			r.Value = nil
		}
	}
	for k, v := range f.headers {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: k, Value: []byte(v)})
	}
	return r, nil
}
