package clients

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/internal/record"
	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// field is bytes of a record; nil is null.
type field []byte

// odd is what testdata/odd.py sends.
type odd struct {
	key, value field
	headers    []field // of headers that are all named h
}

func oddRecords() []odd {
	k, v := field("k"), field("v")
	many := make([]field, 10_000)
	for i := range many {
		many[i] = fmt.Append(nil, i)
	}
	return []odd{
		{nil, v, nil},
		{field{}, v, nil},
		{k, nil, nil},
		{k, field{}, nil},
		{k, v, []field{nil}},
		{k, v, []field{{}}},
		{k, v, []field{field("1"), field("2"), field("1")}},
		{k, v, nil},
		{k, v, []field{{0xff, 0}}},
		{k, v, many},
	}
}

func same(a, b field) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func (o odd) equal(p odd) bool {
	return same(o.key, p.key) && same(o.value, p.value) && slices.EqualFunc(o.headers, p.headers, same)
}

// check compares records as one reader saw them with those sent.
func check(t *testing.T, reader string, got []odd) {
	t.Helper()
	want := oddRecords()
	if len(got) != len(want) {
		t.Fatalf("%s: %d records, want %d", reader, len(got), len(want))
	}
	for i := range want {
		if !got[i].equal(want[i]) {
			t.Errorf("%s: record %d is %.200q, want %.200q", reader, i, got[i], want[i])
		}
	}
}

const echoFile = `
version: 1
topics:
  odd: {partitions: 1}
  echoed: {partitions: 1}
functions:
  echo:
    runtime: python3
    code: %s
    handler: echo.handler
    triggers: odd
    to: echoed
`

// Null, empty and absent keys, values and headers stay apart, and bytes that are no UTF-8 stay what they are: from
// librdkafka to franz-go, `weir consume`, a function's event and SQL.
func TestNullAndEmptyStayApartEverywhere(t *testing.T) {
	peers.Slow(t)
	code, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, echoFile, code), 0o600); err != nil {
		t.Fatal(err)
	}
	hub := hubtest.Up(t, file, "--data", t.TempDir())
	start(t, python(t, "odd.py", hub.Kafka, "odd")).finish()

	var got []odd
	for _, r := range all(t, hub, "odd", len(oddRecords())) {
		o := odd{key: r.Key, value: r.Value}
		for _, h := range r.Headers {
			o.headers = append(o.headers, h.Value)
		}
		got = append(got, o)
	}
	check(t, "franz-go", got)
	check(t, "weir consume", consumedOdd(t, hub.Weir("consume", "odd", "--format", "json")))
	check(t, "the function's event", echoedOdd(t, all(t, hub, "echoed", len(oddRecords()))))
	check(t, "SQL", selectedOdd(t, hub))
}

// text is bytes as `weir consume` prints them: null, a text, or {"base64": ...}.
type text struct{ field }

func (x *text) UnmarshalJSON(b []byte) error {
	var s *string
	if json.Unmarshal(b, &s) == nil {
		if s != nil {
			x.field = field(*s)
		}
		return nil
	}
	var o struct{ Base64 []byte }
	err := json.Unmarshal(b, &o)
	x.field = o.Base64
	return err
}

func consumedOdd(t *testing.T, out string) (got []odd) {
	t.Helper()
	for l := range strings.Lines(out) {
		var r struct {
			Key, Value text
			Headers    []struct{ Key, Value text }
		}
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatalf("%.200s: %v", l, err)
		}
		o := odd{key: r.Key.field, value: r.Value.field}
		for _, h := range r.Headers {
			o.headers = append(o.headers, h.Value.field)
		}
		got = append(got, o)
	}
	return got
}

// echoedOdd reads the event's records: base64 keys and values, header values as lists of signed bytes.
func echoedOdd(t *testing.T, records []*kgo.Record) (got []odd) {
	t.Helper()
	for _, rec := range records {
		var r struct {
			Key, Value *string
			Headers    []map[string]*[]int8
		}
		if err := json.Unmarshal(rec.Value, &r); err != nil {
			t.Fatalf("%.200s: %v", rec.Value, err)
		}
		var o odd
		for _, f := range []struct {
			from *string
			to   *field
		}{{r.Key, &o.key}, {r.Value, &o.value}} {
			if f.from == nil {
				continue
			}
			b, err := base64.StdEncoding.DecodeString(*f.from)
			if err != nil {
				t.Fatal(err)
			}
			*f.to = append(field{}, b...)
		}
		for _, h := range r.Headers {
			var v field
			if h["h"] != nil {
				v = field{}
				for _, c := range *h["h"] {
					v = append(v, byte(c))
				}
			}
			o.headers = append(o.headers, v)
		}
		got = append(got, o)
	}
	return got
}

// selectedOdd reads the topic in SQL, with the record's parts as METADATA: headers are encoded as in the record.
func selectedOdd(t *testing.T, hub *hubtest.Hub) (got []odd) {
	t.Helper()
	statements := "CREATE TABLE parts (k BYTES METADATA FROM 'key', v BYTES METADATA FROM 'value', h BYTES METADATA FROM 'headers'," +
		" n INT METADATA FROM 'header-count') WITH ('connector' = 'kafka', 'topic' = 'odd', 'format' = 'raw');" +
		" SELECT k IS NULL, v IS NULL, CAST(k AS STRING), CAST(v AS STRING), h, n FROM parts"
	for l := range strings.Lines(hub.Weir("sql", "-e", statements, "--format", "changelog")) {
		if !strings.HasPrefix(l, "{") {
			continue
		}
		var r struct{ Row [6]json.RawMessage }
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatalf("%.200s: %v", l, err)
		}
		got = append(got, sqlRow(t, r.Row))
	}
	return got
}

func sqlRow(t *testing.T, row [6]json.RawMessage) odd {
	t.Helper()
	var (
		isNull     [2]bool
		key, value text
		headers    string
		count      int
	)
	for i, into := range []any{&isNull[0], &isNull[1], &key, &value, &headers, &count} {
		if err := json.Unmarshal(row[i], into); err != nil {
			t.Fatalf("%.200s: %v", row[i], err)
		}
	}
	if isNull[0] != (key.field == nil) || isNull[1] != (value.field == nil) {
		t.Errorf("IS NULL says %v of %q and %q", isNull, key.field, value.field)
	}
	raw, err := hex.DecodeString(strings.TrimSuffix(strings.TrimPrefix(headers, "x'"), "'"))
	if err != nil {
		t.Fatal(err)
	}
	o := odd{key: key.field, value: value.field}
	err = record.EachHeader(raw, count, func(h record.Header) error {
		o.headers = append(o.headers, slices.Clone(h.Value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// A record larger than every limit of a consumer's fetch does not stop it: librdkafka and Java reach the end.
func TestRecordLargerThanTheFetchIsRead(t *testing.T) {
	peers.Slow(t)
	hub := hubtest.Up(t, "--data", t.TempDir())
	topic(t, hub, "large", 1, "max.message.bytes=10485760")
	producer := client(t, hub, kgo.DefaultProduceTopic("large"), kgo.ProducerBatchMaxBytes(8<<20))
	var want []string
	for i := range 11 {
		size := 1024
		if i == 0 {
			size = 5 << 20
		}
		want = append(want, fmt.Sprint(size))
		if err := producer.ProduceSync(ctx(t), &kgo.Record{Value: bytes.Repeat([]byte("x"), size)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	out := strings.Fields(start(t, python(t, "large.py", hub.Kafka, "large", "11")).finish())
	if !slices.Equal(out, want) {
		t.Errorf("librdkafka read records of %v bytes, want %v", out, want)
	}
	text := tool(t, "consumer.ConsoleConsumer", "--bootstrap-server", hub.Kafka, "--topic", "large", "--from-beginning", "--max-messages", "11",
		"--timeout-ms", "20000", "--command-property", "max.partition.fetch.bytes=1024", "--command-property", "fetch.max.bytes=1024")
	lines := strings.Split(text, "\n")
	if len(lines) != 11 || len(lines[0]) != 5<<20 {
		t.Errorf("Java read %d records, the first of %d bytes", len(lines), len(lines[0]))
	}
}

// Each client's own form of each codec is read by the hub's decoders, and by the other clients: Java frames snappy its own
// way, librdkafka cuts lz4 into other blocks.
func TestCodecsOfEachClientAreRead(t *testing.T) {
	peers.Slow(t)
	const records = 2000
	hub := hubtest.Up(t, "--data", t.TempDir())
	for _, codec := range []string{"gzip", "snappy", "lz4", "zstd"} {
		for client, cmd := range map[string]*exec.Cmd{
			"java":       java(t, "ConsoleProducer", "--bootstrap-server", hub.Kafka, "--topic", "java-"+codec, "--compression-codec", codec, "--batch-size", "100000"),
			"librdkafka": python(t, "produce.py", hub.Kafka, "librdkafka-"+codec, codec),
		} {
			name := client + "-" + codec
			topic(t, hub, name, 1)
			p := start(t, cmd)
			p.send(0, records)
			p.finish()
			lines := consume(t, hub, name)
			if len(lines) != records || lines[0] != line(0) || lines[records-1] != line(records-1) {
				t.Errorf("%s: weir consume gives %d records, want %d in their order", name, len(lines), records)
			}
			if got := all(t, hub, name, records); string(got[records-1].Value) != line(records-1) {
				t.Errorf("%s: franz-go ends with %q", name, got[records-1].Value)
			}
		}
	}
	read := tool(t, "consumer.ConsoleConsumer", "--bootstrap-server", hub.Kafka, "--include", "librdkafka-.*", "--from-beginning",
		"--max-messages", fmt.Sprint(4*records), "--timeout-ms", "20000")
	if n := len(strings.Split(read, "\n")); n != 4*records {
		t.Errorf("Java reads %d records of librdkafka, want %d", n, 4*records)
	}
}
