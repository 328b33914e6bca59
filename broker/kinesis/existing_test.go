package kinesis

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/vfs"
)

// A stream over a topic that was there before takes whole requests, although the topic's batches are limited to Kafka's
// default of 1 MiB and a request may bring ten times as much.
func TestStreamOverAnExistingTopicTakesLargeRequests(t *testing.T) {
	s, web, _ := hub(t, vfs.NewVolatile(), "/d")
	if _, err := s.b.CreateTopic(t.Context(), broker.TopicSpec{Name: "before", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	if err := s.Register(t.Context(), "stream", "before", 1); err != nil {
		t.Fatal(err)
	}
	data := base64.StdEncoding.EncodeToString(make([]byte, 10_000))
	entry := `{"PartitionKey":"k","Data":"` + data + `"}`
	body := `{"StreamName":"stream","Records":[` + strings.Repeat(entry+",", 399) + entry + `]}`
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", target+"PutRecords")
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-Amz-Date", "20260101T000000Z")
	r.Header.Set("Authorization", algorithm+" Credential=a/20260101/eu-north-1/kinesis/aws4_request, SignedHeaders=host, Signature=00")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var out struct{ FailedRecordCount int }
	text := read(t, resp)
	if err := json.Unmarshal([]byte(text), &out); err != nil || out.FailedRecordCount != 0 {
		t.Fatalf("%d of 400 records failed (%v): %.300s", out.FailedRecordCount, err, text)
	}
	p, err := s.b.Partition("before", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.HighWatermark(); got != 400 {
		t.Errorf("the topic ends at %d, want 400", got)
	}
}
