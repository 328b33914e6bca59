package kafka

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/broker"
)

const (
	// Kafka's max.incremental.fetch.session.cache.slots.
	maxSessions = 1000
	// A session unused for so long gives way to a new one (Kafka's min.incremental.fetch.session.eviction.ms).
	sessionIdle = 2 * time.Minute
	// maxSessionPartitions bounds the memory that one client can hold.
	maxSessionPartitions = 200_000

	epochInitial = 0
	epochFinal   = -1
)

// sessions are the incremental fetch sessions (KIP-227): the partitions that a client reads, remembered so that a
// request names only what has changed and an answer only what has something to say. A client that finds its session
// gone, after a restart of this process say, begins a new one.
type sessions struct {
	mu struct {
		sync.Mutex
		byID map[int32]*session
	}
}

// session is one of them. A client uses it for one request after another; the lock is for those that do not.
type session struct {
	id int32
	mu struct {
		sync.Mutex
		used  time.Time
		epoch int32 // of the next request
		parts []*sessionPart
		byKey map[partKey]*sessionPart
	}
}

type partKey struct {
	name  string
	id    [16]byte
	index int32
}

// sessionPart is what the client asks of a partition, and what it was last told.
type sessionPart struct {
	key       partKey
	offset    int64
	maxBytes  int32
	epoch     int32
	lastEpoch int32

	told     bool
	high     int64
	logStart int64
}

// turn is one request's part in a session; the zero session is a request without one.
type turn struct {
	sess *session
	full bool // the answer names every partition
}

type finder func(name string, id [16]byte) (*broker.Topic, error)

// begin finds or makes the session of a request and gives the partitions to read.
func (s *sessions) begin(req *kmsg.FetchRequest, find finder, now time.Time) (turn, []*fetchPart, int16) {
	switch req.SessionEpoch {
	case epochFinal, epochInitial:
		if req.SessionID != 0 {
			s.remove(req.SessionID)
		}
		parts := requested(req, find)
		if req.SessionEpoch == epochFinal {
			return turn{full: true}, parts, 0
		}
		return turn{sess: s.create(parts, now), full: true}, parts, 0
	}
	sess := s.get(req.SessionID)
	if sess == nil {
		return turn{}, nil, kerr.FetchSessionIDNotFound.Code
	}
	parts, code := sess.update(req, find, now)
	return turn{sess: sess}, parts, code
}

func (s *sessions) get(id int32) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.byID[id]
}

func (s *sessions) remove(id int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mu.byID, id)
}

// create makes a session, or none when all slots are in use: the client then goes on with full requests.
func (s *sessions) create(parts []*fetchPart, now time.Time) *session {
	if len(parts) == 0 || len(parts) > maxSessionPartitions {
		return nil
	}
	sess := &session{}
	sess.mu.used, sess.mu.epoch, sess.mu.byKey = now, 1, map[partKey]*sessionPart{}
	for _, fp := range parts {
		sess.put(fp)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.byID == nil {
		s.mu.byID = map[int32]*session{}
	}
	if len(s.mu.byID) >= maxSessions && !s.evict(now) {
		return nil
	}
	for sess.id == 0 || s.mu.byID[sess.id] != nil {
		sess.id = rand.Int32() // not negative; not a secret
	}
	s.mu.byID[sess.id] = sess
	return sess
}

// evict drops the session that was idle for longest, if any was for long enough. The caller holds mu.
func (s *sessions) evict(now time.Time) bool {
	var oldest *session
	var since time.Time
	for _, sess := range s.mu.byID {
		if used := sess.lastUsed(); oldest == nil || used.Before(since) {
			oldest, since = sess, used
		}
	}
	if oldest == nil || now.Sub(since) < sessionIdle {
		return false
	}
	delete(s.mu.byID, oldest.id)
	return true
}

func (s *session) lastUsed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.used
}

// put adds or changes a partition. The caller holds mu, or is the only one to know the session.
func (s *session) put(fp *fetchPart) {
	key := partKey{name: fp.name, id: fp.id, index: fp.index}
	sp := s.mu.byKey[key]
	if sp == nil {
		sp = &sessionPart{key: key}
		s.mu.byKey[key] = sp
		s.mu.parts = append(s.mu.parts, sp)
	}
	sp.offset, sp.maxBytes, sp.epoch, sp.lastEpoch = fp.offset, fp.maxBytes, fp.epoch, fp.lastEpoch
}

// update applies an incremental request and gives all partitions of the session.
func (s *session) update(req *kmsg.FetchRequest, find finder, now time.Time) ([]*fetchPart, int16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if req.SessionEpoch != s.mu.epoch {
		return nil, kerr.InvalidFetchSessionEpoch.Code
	}
	s.mu.used = now
	if s.mu.epoch++; s.mu.epoch <= 0 {
		s.mu.epoch = 1
	}
	for _, fp := range requested(req, find) {
		s.put(fp)
	}
	for _, t := range req.ForgottenTopics {
		for _, i := range t.Partitions {
			delete(s.mu.byKey, partKey{name: t.Topic, id: t.TopicID, index: i})
		}
	}
	if len(s.mu.byKey) > maxSessionPartitions {
		return nil, kerr.InvalidRequest.Code
	}
	if len(s.mu.byKey) < len(s.mu.parts) {
		s.mu.parts = slices.DeleteFunc(s.mu.parts, func(sp *sessionPart) bool { return s.mu.byKey[sp.key] != sp })
	}
	out := make([]*fetchPart, len(s.mu.parts))
	for i, sp := range s.mu.parts {
		fp := &fetchPart{
			name: sp.key.name, id: sp.key.id, index: sp.key.index, offset: sp.offset, maxBytes: sp.maxBytes,
			epoch: sp.epoch, lastEpoch: sp.lastEpoch,
		}
		fp.topic, fp.unknown = find(fp.name, fp.id)
		out[i] = fp
	}
	return out, 0
}

// requested are the partitions that the request itself names.
func requested(req *kmsg.FetchRequest, find finder) []*fetchPart {
	var out []*fetchPart
	for i := range req.Topics {
		t := &req.Topics[i]
		topic, unknown := find(t.Topic, t.TopicID)
		for j := range t.Partitions {
			p := &t.Partitions[j]
			out = append(out, &fetchPart{
				topic: topic, unknown: unknown, name: t.Topic, id: t.TopicID, index: p.Partition, offset: p.FetchOffset,
				maxBytes: p.PartitionMaxBytes, epoch: p.CurrentLeaderEpoch, lastEpoch: p.LastFetchedEpoch,
			})
		}
	}
	return out
}

// answer fills the response from what was read and gives the session id to send.
func (t turn) answer(f *fetcher, resp *kmsg.FetchResponse) int32 {
	if t.sess == nil {
		for _, fp := range f.parts {
			addPart(resp, fp, f.committed)
		}
		return 0
	}
	s := t.sess
	s.mu.Lock()
	defer s.mu.Unlock()
	served := make([]*sessionPart, 0, len(f.parts))
	for _, fp := range f.parts {
		sp := s.mu.byKey[partKey{name: fp.name, id: fp.id, index: fp.index}]
		if sp == nil {
			sp = &sessionPart{} // forgotten by a request that overtook this one
		}
		if t.full || sp.news(fp) {
			addPart(resp, fp, f.committed)
		}
		sp.tell(fp)
		if fp.n > 0 {
			served = append(served, sp)
		}
	}
	s.rotate(served)
	return s.id
}

// news reports whether an incremental answer must name the partition.
func (sp *sessionPart) news(fp *fetchPart) bool {
	return fp.n > 0 || fp.code != 0 || !sp.told || sp.high != fp.read.HighWatermark || sp.logStart != fp.read.LogStart
}

func (sp *sessionPart) tell(fp *fetchPart) {
	// After an error the partition is news until it is well.
	sp.told, sp.high, sp.logStart = fp.code == 0, fp.read.HighWatermark, fp.read.LogStart
}

// rotate puts partitions that gave data last, so that the next answer, if its size is limited, begins with others. The
// caller holds mu.
func (s *session) rotate(served []*sessionPart) {
	if len(served) == 0 || len(served) == len(s.mu.parts) {
		return
	}
	first := make([]*sessionPart, 0, len(s.mu.parts))
	for _, sp := range s.mu.parts {
		if !slices.Contains(served, sp) {
			first = append(first, sp)
		}
	}
	for _, sp := range served {
		if s.mu.byKey[sp.key] == sp {
			first = append(first, sp)
		}
	}
	s.mu.parts = first
}

// addPart appends a partition to the answer, under its topic if that is the one before.
func addPart(resp *kmsg.FetchResponse, fp *fetchPart, committed bool) {
	n := len(resp.Topics)
	if n == 0 || resp.Topics[n-1].Topic != fp.name || resp.Topics[n-1].TopicID != fp.id {
		t := kmsg.NewFetchResponseTopic()
		t.Topic, t.TopicID = fp.name, fp.id
		resp.Topics = append(resp.Topics, t)
		n++
	}
	p := kmsg.NewFetchResponseTopicPartition()
	fp.fill(&p, committed)
	t := &resp.Topics[n-1]
	t.Partitions = append(t.Partitions, p)
}
