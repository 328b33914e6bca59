package functions

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/weirhub/weir/functions/internal/jscan"
)

// answer is what a function returned, understood. The records' bytes are views of the payload or their own.
type answer struct {
	records []Record
	failed  []itemID
}

// itemID names a record of the event in batchItemFailures.
type itemID struct {
	topic     string
	partition int32
	offset    int64
}

// parser reads one answer. Rules and forms: doc.go.
type parser struct {
	jscan.Scanner
	timestamp int64 // of new records that give none
	out       answer
	item      int // number of the item that is being read
}

// parseAnswer reads what a function returned. output says whether records are expected; failures whether
// batchItemFailures means anything. An error is a fault of the function's.
func parseAnswer(payload []byte, timestamp int64, output, failures bool) (answer, error) {
	p := parser{timestamp: timestamp}
	p.Reset(payload)
	if p.Peek() == jscan.Invalid && len(strings.TrimSpace(string(payload))) == 0 {
		return answer{}, nil
	}
	if err := p.answer(output, failures); err != nil {
		return answer{}, &FunctionError{Type: TypeInvalidResponse, Message: err.Error()}
	}
	return p.out, nil
}

func (p *parser) answer(output, failures bool) error {
	switch kind := p.Peek(); {
	case kind == jscan.Object:
		if err := p.object(output, failures); err != nil {
			return err
		}
	case kind == jscan.Array && output:
		if err := p.items(); err != nil {
			return err
		}
	default:
		raw, err := p.Skip()
		if err != nil {
			return err
		}
		if output && kind != jscan.Null && string(raw) != `""` {
			return fmt.Errorf("the function returned %s, want a list of records or an object with \"records\"", shorten(raw))
		}
	}
	return p.End()
}

func (p *parser) object(output, failures bool) error {
	if err := p.Open(); err != nil {
		return err
	}
	stray, known := "", false
	for first := true; ; first = false {
		more, err := p.More(first, '}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		name, err := p.Name()
		if err != nil {
			return err
		}
		switch {
		case string(name) == "records" && output:
			known = true
			err = p.recordsMember()
		case string(name) == "batchItemFailures":
			known = true
			if failures {
				err = p.failures()
			} else {
				_, err = p.Skip()
			}
		default:
			stray = string(name)
			_, err = p.Skip()
		}
		if err != nil {
			return err
		}
	}
	if output && !known && stray != "" {
		return fmt.Errorf("the function returned an object with %q and without \"records\"", stray)
	}
	return nil
}

// recordsMember reads a list of items, or lists by topic-partition as in the event.
func (p *parser) recordsMember() error {
	switch p.Peek() {
	case jscan.Array:
		return p.items()
	case jscan.Object:
		if err := p.Open(); err != nil {
			return err
		}
		for first := true; ; first = false {
			more, err := p.More(first, '}')
			if err != nil || !more {
				return err
			}
			name, err := p.Name()
			if err != nil {
				return err
			}
			if p.Peek() != jscan.Array {
				return fmt.Errorf("records[%q] is not a list", name)
			}
			if err := p.items(); err != nil {
				return err
			}
		}
	default:
		raw, err := p.Skip()
		if err != nil || string(raw) == "null" {
			return err
		}
		return fmt.Errorf("records is %s, want a list", shorten(raw))
	}
}

func (p *parser) items() error {
	if err := p.Open(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := p.More(first, ']')
		if err != nil || !more {
			return err
		}
		if p.Peek() != jscan.Object {
			raw, err := p.Skip()
			if err != nil {
				return err
			}
			return fmt.Errorf("record %d is %s, want an object with \"value\"", p.item, shorten(raw))
		}
		r, err := p.record()
		if err != nil {
			return fmt.Errorf("record %d: %w", p.item, err)
		}
		p.out.records = append(p.out.records, r)
		p.item++
	}
}

// rawItem is an item before it is known of which of the two forms it is.
type rawItem struct {
	key, value, headers, timestamp, encoded []byte // raw JSON, nil when the member is absent
	identity                                int    // how many of topic, partition and offset it has
	stray                                   string
}

func (p *parser) record() (Record, error) {
	var it rawItem
	if err := p.Open(); err != nil {
		return Record{}, err
	}
	for first := true; ; first = false {
		more, err := p.More(first, '}')
		if err != nil {
			return Record{}, err
		}
		if !more {
			return it.decode(p.timestamp)
		}
		name, err := p.Name()
		if err != nil {
			return Record{}, err
		}
		raw, err := p.Skip()
		if err != nil {
			return Record{}, err
		}
		switch string(name) {
		case "key":
			it.key = raw
		case "value":
			it.value = raw
		case "headers":
			it.headers = raw
		case "timestamp":
			it.timestamp = raw
		case "isBase64Encoded":
			it.encoded = raw
		case "topic", "partition", "offset":
			it.identity++
		default:
			it.stray = string(name)
		}
	}
}

func (it *rawItem) decode(timestamp int64) (r Record, err error) {
	fromEvent := it.identity == 3
	switch {
	case !fromEvent && it.stray != "":
		return r, fmt.Errorf("unknown member %q; wrap data in \"value\"", it.stray)
	case !fromEvent && it.identity > 0:
		return r, errors.New("a new record has no topic, partition or offset; a record of the event has all three")
	case !fromEvent && it.value == nil:
		return r, errors.New("no member \"value\"")
	}
	base64Text := fromEvent
	switch string(it.encoded) {
	case "", "null":
	case "true":
		base64Text = true
	case "false":
		base64Text = false
	default:
		return r, fmt.Errorf("isBase64Encoded is %s, want true or false", shorten(it.encoded))
	}
	if r.Key, err = fieldBytes(it.key, base64Text); err != nil {
		return r, fmt.Errorf("key: %w", err)
	}
	if r.Value, err = fieldBytes(it.value, base64Text); err != nil {
		return r, fmt.Errorf("value: %w", err)
	}
	if r.Headers, r.HeaderCount, err = encodeHeaders(it.headers); err != nil {
		return r, fmt.Errorf("headers: %w", err)
	}
	r.Timestamp = timestamp
	if it.timestamp != nil && string(it.timestamp) != "null" {
		ms, ok := jscan.ParseInt(it.timestamp)
		if !ok {
			return r, fmt.Errorf("timestamp is %s, want milliseconds", shorten(it.timestamp))
		}
		r.Timestamp = ms
	}
	return r, nil
}

// fieldBytes turns a key or a value into bytes: see doc.go.
func fieldBytes(raw []byte, base64Text bool) ([]byte, error) {
	if raw == nil || string(raw) == "null" {
		return nil, nil
	}
	if raw[0] != '"' {
		return jscan.AppendCompact(make([]byte, 0, len(raw)), raw), nil
	}
	text, err := unquote(raw)
	if err != nil || !base64Text {
		return text, err
	}
	out, err := base64.StdEncoding.AppendDecode(make([]byte, 0, base64.StdEncoding.DecodedLen(len(text))), text)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64", shorten(raw))
	}
	return out, nil
}

func unquote(raw []byte) ([]byte, error) {
	var s jscan.Scanner
	s.Reset(raw)
	return s.Text()
}

// encodeHeaders turns headers into their encoding in a record: varint key length, key, varint value length, value.
func encodeHeaders(raw []byte) (dst []byte, n int, err error) {
	var s jscan.Scanner
	s.Reset(raw)
	dst = []byte{}
	switch s.Peek() {
	case jscan.Object:
		return encodeHeaderObject(&s, dst, 0)
	case jscan.Array:
	case jscan.Null, jscan.Invalid:
		return dst, 0, nil
	default:
		return nil, 0, fmt.Errorf("%s is neither a list nor an object", shorten(raw))
	}
	if err := s.Open(); err != nil {
		return nil, 0, err
	}
	for first := true; ; first = false {
		more, err := s.More(first, ']')
		if err != nil || !more {
			return dst, n, err
		}
		if s.Peek() != jscan.Object {
			return nil, 0, errors.New("an element is not an object")
		}
		if dst, n, err = encodeHeaderObject(&s, dst, n); err != nil {
			return nil, 0, err
		}
	}
}

func encodeHeaderObject(s *jscan.Scanner, dst []byte, n int) ([]byte, int, error) {
	if err := s.Open(); err != nil {
		return nil, 0, err
	}
	for first := true; ; first = false {
		more, err := s.More(first, '}')
		if err != nil || !more {
			return dst, n, err
		}
		name, err := s.Name()
		if err != nil {
			return nil, 0, err
		}
		value, err := headerValue(s)
		if err != nil {
			return nil, 0, fmt.Errorf("%q: %w", name, err)
		}
		dst = append(binary.AppendVarint(dst, int64(len(name))), name...)
		if value == nil {
			dst = binary.AppendVarint(dst, -1)
		} else {
			dst = append(binary.AppendVarint(dst, int64(len(value))), value...)
		}
		n++
	}
}

func headerValue(s *jscan.Scanner) ([]byte, error) {
	switch s.Peek() {
	case jscan.String:
		return s.Text()
	case jscan.Null:
		_, err := s.Skip()
		return nil, err
	case jscan.Array:
	default:
		return nil, errors.New("a value is a string, a list of bytes or null")
	}
	if err := s.Open(); err != nil {
		return nil, err
	}
	value := []byte{}
	for first := true; ; first = false {
		more, err := s.More(first, ']')
		if err != nil || !more {
			return value, err
		}
		raw, err := s.Skip()
		if err != nil {
			return nil, err
		}
		c, ok := jscan.ParseInt(raw)
		if !ok || c < math.MinInt8 || c > math.MaxUint8 {
			return nil, fmt.Errorf("%s is not a byte", shorten(raw))
		}
		value = append(value, byte(c))
	}
}

// shorten quotes JSON in a message without flooding it.
func shorten(raw []byte) string {
	const most = 60
	if len(raw) > most {
		return string(raw[:most]) + "..."
	}
	return string(raw)
}

// Answer gives the records that a result puts out for an event of recs: what a mapping with an output topic emits.
func Answer(res Result, recs []Record) ([]Record, error) {
	if res.Payload == nil {
		return res.Records, nil
	}
	a, err := parseAnswer(res.Payload, newest(recs), true, false)
	return a.records, err
}
