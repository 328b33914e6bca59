package functions

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/weirhub/weir/functions/internal/jscan"
)

// failures reads the list of batchItemFailures. Null, [] and {} are success.
func (p *parser) failures() error {
	if kind := p.Peek(); kind != jscan.Array {
		raw, err := p.Skip()
		if err != nil || kind == jscan.Null || string(jscan.AppendCompact(nil, raw)) == "{}" {
			return err
		}
		return fmt.Errorf("batchItemFailures is %s, want a list", shorten(raw))
	}
	if err := p.Open(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := p.More(first, ']')
		if err != nil || !more {
			return err
		}
		from := p.Scanner // to show the entry as it was written
		v, err := p.Any()
		if err != nil {
			return err
		}
		entry, _ := v.(map[string]any)
		id, ok := identifier(entry["itemIdentifier"])
		if !ok {
			raw, _ := from.Skip() // it was read once
			return fmt.Errorf("batchItemFailures: %s names no record; want {\"itemIdentifier\": {\"topic-partition\": \"t-0\", \"offset\": 2}}",
				shorten(raw))
		}
		p.out.failed = append(p.out.failed, id)
	}
}

// identifier reads the spellings of itemIdentifier in use for Kafka:
//
//	{"topic-partition": "t-0", "offset": 2}        AWS's documentation
//	{"partition": "t-0", "offset": 2}              Powertools for AWS Lambda
//	{"topic": "t", "partition": 0, "offset": 2}    by the event's own members
//
// An offset or a partition may be a number in a string. Anything else fails the whole batch: guessing would commit records
// that the function meant to see again.
func identifier(v any) (id itemID, ok bool) {
	m, ok := v.(map[string]any)
	if !ok {
		return id, false
	}
	if id.offset, ok = integer(m["offset"]); !ok {
		return id, false
	}
	if topic, ok := m["topic"].(string); ok {
		if n, ok := integer(m["partition"]); ok && n >= 0 && n <= math.MaxInt32 {
			id.topic, id.partition = topic, int32(n)
			return id, true
		}
	}
	both, ok := m["topic-partition"].(string)
	if !ok {
		both, ok = m["partition"].(string)
	}
	dash := strings.LastIndexByte(both, '-') // a topic's name may have dashes of its own
	if !ok || dash < 0 {
		return id, false
	}
	n, err := strconv.ParseInt(both[dash+1:], 10, 32)
	id.topic, id.partition = both[:dash], int32(n)
	return id, err == nil
}

func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}
