package functions

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weirhub/weir/functions/internal/jscan"
	"github.com/weirhub/weir/internal/record"
)

// Limits of Lambda's filter criteria.
const (
	MaxFilters      = 10
	MaxPatternBytes = 4096
)

// Filter is one pattern of Lambda's filter criteria
// (https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html), for the records of a topic. A record
// reaches the function when one of a mapping's filters matches; the others are passed over.
//
// A pattern is an object. Its member value is a pattern for the JSON object in the record's value, or a list of rules for
// the value's text. Beyond Lambda it may have key, topic (text), partition, offset, timestamp (numbers) and headers (an
// object of texts). In a pattern, a list holds rules of which one has to match, siblings have to match all, "$or" is a list of
// patterns of which one has to, and of an array in the record one element has to. A record whose value is no JSON object
// does not match a pattern for one.
//
// Rules: a text, number, true, false or null; {"prefix"}, {"suffix"}, {"equals-ignore-case"}, {"wildcard"}, {"anything-but"},
// {"numeric": [">", 0, "<=", 5]}, {"exists": true}, {"cidr"}.
type Filter struct {
	root  *pattern
	shape *shape // what of a record the pattern looks at
}

// shape is the members that a pattern names, at any depth. What it does not name is skipped, not decoded.
type shape struct {
	leaf    bool // a list of rules looks at the whole value
	members map[string]*shape
}

// pattern is one level of a filter.
type pattern struct {
	members map[string]*pattern
	or      [][]*pattern // for each $or its alternatives
	rules   []rule       // at a leaf
}

// rule says whether a leaf matches. present is false when there is none.
type rule func(v any, present bool) bool

// CompileFilter reads a pattern.
func CompileFilter(text string) (*Filter, error) {
	if len(text) > MaxPatternBytes {
		return nil, fmt.Errorf("compile filter: %d bytes, the limit is %d", len(text), MaxPatternBytes)
	}
	var s jscan.Scanner
	s.Reset([]byte(text))
	v, err := s.Any()
	if err == nil {
		err = s.End()
	}
	if err != nil {
		return nil, fmt.Errorf("compile filter: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("compile filter: %s is not an object", shorten([]byte(text)))
	}
	root, err := compilePattern(m, "")
	if err != nil {
		return nil, fmt.Errorf("compile filter: %w", err)
	}
	f := &Filter{root: root, shape: &shape{members: map[string]*shape{}}}
	f.shape.add(root)
	return f, checkRoot(root)
}

func (s *shape) add(p *pattern) {
	s.leaf = s.leaf || p.rules != nil
	for name, m := range p.members {
		if s.members[name] == nil {
			s.members[name] = &shape{members: map[string]*shape{}}
		}
		s.members[name].add(m)
	}
	for _, alternatives := range p.or {
		for _, a := range alternatives {
			s.add(a)
		}
	}
}

// checkRoot refuses members that no record has.
func checkRoot(p *pattern) error {
	for name := range p.members {
		switch name {
		case "value", "key", "headers", "topic", "partition", "offset", "timestamp":
		default:
			return fmt.Errorf("compile filter: records have no member %q; a pattern for their data goes below \"value\"", name)
		}
	}
	for _, alternatives := range p.or {
		for _, a := range alternatives {
			if err := checkRoot(a); err != nil {
				return err
			}
		}
	}
	return nil
}

func compilePattern(m map[string]any, path string) (*pattern, error) {
	if len(m) == 0 {
		return nil, fmt.Errorf("the pattern at %q is empty", path)
	}
	p := &pattern{members: map[string]*pattern{}}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		at := strings.TrimPrefix(path+"."+name, ".")
		switch v := m[name].(type) {
		case map[string]any:
			c, err := compilePattern(v, at)
			if err != nil {
				return nil, err
			}
			p.members[name] = c
		case []any:
			if name == "$or" && len(v) > 0 && isObject(v[0]) {
				var alternatives []*pattern
				for _, a := range v {
					o, ok := a.(map[string]any)
					if !ok {
						return nil, fmt.Errorf("%s: an alternative is not an object", at)
					}
					c, err := compilePattern(o, at)
					if err != nil {
						return nil, err
					}
					alternatives = append(alternatives, c)
				}
				p.or = append(p.or, alternatives)
				continue
			}
			rules, err := compileRules(v, at)
			if err != nil {
				return nil, err
			}
			p.members[name] = &pattern{rules: rules}
		default:
			return nil, fmt.Errorf("%s: %v is neither an object nor a list of rules", at, v)
		}
	}
	return p, nil
}

func isObject(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// matches tells whether one of the filters lets the record through; without filters all pass.
func matches(filters []*Filter, r *Record) bool {
	if len(filters) == 0 {
		return true
	}
	return slices.ContainsFunc(filters, func(f *Filter) bool { return f.root.match(f.event(r)) })
}

// event is the record as the pattern sees it, as far as it looks.
func (f *Filter) event(r *Record) map[string]any {
	e := make(map[string]any, len(f.shape.members))
	for name, s := range f.shape.members {
		switch name {
		case "topic":
			e[name] = r.Topic
		case "partition":
			e[name] = int(r.Partition)
		case "offset":
			e[name] = int(r.Offset)
		case "timestamp":
			e[name] = int(r.Timestamp)
		case "key":
			e[name] = leafText(r.Key)
		case "headers":
			headers := map[string]any{}
			_ = record.EachHeader(r.Headers, r.HeaderCount, func(h record.Header) error { // the log has checked them
				headers[string(h.Key)] = leafText(h.Value)
				return nil
			})
			e[name] = headers
		case "value":
			e[name] = s.value(r.Value)
		}
	}
	return e
}

// value is a record's JSON object where a pattern asks for one, or else its text.
func (s *shape) value(b []byte) any {
	if len(s.members) > 0 && b != nil {
		var scan jscan.Scanner
		scan.Reset(b)
		if scan.Peek() == jscan.Object {
			v, err := s.read(&scan)
			if err == nil && scan.End() == nil {
				return v
			}
		}
	}
	return leafText(b)
}

// read decodes what the shape names.
func (s *shape) read(scan *jscan.Scanner) (any, error) {
	if s.leaf {
		return scan.Any()
	}
	switch scan.Peek() {
	case jscan.Object:
		return s.readObject(scan)
	case jscan.Array:
		if err := scan.Open(); err != nil {
			return nil, err
		}
		list := []any{}
		for first := true; ; first = false {
			more, err := scan.More(first, ']')
			if err != nil || !more {
				return list, err
			}
			v, err := s.read(scan)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
	}
	return scan.Any()
}

func (s *shape) readObject(scan *jscan.Scanner) (any, error) {
	if err := scan.Open(); err != nil {
		return nil, err
	}
	m := make(map[string]any, len(s.members))
	for first := true; ; first = false {
		more, err := scan.More(first, '}')
		if err != nil || !more {
			return m, err
		}
		name, err := scan.Name()
		if err != nil {
			return nil, err
		}
		c := s.members[string(name)]
		if c == nil {
			if _, err := scan.Skip(); err != nil {
				return nil, err
			}
			continue
		}
		v, err := c.read(scan)
		if err != nil {
			return nil, err
		}
		m[string(name)] = v
	}
}

func leafText(b []byte) any {
	if b == nil {
		return nil
	}
	return string(b)
}

func (p *pattern) match(v any) bool {
	if p.rules != nil {
		return p.matchLeaf(v, true)
	}
	switch v := v.(type) {
	case map[string]any:
		for name, m := range p.members {
			got, ok := v[name]
			if m.rules != nil && !m.matchLeaf(got, ok) || m.rules == nil && !m.matchMember(got, ok) {
				return false
			}
		}
		for _, alternatives := range p.or {
			if !slices.ContainsFunc(alternatives, func(a *pattern) bool { return a.match(v) }) {
				return false
			}
		}
		return true
	case []any:
		return slices.ContainsFunc(v, p.match)
	}
	return false
}

// matchMember is match for a member that may be missing: then only rules that ask for absence match.
func (p *pattern) matchMember(v any, present bool) bool {
	if present {
		return p.match(v)
	}
	return p.match(map[string]any{})
}

// matchLeaf tries the rules. An object is no leaf, and an array stands for its elements.
func (p *pattern) matchLeaf(v any, present bool) bool {
	switch got := v.(type) {
	case map[string]any:
		return p.oneOf(nil, false)
	case []any:
		leaves := slices.DeleteFunc(slices.Clone(got), isObject)
		if len(leaves) == 0 {
			return p.oneOf(nil, false)
		}
		return slices.ContainsFunc(leaves, func(e any) bool { return p.matchLeaf(e, true) })
	}
	return p.oneOf(v, present)
}

func (p *pattern) oneOf(v any, present bool) bool {
	return slices.ContainsFunc(p.rules, func(r rule) bool { return r(v, present) })
}
