package group

import (
	"encoding/hex"
	"maps"
	"reflect"
	"testing"
	"time"
)

// The topics of the golden records: ids of the bytes 1 to 16, and 17 to 32.
func goldenTopics() (a, b [16]byte) {
	for i := range a {
		a[i], b[i] = byte(i+1), byte(i+17)
	}
	return a, b
}

func goldenMember() *consumer {
	a, b := goldenTopics()
	instance := "i"
	return &consumer{
		id: "m", instance: &instance, clientID: "c", clientHost: "/h", names: []string{"a", "b"}, regex: "a.*",
		rebalance: 45 * time.Second, assignor: assignorRange, epoch: 7, previous: 6, state: mustRevoke,
		assigned: partitions{{a, 0}: 5, {a, 2}: 7}, revoking: partitions{{b, 1}: 4},
	}
}

// The records are byte for byte those that the message classes of Apache Kafka's group coordinator 4.4.0 write for the
// same values; the bytes come from there.
func TestConsumerRecordsAreKafkas(t *testing.T) {
	a, b := goldenTopics()
	m, at := goldenMember(), time.UnixMilli(1700000000000)
	g := &consumers{epoch: 7, targetEpoch: 7, hash: 0x1122334455667788}
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"group key", consumerKey(kindGroup, "g"), "0003000167"},
		{"member key", consumerKey(kindMember, "g", "m"), "000500016700016d"},
		{"target key", consumerKey(kindTarget, "g"), "0006000167"},
		{"member target key", consumerKey(kindMemberTarget, "g", "m"), "000700016700016d"},
		{"current key", consumerKey(kindCurrent, "g", "m"), "000800016700016d"},
		{"pattern key", consumerKey(kindPattern, "g", "a.*"), "00100001670003612e2a"},
		{"group", g.groupValue(), "0000000000070100081122334455667788"},
		{"group without topics", (&consumers{epoch: 7}).groupValue(), "00000000000700"},
		{"member", m.value(), "00000269000263032f68030261026204612e2a0000afc80672616e676500"},
		{"target", g.targetValue(at), "0000000000070100080000018bcfe56800"},
		{
			"member target", memberTargetValue(partitions{{a, 0}: 0, {a, 2}: 0, {b, 1}: 0}),
			"0000030102030405060708090a0b0c0d0e0f10030000000000000002001112131415161718191a1b1c1d1e1f2002000000010000",
		},
		{
			"current", m.currentValue(), "0000000000070000000601020102030405060708090a0b0c0d0e0f10030000000000000002010009030000000500000007" +
				"021112131415161718191a1b1c1d1e1f200200000001010005020000000400",
		},
		{"pattern", (&pattern{topics: []string{"a1", "a2"}}).value(at), "00000303613103613200000000000000000000018bcfe5680000"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s: %s, Kafka's is %s", c.name, got, c.want)
		}
	}
}

// What is written is what is read; a record of a Kafka that did not know the epochs of partitions yet gives them the
// member's.
func TestConsumerRecordsAreReadBack(t *testing.T) {
	want := goldenMember()
	got := &consumer{id: "m"}
	if err := got.read(want.value()); err != nil {
		t.Fatal(err)
	}
	if err := got.readCurrent(want.currentValue()); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	old, _ := hex.DecodeString("0000000000070000000600020102030405060708090a0b0c0d0e0f10030000000000000002000100")
	if err := got.readCurrent(old); err != nil {
		t.Fatal(err)
	}
	a, _ := goldenTopics()
	if want := (partitions{{a, 0}: 7, {a, 2}: 7}); !maps.Equal(got.assigned, want) {
		t.Errorf("got %v, want %v", got.assigned, want)
	}
}

// Reading records of any bytes ends with a value or an error.
func FuzzConsumerRecords(f *testing.F) {
	m := goldenMember()
	for _, v := range [][]byte{m.value(), m.currentValue(), memberTargetValue(m.assigned), (&consumers{epoch: 1, hash: 2}).groupValue()} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, m := newConsumers(), &consumer{}
		_, _, _ = readConsumerKey(b)
		_, _ = g.readGroup(b), g.readTarget(b)
		_, _ = m.read(b), m.readCurrent(b)
		_, _ = readMemberTarget(b)
		_ = (&pattern{}).read(b)
	})
}
