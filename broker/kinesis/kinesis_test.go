package kinesis

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/internal/vfs"
	"github.com/weirhub/weir/test/peers"
)

// hub is a running broker with its Kinesis front.
func hub(t *testing.T, fs vfs.FS, dir string) (*Server, *httptest.Server, func()) {
	t.Helper()
	b, err := broker.Open(fs, dir, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	s := NewServer(b)
	web := httptest.NewServer(s)
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		web.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return s, web, stop
}

// boto3 creates, describes, puts, reads and deletes as against AWS: order per shard, iterators, hash keys, limits, errors.
func TestBoto3(t *testing.T) {
	_, web, _ := hub(t, vfs.OS(), t.TempDir())
	out, err := exec.Command(peers.Python(t), "testdata/client.py", web.URL).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "ok\n") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// A stream, its records and an iterator survive a restart: the iterator goes on at the exact record (K3).
func TestIteratorsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	ask := func(web *httptest.Server, op, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, web.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", target+op)
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-Amz-Date", "20260101T000000Z")
		r.Header.Set("Authorization", algorithm+" Credential=a/20260101/eu-north-1/kinesis/aws4_request, SignedHeaders=host, Signature=00")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode, read(t, resp)
	}
	s, web, stop := hub(t, vfs.OS(), dir)
	if err := s.Register(context.Background(), "t", "telemetry", 1); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if code, body := ask(web, "PutRecord", fmt.Sprintf(`{"StreamName":"t","PartitionKey":"k","Data":"%s"}`, []string{"YQ==", "Yg==", "Yw=="}[i])); code != 200 {
			t.Fatal(body)
		}
	}
	_, first := ask(web, "GetShardIterator", `{"StreamName":"t","ShardId":"shardId-000000000000","ShardIteratorType":"TRIM_HORIZON"}`)
	_, page := ask(web, "GetRecords", fmt.Sprintf(`{"ShardIterator":%q,"Limit":1}`, member(t, first, "ShardIterator")))
	next := member(t, page, "NextShardIterator")
	stop()
	_, web, _ = hub(t, vfs.OS(), dir)
	code, page := ask(web, "GetRecords", fmt.Sprintf(`{"ShardIterator":%q,"Limit":1}`, next))
	if code != 200 || !strings.Contains(page, `"Data":"Yg=="`) || strings.Contains(page, `"Data":"Yw=="`) {
		t.Fatalf("after the restart the iterator gives %d %s", code, page)
	}
}

// Requests that are no requests of the API are told apart as AWS does.
func TestRequestsThatAreNone(t *testing.T) {
	_, web, _ := hub(t, vfs.NewVolatile(), "/d")
	for _, c := range []struct{ target, auth, body, want string }{
		{"", "ok", "{}", "UnknownOperationException"},
		{target + "Frobnicate", "ok", "{}", "UnknownOperationException"},
		{target + "ListStreams", "", "{}", "MissingAuthenticationTokenException"},
		{target + "ListStreams", "Bearer x", "{}", "IncompleteSignatureException"},
		{target + "ListStreams", algorithm + " Credential=a/b/c, SignedHeaders=host, Signature=0", "{}", "IncompleteSignatureException"},
		{target + "ListStreams", "ok", "{", "SerializationException"},
		{target + "ListStreams", "ok", `{"Limit":"x"}`, "SerializationException"},
		{target + "ListStreams", "ok", `{"Limit":0}`, "ValidationException"},
	} {
		r, err := http.NewRequest(http.MethodPost, web.URL, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-Amz-Target", c.target)
		r.Header.Set("X-Amz-Date", "20260101T000000Z")
		if c.auth == "ok" {
			c.auth = algorithm + " Credential=a/20260101/eu-north-1/kinesis/aws4_request, SignedHeaders=host, Signature=00"
		}
		r.Header.Set("Authorization", c.auth)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := member(t, read(t, resp), "__type"); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
		_ = resp.Body.Close()
	}
}

// An iterator is refused when it is old, touched or of another topic; a number of the layout gives its offset back.
func TestIteratorsAndNumbers(t *testing.T) {
	key, now := []byte("secret"), time.UnixMilli(1_772_353_800_000)
	it := iterator{stream: strings.Repeat("s", 128), shard: 3, offset: 1 << 40, issued: now}
	text := it.encode(key)
	if len(text) > maxIteratorText {
		t.Errorf("%d characters", len(text))
	}
	if got, err := decodeIterator(text, key, now.Add(iteratorLife)); err != nil || got.offset != it.offset || got.stream != it.stream || got.shard != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := decodeIterator(text, key, now.Add(iteratorLife+time.Second)); err == nil || err.Type != "ExpiredIteratorException" {
		t.Errorf("an old iterator: %v", err)
	}
	if _, err := decodeIterator(text, []byte("other"), now); err == nil || err.Type != "InvalidArgumentException" {
		t.Errorf("an iterator of another hub: %v", err)
	}
	last := ""
	for _, offset := range []int64{0, 1, 255, 1 << 32, 1<<62 - 1} {
		s := sequence(1_772_353_800, 21, offset, 1_772_353_801)
		shard, got, err := parseSequence(s)
		if err != nil || shard != 21 || got != offset {
			t.Errorf("%s gives %d, %d, %v", s, shard, got, err)
		}
		if len(s) < len(last) || len(s) == len(last) && s <= last {
			t.Errorf("%s does not rise above %s", s, last)
		}
		last = s
	}
}

// The shards of a stream tile the hash keys: each key falls into the shard whose range holds it.
func TestShardsTileTheHashKeys(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 1000} {
		next := big.NewInt(0)
		for i := range n {
			first, last := shardRange(i, n)
			if first.Cmp(next) != 0 {
				t.Fatalf("shard %d of %d begins at %s, want %s", i, n, first, next)
			}
			if shardOf(first, n) != i || shardOf(last, n) != i {
				t.Fatalf("the ends of shard %d of %d fall elsewhere", i, n)
			}
			next = new(big.Int).Add(last, big.NewInt(1))
		}
		if next.Cmp(hashKeys) != 0 {
			t.Fatalf("%d shards end at %s", n, next)
		}
	}
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// member is a text member of a JSON object.
func member(t *testing.T, object, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	s, _ := m[name].(string)
	return s
}
