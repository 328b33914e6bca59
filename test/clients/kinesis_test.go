package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/peers"
)

// aws is the AWS command line against a hub.
func aws(t *testing.T, hub *hubtest.Hub, args ...string) string {
	t.Helper()
	cmd := exec.Command(peers.Python(t), append([]string{"-m", "awscli", "--endpoint-url", "http://" + hub.AWS, "--region", "us-east-1", "--output", "json"}, args...)...)
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s")
	return start(t, cmd).finish()
}

// The stream that the example declares takes 10,000 records of boto3 and gives them back in order of each shard; `aws
// kinesis put-record` adds one, also after kill -9 and restart; all are records of the topic, the partition key their key.
func TestKinesisClientsWork(t *testing.T) {
	peers.Slow(t)
	const records = 10_000
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(peers.Root(), "examples", "flights"))); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	hub := hubtest.Up(t, filepath.Join(dir, "weir.yaml"), "--data", data)
	out := start(t, python(t, "kinesis.py", "http://"+hub.AWS, "telemetry", fmt.Sprint(records))).finish()
	says(t, out, `shardId-000000000000:\d{4} shardId-000000000001:\d{4}`)

	hub.Kill()
	hub = hubtest.UpAt(t, hub.Ports, "--data", data)
	var put struct {
		ShardID        string `json:"ShardId"`
		SequenceNumber string
	}
	answer := aws(t, hub, "kinesis", "put-record", "--stream-name", "telemetry", "--partition-key", "from-the-shell", "--data", "12.5 °C")
	if err := json.Unmarshal([]byte(answer), &put); err != nil || put.SequenceNumber == "" {
		t.Errorf("put-record: %s (%v)", answer, err)
	}
	says(t, aws(t, hub, "kinesis", "describe-stream-summary", "--stream-name", "telemetry"), `"StreamStatus": "ACTIVE"`, `"OpenShardCount": 2`)
	answer = aws(t, hub, "kinesis", "get-shard-iterator", "--stream-name", "telemetry", "--shard-id", put.ShardID,
		"--shard-iterator-type", "AT_SEQUENCE_NUMBER", "--starting-sequence-number", put.SequenceNumber, "--query", "ShardIterator")
	var iterator string
	if err := json.Unmarshal([]byte(answer), &iterator); err != nil {
		t.Fatalf("get-shard-iterator: %s (%v)", answer, err)
	}
	says(t, aws(t, hub, "kinesis", "get-records", "--shard-iterator", iterator), `"PartitionKey": "from-the-shell"`, put.SequenceNumber)

	lines := consume(t, hub, "telemetry", "--format", "json")
	seen := map[string]bool{}
	for _, l := range lines {
		var r struct{ Key, Value text }
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatal(err)
		}
		seen[string(r.Key.field)+" "+string(r.Value.field)] = true
	}
	if len(lines) != records+1 {
		t.Errorf("weir consume telemetry: %d records, want %d", len(lines), records+1)
	}
	for i := range records {
		if r := fmt.Sprintf("device-%d \x00\xff %d", i%97, i); !seen[r] {
			t.Fatalf("record %d is not in the topic", i)
		}
	}
	if !seen["from-the-shell 12.5 °C"] {
		t.Errorf("the shell's record is not in the topic: %s", lastOf(lines))
	}
}

func lastOf(lines []string) string { return strings.Join(lines[max(len(lines)-2, 0):], "\n") }
