// Package jscan reads JSON text in place, for callers that look at a few members and take the rest as it stands: a
// function's answer, the fields that an expression names.
//
// It owns the scanner and nothing else: no types, no reflection, no trees except Any. It is not the decoder of topics;
// that is stream/format, which knows a schema.
//
// Invariants:
//  1. What Skip accepts, encoding/json.Valid accepts, and the other way round, up to MaxDepth.
//  2. No call allocates but those that must unescape a string or build a tree.
package jscan

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth bounds nesting, because a scanner recurses: encoding/json and Python's json give up at 10,000 and about
// 1,000; nobody nests records deeper than this.
const MaxDepth = 512

// Kind is what a value is, told by its first byte.
type Kind byte

// The kinds of JSON values. Invalid is what starts no value.
const (
	Invalid Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

var errEnd = errors.New("unexpected end of JSON")

// Scanner walks one JSON text. The zero value with Reset is ready.
type Scanner struct {
	b     []byte
	i     int
	depth int
}

// Reset points the scanner at a text. Slices that it returns are views of b where no escape stands in the way.
func (s *Scanner) Reset(b []byte) { s.b, s.i, s.depth = b, 0, 0 }

// Pos is the index of the next byte.
func (s *Scanner) Pos() int { return s.i }

func (s *Scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// Peek tells the kind of the next value without consuming it.
func (s *Scanner) Peek() Kind {
	s.space()
	if s.i == len(s.b) {
		return Invalid
	}
	switch c := s.b[s.i]; c {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return Number
		}
		return Invalid
	}
}

// Open consumes the brace or bracket that Peek announced.
func (s *Scanner) Open() error {
	s.i++
	if s.depth++; s.depth > MaxDepth {
		return fmt.Errorf("nesting deeper than %d at byte %d", MaxDepth, s.i)
	}
	return nil
}

// More reports whether another member or element follows in the container that closer ends, consuming the comma before
// it, or the closer. first says that none has been read yet.
func (s *Scanner) More(first bool, closer byte) (bool, error) {
	s.space()
	if s.i == len(s.b) {
		return false, errEnd
	}
	if s.b[s.i] == closer {
		s.i++
		s.depth--
		return false, nil
	}
	if first {
		return true, nil
	}
	if s.b[s.i] != ',' {
		return false, s.unexpected("a comma")
	}
	s.i++
	s.space()
	if s.i < len(s.b) && s.b[s.i] == closer {
		return false, s.unexpected("a value")
	}
	return true, nil
}

// Name reads a member's name and its colon.
func (s *Scanner) Name() ([]byte, error) {
	if s.Peek() != String {
		return nil, s.unexpected("a member name")
	}
	name, err := s.Text()
	if err != nil {
		return nil, err
	}
	s.space()
	if s.i == len(s.b) || s.b[s.i] != ':' {
		return nil, s.unexpected("a colon")
	}
	s.i++
	return name, nil
}

// Text reads a string and gives its text: a view of the input, or new bytes when it has escapes. A lone surrogate
// becomes U+FFFD, as in encoding/json.
func (s *Scanner) Text() ([]byte, error) {
	start := s.i + 1
	escaped, err := s.skipString()
	if err != nil {
		return nil, err
	}
	raw := s.b[start : s.i-1 : s.i-1]
	if !escaped {
		return raw, nil
	}
	return unescape(raw), nil
}

// Skip reads one value of any kind and gives it as it stands in the input.
func (s *Scanner) Skip() ([]byte, error) {
	s.space()
	start := s.i
	if err := s.skip(); err != nil {
		return nil, err
	}
	return s.b[start:s.i:s.i], nil
}

// End checks that nothing but space is left.
func (s *Scanner) End() error {
	s.space()
	if s.i < len(s.b) {
		return s.unexpected("the end")
	}
	return nil
}

func (s *Scanner) skip() error {
	switch s.Peek() {
	case Object:
		return s.skipObject()
	case Array:
		return s.skipArray()
	case String:
		_, err := s.skipString()
		return err
	case Number:
		return s.skipNumber()
	case Null:
		return s.word("null")
	case Bool:
		if s.b[s.i] == 't' {
			return s.word("true")
		}
		return s.word("false")
	default:
		return s.unexpected("a value")
	}
}

func (s *Scanner) skipObject() error {
	if err := s.Open(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.More(first, '}')
		if err != nil || !more {
			return err
		}
		if s.Peek() != String {
			return s.unexpected("a member name")
		}
		if _, err := s.skipString(); err != nil {
			return err
		}
		s.space()
		if s.i == len(s.b) || s.b[s.i] != ':' {
			return s.unexpected("a colon")
		}
		s.i++
		if err := s.skip(); err != nil {
			return err
		}
	}
}

func (s *Scanner) skipArray() error {
	if err := s.Open(); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.More(first, ']')
		if err != nil || !more {
			return err
		}
		if err := s.skip(); err != nil {
			return err
		}
	}
}

// skipString passes a string, checks its escapes and says whether it has any.
func (s *Scanner) skipString() (escaped bool, err error) {
	b := s.b
	for i := s.i + 1; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '"':
			s.i = i + 1
			return escaped, nil
		case c < ' ':
			s.i = i
			return false, s.unexpected("text")
		case c == '\\':
			escaped = true
			i++
			if i == len(b) {
				return false, errEnd
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if i+4 >= len(b) {
					return false, errEnd
				}
				if _, ok := hex4(b[i+1:]); !ok {
					s.i = i
					return false, s.unexpected("four hex digits")
				}
				i += 4
			default:
				s.i = i
				return false, s.unexpected("an escape")
			}
		}
	}
	return false, errEnd
}

func (s *Scanner) skipNumber() error {
	b, i := s.b, s.i
	digits := func() bool {
		from := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		s.i = i
		return s.unexpected("a digit")
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			s.i = i
			return s.unexpected("a digit")
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			s.i = i
			return s.unexpected("a digit")
		}
	}
	s.i = i
	return nil
}

func (s *Scanner) word(w string) error {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return s.unexpected("a value")
	}
	s.i += len(w)
	return nil
}

func (s *Scanner) unexpected(want string) error {
	if s.i >= len(s.b) {
		return errEnd
	}
	r, _ := utf8.DecodeRune(s.b[s.i:])
	return fmt.Errorf("%q at byte %d where %s is expected", r, s.i, want)
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// unescape resolves the escapes of a string's inside that skipString has checked.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			out = append(out, c)
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				r2, ok := rune(0), false
				if i+6 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
					r2, ok = hex4(raw[i+3:])
				}
				r = utf16.DecodeRune(r, r2)
				if ok && r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, raw[i])
		}
	}
	return out
}

// Any reads one value as Go values: nil, bool, int, float64, string, []any, map[string]any. A number without fraction
// and exponent that fits is an int, so that ids keep their digits.
func (s *Scanner) Any() (any, error) {
	switch s.Peek() {
	case Object:
		return s.anyObject()
	case Array:
		return s.anyArray()
	case String:
		t, err := s.Text()
		return string(t), err
	case Number:
		start := s.i
		if err := s.skipNumber(); err != nil {
			return nil, err
		}
		return ParseNumber(s.b[start:s.i]), nil
	case Bool:
		v := s.b[s.i] == 't'
		return v, s.skip()
	default:
		return nil, s.skip()
	}
}

func (s *Scanner) anyObject() (any, error) {
	if err := s.Open(); err != nil {
		return nil, err
	}
	m := map[string]any{}
	for first := true; ; first = false {
		more, err := s.More(first, '}')
		if err != nil || !more {
			return m, err
		}
		name, err := s.Name()
		if err != nil {
			return nil, err
		}
		v, err := s.Any()
		if err != nil {
			return nil, err
		}
		m[string(name)] = v
	}
}

func (s *Scanner) anyArray() (any, error) {
	if err := s.Open(); err != nil {
		return nil, err
	}
	l := []any{}
	for first := true; ; first = false {
		more, err := s.More(first, ']')
		if err != nil || !more {
			return l, err
		}
		v, err := s.Any()
		if err != nil {
			return nil, err
		}
		l = append(l, v)
	}
}

// ParseNumber turns a number's text, checked already, into an int when it is one that fits, or else a float64. Beyond
// float64's range it is an infinity, as in Python.
func ParseNumber(b []byte) any {
	if n, ok := ParseInt(b); ok {
		return int(n)
	}
	f, _ := strconv.ParseFloat(string(b), 64) // the only error left is ErrRange, whose value is the infinity
	return f
}

// ParseInt reads a number's text as an int64: false when it has a fraction or an exponent, or does not fit.
func ParseInt(b []byte) (int64, bool) {
	digits, neg := b, false
	if len(digits) > 0 && digits[0] == '-' {
		digits, neg = digits[1:], true
	}
	if len(digits) == 0 || len(digits) > 18 { // 18 digits always fit
		n, err := strconv.ParseInt(string(b), 10, 64)
		return n, err == nil
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}

// AppendCompact appends a valid JSON value without the space between its tokens. Numbers and strings stay as they are.
func AppendCompact(dst, v []byte) []byte {
	inString := false
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case inString:
			if c == '\\' {
				dst = append(dst, c, v[i+1])
				i++
				continue
			}
			inString = c != '"'
		case c == '"':
			inString = true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
