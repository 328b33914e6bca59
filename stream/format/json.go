package format

import (
	"fmt"
	"math/bits"
)

// jsonDecoder reads the members of JSON objects straight into columns, in one pass.
//
// The fields form a tree by their paths. Each object of the tree knows its names as they stand in the text, with quotes
// and colon, and after each name which two names followed it last: records of a topic repeat their order, so that a name
// is mostly recognised by comparing 8 bytes with an expectation. Names that no field asks for are learned as well, and
// their values are passed over, but checked as strictly as all others.
type jsonDecoder struct {
	b       *builder
	o       *Options
	columns []*column
	root    *jsonObject
	text    []byte // scratch for strings with escapes
	err     problem
}

// jsonObject is an object on the path of a field.
type jsonObject struct {
	names map[string]*jsonName
	first jsonName // stands before the first member: only its next is used
	other jsonName // stands for all names that are not learned
	gen   uint64   // the record in which it was last met
}

const (
	// maxLearned bounds the names that are known per object: more than records have fields, and few enough that names
	// which never come again (ids as names) cost nothing to speak of.
	maxLearned = 512
	// maxLearnedName bounds the length of a learned name: longer ones are not worth their memory.
	maxLearnedName = 256
)

// jsonName is a member's name and what to do with its value.
type jsonName struct {
	text []byte // "name": with quotes and colon; the first 8 bytes masked are head, the last 8 tail
	head uint64
	mask uint64
	tail uint64

	column *column
	more   []*column   // further columns with the same path
	object *jsonObject // members to look at

	next [2]*jsonName // what followed last, and before that
}

// noName is never found: mask and head exclude each other.
var noName = &jsonName{head: 1}

func newJSONDecoder(b *builder, columns []*column, o *Options) (*jsonDecoder, error) {
	d := &jsonDecoder{b: b, o: o, columns: columns, root: newJSONObject()}
	for _, c := range columns {
		path := c.field.path()
		if len(path) >= maxDepth {
			return nil, fmt.Errorf("column %s: path of more than %d names", c.field.Name, maxDepth)
		}
		at := d.root
		for _, p := range path[:len(path)-1] {
			n := at.name(p)
			if n.object == nil {
				n.object = newJSONObject()
			}
			at = n.object
		}
		n := at.name(path[len(path)-1])
		if n.column == nil {
			n.column = c
		} else {
			n.more = append(n.more, c)
		}
	}
	return d, nil
}

func newJSONObject() *jsonObject {
	unlearned := jsonName{next: [2]*jsonName{noName, noName}}
	return &jsonObject{names: map[string]*jsonName{}, first: unlearned, other: unlearned}
}

// name finds or makes the entry of a name.
func (o *jsonObject) name(s string) *jsonName {
	if n := o.names[s]; n != nil {
		return n
	}
	n := newJSONName(s)
	o.names[s] = n
	return n
}

func newJSONName(s string) *jsonName {
	n := &jsonName{head: 1, next: [2]*jsonName{noName, noName}}
	text := append(append([]byte{'"'}, s...), '"', ':')
	if end, escaped := skipString(text, 1); end != len(text)-1 || escaped {
		return n // never stands so in a text: found by the map only
	}
	n.text = text
	var b [8]byte
	var m [8]byte
	for i := range min(8, len(text)) {
		m[i] = 0xff
	}
	copy(b[:], text)
	n.head, n.mask = load64(b[:], 0), load64(m[:], 0)
	if len(text) > 8 {
		n.tail = load64(text, len(text)-8)
	}
	return n
}

// at says whether the name stands at b[i:].
func (n *jsonName) at(b []byte, i int) bool {
	size := len(n.text)
	if len(b)-i < max(size, 8) {
		return size > 0 && len(b)-i >= size && string(b[i:i+size]) == string(n.text)
	}
	if load64(b, i)&n.mask != n.head {
		return false
	}
	if size <= 8 {
		return true
	}
	if load64(b, i+size-8) != n.tail {
		return false
	}
	return size <= 16 || string(b[i+8:i+size-8]) == string(n.text[8:size-8])
}

// decode fills the columns from one value. After false, problem says why.
func (d *jsonDecoder) decode(v []byte) bool {
	i := skipSpace(v, 0)
	if i >= len(v) || v[i] != '{' {
		d.notObject(v, i)
		return false
	}
	if i = d.object(d.root, v, i+1, 1); i >= 0 {
		if i = skipSpace(v, i); i < len(v) {
			i = wrongAt(i)
		}
	}
	if i < 0 {
		if d.err.column == nil {
			d.err.text = invalidJSON(v, -1-i)
		}
		return false
	}
	return d.missing()
}

func (d *jsonDecoder) problem() problem {
	p := d.err
	d.err = problem{}
	return p
}

// notObject notes why a value that does not begin with a brace is bad.
func (d *jsonDecoder) notObject(v []byte, i int) {
	end := skipValue(v, i, 0)
	if end >= 0 && skipSpace(v, end) == len(v) {
		d.err.text = []byte("not a JSON object")
		return
	}
	if end >= 0 {
		end = wrongAt(skipSpace(v, end))
	}
	d.err.text = invalidJSON(v, -1-end)
}

// invalidJSON describes a text that is not JSON from place i on.
func invalidJSON(v []byte, i int) []byte {
	const near = 12 // bytes shown: enough to find the place
	if i >= len(v) {
		return fmt.Appendf(nil, "invalid JSON: cut off after %d bytes", len(v))
	}
	return fmt.Appendf(nil, "invalid JSON at byte %d: %q", i, v[i:min(i+near, len(v))])
}

// missing makes the columns that the record has not set NULL.
func (d *jsonDecoder) missing() bool {
	gen := d.b.gen
	for _, c := range d.columns {
		if c.gen == gen {
			continue
		}
		if d.o.FailOnMissingField {
			d.err = problem{column: c, fault: missing}
			return false
		}
		if !c.field.Nullable {
			d.err = problem{column: c, fault: isNull}
			return false
		}
		d.b.setNull(c)
	}
	return true
}

// object reads the members of an object after its opening brace.
func (d *jsonDecoder) object(o *jsonObject, v []byte, i, depth int) int {
	if o.gen == d.b.gen {
		o.forget() // a second object of the same name takes the place of the first
	}
	o.gen = d.b.gen
	if i = skipSpace(v, i); i < len(v) && v[i] == '}' {
		return i + 1
	}
	prev := &o.first
	for {
		n := prev.next[0]
		if n.at(v, i) {
			i += len(n.text)
		} else if n = prev.next[1]; n.at(v, i) {
			i += len(n.text)
		} else if n, i = o.find(prev, v, i); i < 0 {
			return i
		}
		if i < len(v) && v[i] <= ' ' {
			i = skipSpace(v, i)
		}
		if n.column != nil && n.object == nil && n.more == nil {
			i = d.leaf(n.column, v, i, depth)
		} else if n.column == nil && n.object == nil {
			i = skipUnwanted(v, i, depth)
		} else {
			i = d.member(n, v, i, depth)
		}
		if i < 0 {
			return i
		}
		if i < len(v) && v[i] <= ' ' {
			i = skipSpace(v, i)
		}
		if i >= len(v) {
			return wrongAt(i)
		}
		if v[i] == '}' {
			return i + 1
		}
		if v[i] != ',' {
			return wrongAt(i)
		}
		if i++; i < len(v) && v[i] <= ' ' {
			i = skipSpace(v, i)
		}
		prev = n
	}
}

// forget takes back what the members of an object have set in this record.
func (o *jsonObject) forget() {
	for _, n := range o.names {
		if n.column != nil {
			n.column.gen = 0
		}
		for _, c := range n.more {
			c.gen = 0
		}
		if n.object != nil {
			n.object.forget()
			n.object.gen = 0
		}
	}
}

// find reads a name that was not expected, and expects it after prev from now on.
func (o *jsonObject) find(prev *jsonName, v []byte, i int) (*jsonName, int) {
	if i >= len(v) || v[i] != '"' {
		return nil, wrongAt(i)
	}
	end, escaped := skipString(v, i+1)
	if end < 0 {
		return nil, end
	}
	text := v[i+1 : end-1]
	if escaped {
		text = unescape(make([]byte, 0, len(text)), text)
	}
	if end = skipSpace(v, end); end >= len(v) || v[end] != ':' {
		return nil, wrongAt(end)
	}
	n := o.names[view(text)]
	if n == nil {
		if len(o.names) >= maxLearned || len(text) > maxLearnedName {
			return &o.other, end + 1
		}
		n = o.name(string(text))
	}
	prev.next[1], prev.next[0] = prev.next[0], n
	return n, end + 1
}

// member reads the value of a name that is more than one column: it is looked into, or wanted several times.
func (d *jsonDecoder) member(n *jsonName, v []byte, i, depth int) int {
	end := 0
	if n.column != nil {
		if end = d.leaf(n.column, v, i, depth); end < 0 {
			return end
		}
	}
	for _, c := range n.more {
		if end = d.leaf(c, v, i, depth); end < 0 {
			return end
		}
	}
	if n.object == nil {
		return end
	}
	if i < len(v) && v[i] == '{' {
		if depth >= maxDepth {
			return wrongAt(i)
		}
		return d.object(n.object, v, i+1, depth+1)
	}
	if n.object.gen == d.b.gen {
		n.object.forget()
	}
	end = skipValue(v, i, depth)
	if end < 0 || v[i] == 'n' || d.o.IgnoreParseErrors {
		return end
	}
	d.err = problem{column: n.object.anyColumn(), text: v[i:end], fault: notObject}
	return wrongAt(i)
}

// anyColumn is one of the columns below an object, the first of the plan.
func (o *jsonObject) anyColumn() *column {
	var first *column
	for _, n := range o.names {
		c := n.column
		if c == nil && n.object != nil {
			c = n.object.anyColumn()
		}
		if c != nil && (first == nil || c.index < first.index) {
			first = c
		}
	}
	return first
}

// digitsAt counts the digits at the start of x (8 bytes of text) and gives their value.
func digitsAt(x uint64) (n int, v uint64) {
	t := x ^ lows*'0'
	m := (t | (t + lows*6)) & (lows * 0xf0)
	if m == 0 {
		return 8, eightDigits(t)
	}
	n = bits.TrailingZeros64(m) >> 3
	if n == 0 {
		return 0, 0
	}
	return n, eightDigits(t << (64 - 8*uint(n)))
}

// eightDigits is the number whose digits are the bytes of t, the first one lowest
// (https://johnnylee-sde.github.io/Fast-numeric-string-to-int/).
func eightDigits(t uint64) uint64 {
	t = t*10 + t>>8
	return ((t&0x000000ff000000ff)*(100+1000000<<32) + (t>>16&0x000000ff000000ff)*(1+10000<<32)) >> 32
}
