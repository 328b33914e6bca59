package functions

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"
)

func header(dst []byte, key string, value []byte) []byte {
	dst = append(binary.AppendVarint(dst, int64(len(key))), key...)
	if value == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(value))), value...)
}

// The event is Lambda's to the byte: base64 and null told apart from empty, signed header bytes, one object a header, the
// records of a partition together and in order. The text follows AWS's page and its Go types.
func TestKafkaEvent(t *testing.T) {
	twice := header(header(header(nil, "site", []byte("pl\xc3")), "site", []byte{}), "none", nil)
	recs := []Record{
		{Topic: "telemetry", Partition: 3, Offset: 41, Timestamp: 1772353800123, Key: []byte("dev-7"), Value: []byte("{}"), Headers: twice, HeaderCount: 3},
		{Topic: "telemetry", Partition: 0, Offset: 7, Timestamp: -1, Key: nil, Value: nil},
		{Topic: "telemetry", Partition: 3, Offset: 42, Timestamp: 1772353800124, Key: []byte{}, Value: []byte{}},
	}
	want := `{"eventSource":"aws:kafka","eventSourceArn":"arn:aws:kafka:eu-north-1:000000000000:cluster/weir/0f3c-2",` +
		`"bootstrapServers":"127.0.0.1:9092,127.0.0.1:9093","records":{` +
		`"telemetry-3":[{"topic":"telemetry","partition":3,"offset":41,"timestamp":1772353800123,"timestampType":"CREATE_TIME",` +
		`"key":"ZGV2LTc=","value":"e30=","headers":[{"site":[112,108,-61]},{"site":[]},{"none":null}]},` +
		`{"topic":"telemetry","partition":3,"offset":42,"timestamp":1772353800124,"timestampType":"CREATE_TIME",` +
		`"key":"","value":"","headers":[]}],` +
		`"telemetry-0":[{"topic":"telemetry","partition":0,"offset":7,"timestamp":-1,"timestampType":"CREATE_TIME",` +
		`"key":null,"value":null,"headers":[]}]}}`
	src := EventSource{ARN: "arn:aws:kafka:eu-north-1:000000000000:cluster/weir/0f3c-2", BootstrapServers: "127.0.0.1:9092,127.0.0.1:9093"}
	got := AppendKafkaEvent(nil, src, recs)
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Fatal(d)
	}
	own := AppendKafkaEvent(nil, EventSource{BootstrapServers: "b:1", LogAppendTime: true}, recs[1:2])
	if want := `{"eventSource":"SelfManagedKafka","bootstrapServers":"b:1","records":{"telemetry-0":[{"topic":"telemetry","partition":0,` +
		`"offset":7,"timestamp":-1,"timestampType":"LOG_APPEND_TIME","key":null,"value":null,"headers":[]}]}}`; string(own) != want {
		t.Errorf("got %s", own)
	}

	var e events.KafkaEvent
	d := json.NewDecoder(bytes.NewReader(got))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatal(err)
	}
	r := e.Records["telemetry-3"][0]
	if len(e.Records["telemetry-3"]) != 2 || r.Key != "ZGV2LTc=" || !bytes.Equal(r.Headers[0]["site"], []byte("pl\xc3")) ||
		r.Timestamp.UnixMilli() != 1772353800123 || r.Offset != 41 {
		t.Errorf("aws-lambda-go reads %+v", e)
	}
}

// The size by which batches are cut is never less than what the record takes in the event.
func TestRecordSizeIsNoUnderestimate(t *testing.T) {
	for _, r := range []Record{
		{},
		{Topic: "t", Partition: 1<<31 - 1, Offset: 1<<63 - 1, Timestamp: -1 << 63},
		{Topic: "a\"\x01b", Key: make([]byte, 1000), Value: make([]byte, 1001)},
		{Headers: header(header(nil, "\x01\x02\x03", bytes.Repeat([]byte{128}, 500)), "", nil), HeaderCount: 2},
		{Headers: bytes.Repeat(header(nil, "", nil), 100), HeaderCount: 100},
	} {
		if got, most := len(appendKafkaRecord(nil, &r, true)), r.size(); got > most {
			t.Errorf("%d bytes, size says %d", got, most)
		}
	}
}

// The Kinesis event is Lambda's: times in seconds with a fraction, eventSourceARN in capitals, no other members.
func TestKinesisEvent(t *testing.T) {
	got := AppendKinesisEvent(nil, "arn:aws:kinesis:eu-north-1:000000000000:stream/telemetry", "eu-north-1",
		"arn:aws:iam::000000000000:role/weir", []KinesisRecord{
			{ShardID: "shardId-000000000002", SequenceNumber: "4900000000000000000000000000000041", PartitionKey: "dev-7", Data: []byte{0, 255}, Arrival: 1671562498449},
			{ShardID: "shardId-000000000002", SequenceNumber: "4900000000000000000000000000000042", PartitionKey: "ü", Arrival: 1671562498007},
		})
	var e events.KinesisEvent
	d := json.NewDecoder(bytes.NewReader(got))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatal(err)
	}
	r := e.Records[0]
	if r.EventID != "shardId-000000000002:4900000000000000000000000000000041" || r.EventName != "aws:kinesis:record" ||
		r.EventSource != "aws:kinesis" || r.EventVersion != "1.0" || r.AwsRegion != "eu-north-1" ||
		r.EventSourceArn != "arn:aws:kinesis:eu-north-1:000000000000:stream/telemetry" ||
		r.InvokeIdentityArn != "arn:aws:iam::000000000000:role/weir" || !bytes.Equal(r.Kinesis.Data, []byte{0, 255}) ||
		r.Kinesis.PartitionKey != "dev-7" || r.Kinesis.KinesisSchemaVersion != "1.0" {
		t.Errorf("aws-lambda-go reads %+v", r)
	}
	for _, want := range []string{`"approximateArrivalTimestamp":1671562498.449}`, `"approximateArrivalTimestamp":1671562498.007}`, `"eventSourceARN":`} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	if bytes.Contains(got, []byte("encryptionType")) {
		t.Error("Lambda sends no encryptionType")
	}
}

// Building an event allocates nothing per record.
func TestKafkaEventDoesNotAllocate(t *testing.T) {
	recs := make([]Record, 500)
	for i := range recs {
		recs[i] = Record{Topic: "t", Offset: int64(i), Value: bytes.Repeat([]byte("x"), 300), Headers: header(nil, "h", []byte{1}), HeaderCount: 1}
	}
	buf := AppendKafkaEvent(nil, EventSource{}, recs)
	if n := testing.AllocsPerRun(10, func() { buf = AppendKafkaEvent(buf[:0], EventSource{}, recs) }); n > 10 {
		t.Errorf("%v allocations for 500 records", n)
	}
}
