package kafka

import (
	"bytes"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Goal: a client that is newer than the broker can read the broker's first answer: version 0's form, whatever version
// was asked, and the connection goes on. The bytes are put together by hand from the protocol's tables.
func TestUnknownAPIVersionsIsAnsweredInVersionZero(t *testing.T) {
	n := newNode(t)
	r := n.dial()
	// length 19; key 18, version 99, id 7; client id "x"; no header tags; software "a" "1.0"; no tags
	request := unhex(t, "00000013 0012 0063 00000007 0001 78 00 02 61 04 312e30 00")
	if _, err := r.nc.Write(request); err != nil {
		t.Fatal(err)
	}
	want := unhex(t, "00000007 0023 00000001 0012 0000 0005") // id, error 35, one key: 18, 0 to 5
	if got := r.recvBytes(); !bytes.Equal(got, want) {
		t.Fatalf("got  %x\nwant %x", got, want)
	}

	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "kgo", "1.22"
	resp := ask[*kmsg.ApiVersionsResponse](r, req, 3)
	if resp.ErrorCode != 0 || len(resp.ApiKeys) != len(table()) {
		t.Fatalf("after the retry: error %d, %d keys", resp.ErrorCode, len(resp.ApiKeys))
	}
}

// Goal: odd software names are refused with INVALID_REQUEST and the connection lives on.
func TestAPIVersionsRefusesOddSoftwareNames(t *testing.T) {
	n := newNode(t)
	r := n.dial()
	for name, want := range map[string]int16{"": kerr.InvalidRequest.Code, "-a": kerr.InvalidRequest.Code, "a b": kerr.InvalidRequest.Code, "apache-kafka.java": 0} {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = name, "1.0"
		if resp := ask[*kmsg.ApiVersionsResponse](r, req, 3); resp.ErrorCode != want {
			t.Errorf("%q: error %d, want %d", name, resp.ErrorCode, want)
		}
	}
}

// Goal: a version of any other API that is not served closes that connection and no other.
func TestUnknownVersionClosesItsConnectionOnly(t *testing.T) {
	n := newNode(t)
	bystander, r := n.dial(), n.dial()
	if _, err := r.nc.Write(unhex(t, "0000000e 0003 0063 00000001 0001 78 00 00 00 00")); err != nil { // Metadata v99
		t.Fatal(err)
	}
	if b, err := readWire(r.nc); err != io.EOF {
		t.Fatalf("got %x, %v, want the end of the connection", b, err)
	}
	ask[*kmsg.MetadataResponse](bystander, kmsg.NewPtrMetadataRequest(), 12)
}

// Goal: frames that promise too much, or too little, end the connection before anything is allocated for them.
func TestBadFramesEndTheConnection(t *testing.T) {
	n := newNode(t)
	for name, frame := range map[string]string{
		"negative":             "ffffffff",
		"shorter than header":  "00000004 00120000",
		"huge metadata":        "7fffffff 0003 0000",
		"huge produce":         "7fffffff 0000 0009",
		"unknown key":          "0000000a 0100 0000 00000001 ffff",
		"client id too long":   "0000000a 0012 0000 00000001 7fff",
		"body cut short":       "0000000c 0003 0000 00000001 ffff 0000",
		"array of 2^31-1":      "0000000e 0003 0000 00000001 ffff 7fffffff",
		"too many header tags": "0000000f 0012 0003 00000001 ffff ffffffff0f",
	} {
		r := n.dial()
		if _, err := r.nc.Write(unhex(t, frame)); err != nil {
			t.Fatal(err)
		}
		if b, err := readWire(r.nc); err == nil {
			t.Errorf("%s: answered %x", name, b)
		}
	}
	ask[*kmsg.MetadataResponse](n.dial(), kmsg.NewPtrMetadataRequest(), 12)
}

// Goal: a panic in a handler closes its connection; the others go on (W5).
func TestPanicClosesItsConnectionOnly(t *testing.T) {
	n := newNode(t)
	bystander := n.dial()
	ask[*kmsg.MetadataResponse](bystander, kmsg.NewPtrMetadataRequest(), 12)
	n.s.apis[60] = &api{60, "DescribeCluster", 0, 2, func(*Server, *call) (kmsg.Response, error) { panic("for the test") }}
	r := n.dial()
	r.send(kmsg.NewPtrDescribeClusterRequest(), 0)
	if _, err := readWire(r.nc); err == nil {
		t.Fatal("answered")
	}
	ask[*kmsg.MetadataResponse](bystander, kmsg.NewPtrMetadataRequest(), 12)
}

// Goal: answers come in the order of the requests, although Produce requests begin ahead (W2, W3): here behind a long
// poll that they end.
func TestAnswersKeepTheOrderOfRequests(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	r := n.dial()
	first := r.send(produceReq("t", 0, batch("a")), 9)
	second := r.send(fetchReq("t", 1, 1, 60_000), 12)
	third := r.send(produceReq("t", 0, batch("b")), 9)
	other := n.dial()
	var resp kmsg.ProduceResponse
	r.recv(first, &resp, 9)
	// The third waits behind the poll, which another connection's record ends.
	if got := ask[*kmsg.ProduceResponse](other, produceReq("t", 0, batch("c")), 9); got.Topics[0].Partitions[0].BaseOffset != 1 {
		t.Fatalf("the other's base offset: %d", got.Topics[0].Partitions[0].BaseOffset)
	}
	var fetch kmsg.FetchResponse
	r.recv(second, &fetch, 12)
	r.recv(third, &resp, 9)
	if got := resp.Topics[0].Partitions[0].BaseOffset; got != 2 {
		t.Fatalf("base offset %d, want 2", got)
	}
}

// Goal: what a client cannot know in advance holds for the table as a whole: keys ascend, ranges are not empty, names
// are the protocol's, and the codec knows each version.
func TestTableIsHonest(t *testing.T) {
	rows := table()
	if !slices.IsSortedFunc(rows, func(a, b api) int { return int(a.key) - int(b.key) }) {
		t.Error("keys do not ascend")
	}
	for _, a := range rows {
		req := kmsg.RequestForKey(a.key)
		if a.min > a.max || a.handle == nil || req == nil || a.max > req.MaxVersion() {
			t.Errorf("%s: bad row", a.name)
		}
	}
}

// Goal: the end of the server ends long polls at once, and idle connections.
func TestStopEndsLongPolls(t *testing.T) {
	n := newNode(t)
	n.createTopic("t", 1, nil)
	r := n.dial()
	r.send(fetchReq("t", 0, 1, 600_000), 12)
	ask[*kmsg.MetadataResponse](n.dial(), kmsg.NewPtrMetadataRequest(), 12)
	begin := time.Now()
	n.stop()
	if d := time.Since(begin); d > drainTimeout {
		t.Fatalf("stopping took %v", d)
	}
}

// Fuzz: whatever bytes come as a frame, parsing neither panics nor allocates out of proportion.
func FuzzFrame(f *testing.F) {
	for _, a := range table() {
		req := kmsg.RequestForKey(a.key)
		for v := a.min; v <= a.max; v++ {
			req.SetVersion(v)
			f.Add(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)[4:])
		}
	}
	served := map[int16]api{}
	for _, a := range table() {
		served[a.key] = a
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		h, body, err := parseHeader(frame)
		if err != nil {
			return
		}
		a, ok := served[h.key]
		if !ok || h.version < a.min || h.version > a.max {
			return
		}
		req, err := decode(h, body)
		if err != nil {
			return
		}
		_ = req.AppendTo(nil)
	})
}
