package functions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Mapping says how a topic's records reach a function, with the words of Lambda's event source mappings.
type Mapping struct {
	BatchSize int           // records in an event, 1 to MaxBatchSize
	Window    time.Duration // how long a record may wait for its batch to fill; 0: not at all
	MaxBytes  int           // of the event's JSON, at most MaxPayloadBytes
	// Retries is how often a failed batch is tried again: -1 without a limit, which holds up its partitions until the
	// function succeeds. The parts of a batch that was cut share its retries, so that a batch full of bad records ends soon.
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

// Limits of Lambda's event source mappings.
const (
	MaxBatchSize = 10_000
	MaxWindow    = 300 * time.Second
	MaxRetries   = 10_000
	maxFactor    = 100 // more event batches in flight than this only wait for instances
)

// Defaults. Lambda tries for ever without an on-failure destination; here every mapping has one, the dead-letter topic, so a
// bad record is isolated and given up within a second. A function that depends on a service which may be down wants more
// retries, or -1.
const (
	DefaultBatchSize = 100
	DefaultWindow    = 500 * time.Millisecond
	DefaultRetries   = 3
)

// A failed batch is tried again after firstBackoff, then twice as long each time up to maxBackoff: the transaction that
// holds the input's offsets meanwhile must not time out (60 s) over a few retries.
const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 2 * time.Second
)

// DefaultMapping is what a trigger gets that says nothing.
func DefaultMapping() Mapping {
	return Mapping{
		BatchSize: DefaultBatchSize, Window: DefaultWindow, MaxBytes: MaxPayloadBytes, Retries: DefaultRetries, Bisect: true,
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

// delivery is one batch on its way through the function. The lane that holds the batch is its only user.
type delivery struct {
	m     *Mapping
	h     Handler
	out   *output
	o     *Options
	spent int // retries of the batch or its parts that got no further
}

// deliver hands a batch to the function until each of its records is decided, and writes what comes of it to out.
// Halves and rests are taken up in order, so that records of a partition are never seen again after a later one
// succeeded.
func (d *delivery) deliver(ctx context.Context, recs []Record) error {
	todo := []segment{{recs: recs}}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s.recs = d.expire(s); len(s.recs) == 0 {
			continue
		}
		if s.retries > 0 {
			d.o.Stats.Retries.Add(1)
			if err := pause(ctx, min(firstBackoff<<min(s.retries-1, 10), maxBackoff)); err != nil {
				return err
			}
		}
		rest, err := d.try(ctx, &s)
		if err == nil && len(rest) == 0 {
			continue
		}
		next, err := d.decide(s, rest, err)
		if err != nil {
			return err
		}
		todo = append(todo, next...)
	}
	return nil
}

// try invokes the function once. rest are the records that it wants to see again; a *FunctionError means all of them.
func (d *delivery) try(ctx context.Context, s *segment) (rest []Record, err error) {
	s.tries++
	st := d.o.Stats
	st.Invocations.Add(1)
	start := time.Now()
	res, err := d.h.Invoke(ctx, Event{Records: s.recs, Source: d.m.Source})
	st.BusyNanos.Add(int64(time.Since(start)))
	var a answer
	if err == nil && res.Payload != nil && (d.m.Output || d.m.ReportItemFailures) {
		a, err = parseAnswer(res.Payload, newest(s.recs), d.m.Output, d.m.ReportItemFailures)
	}
	if err == nil {
		rest, err = unprocessed(s.recs, a.failed)
	}
	var fe *FunctionError
	if errors.As(err, &fe) || len(a.failed) > 0 {
		st.FunctionErrors.Add(1)
	}
	if err != nil {
		return nil, err
	}
	for _, b := range res.Bad {
		d.out.deadLetter(&s.recs[b.Index], b.Reason, s.tries)
	}
	if d.m.Output {
		d.out.add(res.Records)
		d.out.add(a.records)
	}
	return rest, nil
}

// decide says what follows a failure: the segments to try, the last one first. Only a *FunctionError is a matter of the
// records; any other error is returned.
func (d *delivery) decide(s segment, rest []Record, err error) ([]segment, error) {
	again := func(recs []Record) []segment { return []segment{{recs: recs, tries: s.tries, retries: s.retries + 1}} }
	if err == nil { // the function named what failed
		if len(rest) < len(s.recs) { // and got somewhere: it is a new batch
			s.retries = 0
			if d.m.Retries != 0 {
				return again(rest), nil
			}
		}
		if d.exhausted(s) {
			return []segment{{recs: d.giveUpFirst(rest, s.tries), tries: s.tries}}, nil
		}
		return again(rest), nil
	}
	var fe *FunctionError
	if !errors.As(err, &fe) {
		return nil, err
	}
	tooLarge := fe.Type == TypeRequestTooLarge // which no second try makes smaller
	n := len(s.recs)
	if (d.m.Bisect || tooLarge) && n > 1 {
		d.report(s, fe, "cut the batch in two")
		return []segment{{recs: s.recs[n/2:], tries: s.tries}, {recs: s.recs[:n/2], tries: s.tries}}, nil
	}
	if tooLarge || d.exhausted(s) {
		d.report(s, fe, "give up")
		for i := range s.recs {
			d.out.deadLetter(&s.recs[i], fe.Error(), s.tries)
		}
		return nil, nil
	}
	d.report(s, fe, "try again")
	return again(s.recs), nil
}

// exhausted tells whether no retry is left, and takes one otherwise.
func (d *delivery) exhausted(s segment) bool {
	if d.m.Retries >= 0 && (s.retries >= d.m.Retries || d.spent >= d.m.Retries) {
		return true
	}
	d.spent++
	return false
}

// report logs a failure of the function: an error that a retry hides is still one that its author wants to see.
func (d *delivery) report(s segment, fe *FunctionError, next string) {
	if d.o.Logger == nil {
		return
	}
	r := &s.recs[0]
	d.o.Logger.Warn("function failed", "error", fe.Error(), "request", fe.RequestID, "stack", strings.Join(fe.Stack, ""),
		"from", fmt.Sprintf("%s-%d@%d", r.Topic, r.Partition, r.Offset), "records", len(s.recs), "try", s.tries, "next", next)
}

// giveUpFirst gives up the record of each partition at which the function stopped, and returns those behind them.
func (d *delivery) giveUpFirst(rest []Record, tries int) []Record {
	var keep []Record
	for i := range rest {
		if firstOfPartition(rest, i) {
			d.out.deadLetter(&rest[i], TypeItemFailure+": the function reported the record in batchItemFailures", tries)
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
func (d *delivery) expire(s segment) []Record {
	if d.m.MaxAge == 0 || s.tries == 0 {
		return s.recs
	}
	limit := time.Now().Add(-d.m.MaxAge).UnixMilli()
	var keep []Record
	for i := range s.recs {
		if s.recs[i].Timestamp < limit {
			d.out.deadLetter(&s.recs[i], fmt.Sprintf("RecordAgeExceeded: older than %s", d.m.MaxAge), s.tries)
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
