package group

import (
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
)

// Kinds of records of the consumer protocol: the first two bytes of a key. Kafka's schemas call it the key's version.
//
//	 3  group              the group's epoch
//	 4  group              what topics looked like; Kafka before 4.1 wrote it, here only its tombstone
//	 5  group, member      who the member is and what it subscribes to
//	 6  group              the epoch of the target
//	 7  group, member      the member's part of the target
//	 8  group, member      the member's epoch, what it has, what it must give up
//	16  group, expression  the topics that a regular expression matches
//
// A key is the kind and two strings with 16-bit lengths; a value is a version (0) and a flexible message, with compact
// lengths and tagged fields.
const (
	kindGroup        = 3
	kindTopics       = 4
	kindMember       = 5
	kindTarget       = 6
	kindMemberTarget = 7
	kindCurrent      = 8
	kindPattern      = 16
)

// recordVersion is the version of every value.
const recordVersion = 0

func consumerKey(kind int16, group string, rest ...string) []byte {
	k := kbin.AppendInt16(nil, kind)
	k = kbin.AppendString(k, group)
	for _, s := range rest {
		k = kbin.AppendString(k, s)
	}
	return k
}

// readConsumerKey gives the group and what follows it: "" for the kinds that have no more.
func readConsumerKey(key []byte) (group, rest string, err error) {
	r := kbin.Reader{Src: key}
	kind := r.Int16()
	group = r.String()
	switch kind {
	case kindMember, kindMemberTarget, kindCurrent, kindPattern:
		rest = r.String()
	}
	return group, rest, r.Complete()
}

func startValue() []byte { return kbin.AppendInt16(nil, recordVersion) }

// appendTags ends a message; fields are its tagged fields in order, with the numbers from 0 on, nil for one left out.
func appendTags(b []byte, fields ...[]byte) []byte {
	n := uint32(0)
	for _, f := range fields {
		if f != nil {
			n++
		}
	}
	b = kbin.AppendUvarint(b, n)
	for tag, f := range fields {
		if f == nil {
			continue
		}
		b = kbin.AppendUvarint(b, uint32(tag))
		b = kbin.AppendUvarint(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

// readTags reads past the end of a message and gives field 0, nil without.
func readTags(r *kbin.Reader) (first []byte) {
	for n := r.Uvarint(); n > 0 && r.Ok(); n-- {
		tag := r.Uvarint()
		f := r.Span(int(r.Uvarint()))
		if tag == 0 {
			first = f
		}
	}
	return first
}

var errRecordVersion = errors.New("unknown version of a group's record")

// startReading checks the version.
func startReading(value []byte) (*kbin.Reader, error) {
	r := &kbin.Reader{Src: value}
	if v := r.Int16(); r.Ok() && v != recordVersion {
		return nil, errRecordVersion
	}
	return r, nil
}

func (g *consumers) groupValue() []byte {
	b := kbin.AppendInt32(startValue(), g.epoch)
	var hash []byte
	if g.hash != 0 {
		hash = kbin.AppendInt64(nil, g.hash)
	}
	return appendTags(b, hash)
}

func (g *consumers) readGroup(value []byte) error {
	r, err := startReading(value)
	if err != nil {
		return err
	}
	g.epoch, g.hash = r.Int32(), 0
	if f := readTags(r); f != nil {
		h := kbin.Reader{Src: f}
		g.hash = h.Int64()
	}
	return r.Complete()
}

func (g *consumers) targetValue(now time.Time) []byte {
	return appendTags(kbin.AppendInt32(startValue(), g.targetEpoch), kbin.AppendInt64(nil, now.UnixMilli()))
}

func (g *consumers) readTarget(value []byte) error {
	r, err := startReading(value)
	if err != nil {
		return err
	}
	g.targetEpoch = r.Int32()
	readTags(r)
	return r.Complete()
}

func (m *consumer) value() []byte {
	b := startValue()
	b = kbin.AppendCompactNullableString(b, m.instance)
	b = kbin.AppendCompactNullableString(b, m.rack)
	b = kbin.AppendCompactString(b, m.clientID)
	b = kbin.AppendCompactString(b, m.clientHost)
	b = appendStrings(b, m.names)
	b = kbin.AppendCompactString(b, m.regex)
	b = kbin.AppendInt32(b, int32(m.rebalance.Milliseconds()))
	b = kbin.AppendCompactNullableString(b, orNil(m.assignor))
	return appendTags(b)
}

func (m *consumer) read(value []byte) error {
	r, err := startReading(value)
	if err != nil {
		return err
	}
	m.instance, m.rack = r.CompactNullableString(), r.CompactNullableString()
	m.clientID, m.clientHost = r.CompactString(), r.CompactString()
	m.names = readStrings(r)
	m.regex = deref(r.CompactNullableString())
	m.rebalance = time.Duration(r.Int32()) * time.Millisecond
	m.assignor = deref(r.CompactNullableString())
	readTags(r)
	return r.Complete()
}

func (m *consumer) currentValue() []byte {
	b := startValue()
	b = kbin.AppendInt32(b, m.epoch)
	b = kbin.AppendInt32(b, m.previous)
	b = append(b, byte(m.state))
	b = appendPartitions(b, m.assigned, true)
	b = appendPartitions(b, m.revoking, true)
	return appendTags(b)
}

func (m *consumer) readCurrent(value []byte) error {
	r, err := startReading(value)
	if err != nil {
		return err
	}
	m.epoch, m.previous, m.state = r.Int32(), r.Int32(), consumerState(r.Int8())
	m.assigned, m.revoking = readPartitions(r, m.epoch), readPartitions(r, m.epoch)
	readTags(r)
	return r.Complete()
}

func memberTargetValue(p partitions) []byte {
	return appendTags(appendPartitions(startValue(), p, false))
}

func readMemberTarget(value []byte) (partitions, error) {
	r, err := startReading(value)
	if err != nil {
		return nil, err
	}
	p := readPartitions(r, 0)
	readTags(r)
	return p, r.Complete()
}

// patternValue carries the version of the metadata that topics were read from, which only Kafka has, and when that was.
func (p *pattern) value(now time.Time) []byte {
	b := appendStrings(startValue(), p.topics)
	b = kbin.AppendInt64(b, 0)
	b = kbin.AppendInt64(b, now.UnixMilli())
	return appendTags(b)
}

func (p *pattern) read(value []byte) error {
	r, err := startReading(value)
	if err != nil {
		return err
	}
	p.topics = readStrings(r)
	r.Int64()
	r.Int64()
	readTags(r)
	return r.Complete()
}

// byTopic cuts slots in order into those of one topic.
func byTopic(p partitions) [][]slot {
	var out [][]slot
	for s := range slices.Values(p.slots()) {
		if n := len(out); n == 0 || out[n-1][0].topic != s.topic {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], s)
	}
	return out
}

func appendPartitions(b []byte, p partitions, epochs bool) []byte {
	topics := byTopic(p)
	b = kbin.AppendCompactArrayLen(b, len(topics))
	for _, slots := range topics {
		b = append(b, slots[0].topic[:]...)
		b = kbin.AppendCompactArrayLen(b, len(slots))
		for _, s := range slots {
			b = kbin.AppendInt32(b, s.partition)
		}
		var own []byte
		if epochs {
			own = kbin.AppendCompactArrayLen(nil, len(slots))
			for _, s := range slots {
				own = kbin.AppendInt32(own, p[s])
			}
		}
		b = appendTags(b, own)
	}
	return b
}

// readPartitions gives partitions without an epoch of their own the member's, as Kafka before 4.3 means it.
func readPartitions(r *kbin.Reader, epoch int32) partitions {
	out := partitions{}
	for n := r.CompactArrayLen(); n > 0 && r.Ok(); n-- {
		topic := r.Uuid()
		slots := make([]slot, max(r.CompactArrayLen(), 0))
		for i := range slots {
			slots[i] = slot{topic, r.Int32()}
		}
		var own kbin.Reader
		if f := readTags(r); f != nil {
			own.Src = f
			own.CompactArrayLen()
		}
		for _, s := range slots {
			out[s] = epoch
			if len(own.Src) >= 4 {
				out[s] = own.Int32()
			}
		}
	}
	return out
}

func appendStrings(b []byte, list []string) []byte {
	b = kbin.AppendCompactArrayLen(b, len(list))
	for _, s := range list {
		b = kbin.AppendCompactString(b, s)
	}
	return b
}

func readStrings(r *kbin.Reader) []string {
	out := make([]string, 0, max(r.CompactArrayLen(), 0))
	for range cap(out) {
		out = append(out, r.CompactString())
	}
	return out
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
