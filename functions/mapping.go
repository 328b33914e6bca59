package functions

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Mapping says how a topic's records reach a function, with the words of Lambda's event source mappings.
type Mapping struct {
	BatchSize int           // records in an event, 1 to MaxBatchSize
	Window    time.Duration // how long a record may wait for its batch to fill; 0: not at all
	MaxBytes  int           // of the event's JSON, at most MaxPayloadBytes
	// Retries is how often a failed batch is tried again: -1 without a limit, which holds up its partitions until the
	// function succeeds.
	Retries int
	MaxAge  time.Duration // a record older than this is given up instead of tried again; 0: never
	Bisect  bool          // a failed batch is cut in two instead of tried again; this uses up no retries
	// ReportItemFailures is Lambda's ReportBatchItemFailures: the answer may name records that failed.
	ReportItemFailures bool
	// Filters let through the records that one of them matches; none lets all through.
	Filters []*Filter
	// ParallelizationFactor is the number of batches of one task that are in flight at a time. Records of a partition stay
	// in order when it is 1; with more, records of one key do.
	ParallelizationFactor int
	// Output makes records of the answer. Without it the answer is ignored but for batchItemFailures.
	Output bool
	Source EventSource
}

// Limits and defaults of Lambda's event source mappings. Retries are 10, as for a Lambda mapping with an on-failure
// destination, because here every mapping has one: the dead-letter topic.
const (
	MaxBatchSize     = 10_000
	DefaultBatchSize = 100
	MaxWindow        = 300 * time.Second
	DefaultRetries   = 10
	MaxRetries       = 10_000
	maxFactor        = 100 // more event batches in flight than this only wait for instances
)

// A failed batch is tried again after firstBackoff, then twice as long each time up to maxBackoff. The sum of the default ten
// tries is 13 s: less than the time-out of the transaction (60 s) that holds the input's offsets meanwhile.
const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// DefaultMapping is Lambda's defaults.
func DefaultMapping() Mapping {
	return Mapping{
		BatchSize: DefaultBatchSize, Window: 500 * time.Millisecond, MaxBytes: MaxPayloadBytes, Retries: DefaultRetries,
		ParallelizationFactor: 1,
	}
}

// Validate checks the ranges.
func (m Mapping) Validate() error {
	check := func(name string, v, low, high int) error {
		if v < low || v > high {
			return fmt.Errorf("check mapping: %s %d is not between %d and %d", name, v, low, high)
		}
		return nil
	}
	return errors.Join(
		check("batch size", m.BatchSize, 1, MaxBatchSize),
		check("window in ms", int(m.Window.Milliseconds()), 0, int(MaxWindow.Milliseconds())),
		check("bytes", m.MaxBytes, 1, MaxPayloadBytes),
		check("retries", m.Retries, -1, MaxRetries),
		check("number of filters", len(m.Filters), 0, MaxFilters),
		check("parallelization factor", m.ParallelizationFactor, 1, maxFactor),
		check("age in ms", int(m.MaxAge.Milliseconds()), 0, 1<<53),
	)
}

// segment is a part of a batch that is tried as one event.
type segment struct {
	recs    []Record
	tries   int // events that these records were part of
	retries int // of them, those that repeated the one before
}

// deliver hands a batch to the function until each of its records is decided, and writes what comes of it to out.
// Halves and rests are taken up in order, so that records of a partition are never seen again after a later one
// succeeded.
func (m *Mapping) deliver(ctx context.Context, h Handler, recs []Record, out *output, st *Stats) error {
	todo := []segment{{recs: recs}}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s.recs = m.expire(s, out); len(s.recs) == 0 {
			continue
		}
		rest, err := m.try(ctx, h, &s, out, st)
		if err == nil && len(rest) == 0 {
			continue
		}
		next, err := m.decide(s, rest, err, out)
		if err != nil {
			return err
		}
		if len(next) > 0 && next[len(next)-1].retries > 0 {
			st.Retries.Add(1)
			wait := min(firstBackoff<<min(next[len(next)-1].retries-1, 10), maxBackoff)
			if err := pause(ctx, wait); err != nil {
				return err
			}
		}
		todo = append(todo, next...)
	}
	return nil
}

// try invokes the function once. rest are the records that it wants to see again; a *FunctionError means all of them.
func (m *Mapping) try(ctx context.Context, h Handler, s *segment, out *output, st *Stats) (rest []Record, err error) {
	s.tries++
	st.Invocations.Add(1)
	start := time.Now()
	res, err := h.Invoke(ctx, Event{Records: s.recs, Source: m.Source})
	st.BusyNanos.Add(int64(time.Since(start)))
	var a answer
	if err == nil && res.Payload != nil && (m.Output || m.ReportItemFailures) {
		a, err = parseAnswer(res.Payload, newest(s.recs), m.Output, m.ReportItemFailures)
	}
	if err == nil {
		rest, err = unprocessed(s.recs, a.failed)
	}
	if err != nil {
		var fe *FunctionError
		if errors.As(err, &fe) {
			st.FunctionErrors.Add(1)
		}
		return nil, err
	}
	if len(a.failed) > 0 {
		st.FunctionErrors.Add(1)
	}
	for _, b := range res.Bad {
		out.deadLetter(&s.recs[b.Index], b.Reason, s.tries)
	}
	if m.Output {
		out.add(res.Records)
		out.add(a.records)
	}
	return rest, nil
}

// decide says what follows a failure: the segments to try, the last one first. Only a *FunctionError is a matter of the
// records; any other error is returned.
func (m *Mapping) decide(s segment, rest []Record, err error, out *output) ([]segment, error) {
	exhausted := m.Retries >= 0 && s.retries >= m.Retries
	if err == nil { // the function named what failed
		if len(rest) < len(s.recs) { // and got somewhere: it is a new batch
			s.retries, exhausted = 0, m.Retries == 0
		}
		if exhausted {
			return []segment{{recs: giveUpFirst(rest, s.tries, out), tries: s.tries}}, nil
		}
		return []segment{{recs: rest, tries: s.tries, retries: s.retries + 1}}, nil
	}
	var fe *FunctionError
	if !errors.As(err, &fe) {
		return nil, err
	}
	tooLarge := fe.Type == TypeRequestTooLarge // which no second try makes smaller
	switch n := len(s.recs); {
	case (m.Bisect || tooLarge) && n > 1:
		a, b := s.recs[:n/2], s.recs[n/2:]
		return []segment{{recs: b, tries: s.tries}, {recs: a, tries: s.tries}}, nil
	case exhausted || tooLarge:
		for i := range s.recs {
			out.deadLetter(&s.recs[i], fe.Error(), s.tries)
		}
		return nil, nil
	default:
		return []segment{{recs: s.recs, tries: s.tries, retries: s.retries + 1}}, nil
	}
}

// giveUpFirst gives up the record of each partition at which the function stopped, and returns those behind them.
func giveUpFirst(rest []Record, tries int, out *output) []Record {
	var keep []Record
	for i := range rest {
		if firstOfPartition(rest, i) {
			out.deadLetter(&rest[i], TypeItemFailure+": the function reported the record in batchItemFailures", tries)
		} else {
			keep = append(keep, rest[i])
		}
	}
	return keep
}

// unprocessed gives the records from the lowest failed offset of each partition on. A failure that is not a record of
// the event fails all of it.
func unprocessed(recs []Record, failed []itemID) ([]Record, error) {
	if len(failed) == 0 {
		return nil, nil
	}
	event := make(map[itemID]struct{}, len(recs))
	for i := range recs {
		event[itemID{topic: recs[i].Topic, partition: recs[i].Partition, offset: recs[i].Offset}] = struct{}{}
	}
	lowest := map[itemID]int64{}
	for _, f := range failed {
		if _, found := event[f]; !found {
			return nil, &FunctionError{
				Type:    TypeInvalidResponse,
				Message: fmt.Sprintf("batchItemFailures: the event has no record %s-%d@%d", f.topic, f.partition, f.offset),
			}
		}
		p := itemID{topic: f.topic, partition: f.partition}
		if low, ok := lowest[p]; !ok || f.offset < low {
			lowest[p] = f.offset
		}
	}
	var rest []Record
	for i := range recs {
		low, ok := lowest[itemID{topic: recs[i].Topic, partition: recs[i].Partition}]
		if ok && recs[i].Offset >= low {
			rest = append(rest, recs[i])
		}
	}
	return rest, nil
}

// expire gives up the records of a failed segment that have become too old.
func (m *Mapping) expire(s segment, out *output) []Record {
	if m.MaxAge == 0 || s.tries == 0 {
		return s.recs
	}
	limit := time.Now().Add(-m.MaxAge).UnixMilli()
	var keep []Record
	for i := range s.recs {
		if s.recs[i].Timestamp < limit {
			out.deadLetter(&s.recs[i], fmt.Sprintf("RecordAgeExceeded: older than %s", m.MaxAge), s.tries)
		} else {
			keep = append(keep, s.recs[i])
		}
	}
	return keep
}

func newest(recs []Record) int64 {
	t := recs[0].Timestamp
	for i := range recs {
		t = max(t, recs[i].Timestamp)
	}
	return t
}
