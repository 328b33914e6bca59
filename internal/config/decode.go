package config

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/weirhub/weir/internal/secret"
	"github.com/weirhub/weir/internal/suggest"
)

// decoder turns the nodes of one file into values and gathers its mistakes.
type decoder struct {
	path  string   // as shown in errors
	dir   string   // relative paths start here
	lines []string // the file's text, for excerpts
	vars  variables
	errs  Errors
}

// field is one key of a mapping: what it means, and what to do with its value.
type field struct {
	key string
	set func(n *yaml.Node)
}

func (d *decoder) pos(n *yaml.Node) Pos { return Pos{d.path, n.Line, n.Column} }

func (d *decoder) fail(p Pos, code, hint, format string, args ...any) {
	d.failWide(p, 0, code, hint, format, args...)
}

func (d *decoder) failWide(p Pos, width int, code, hint, format string, args ...any) {
	d.errs = append(d.errs, &Error{Pos: p, Code: code, Msg: secret.Mask(fmt.Sprintf(format, args...)), Hint: hint, Source: d.line(p.Line), Width: width})
}

func (d *decoder) line(n int) string {
	if n < 1 || n > len(d.lines) {
		return ""
	}
	return d.lines[n-1]
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pairs gives the keys and values of a mapping, merge keys (<<) resolved; repeated keys are reported with both places.
func (d *decoder) pairs(n *yaml.Node, where string) (keys, values []*yaml.Node) {
	n = resolve(n)
	if isNull(n) {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		d.fail(d.pos(n), CodeKind, "", "%s wants a mapping (key: value), not %s", where, kindName(n))
		return nil, nil
	}
	seen := map[string]*yaml.Node{}
	merged := map[*yaml.Node]bool{n: true} // each counts once, so a circle of merges ends
	var add func(m *yaml.Node)
	add = func(m *yaml.Node) {
		for i := 0; i+1 < len(m.Content); i += 2 {
			k, v := m.Content[i], m.Content[i+1]
			if k.Tag == "!!merge" {
				for _, from := range mergeSources(v) {
					switch {
					case merged[from]:
					case from.Kind == yaml.MappingNode:
						merged[from] = true
						add(from)
					default:
						d.fail(d.pos(v), CodeKind, "", "<< wants a mapping, not %s", kindName(from))
					}
				}
				continue
			}
			if first, dup := seen[k.Value]; dup {
				d.failWide(d.pos(k), len(k.Value), CodeDuplicate, "", "key %q in %s stands twice; it is also at %s:%d:%d",
					k.Value, where, d.path, first.Line, first.Column)
				continue
			}
			seen[k.Value] = k
			keys, values = append(keys, k), append(values, v)
		}
	}
	add(n)
	return keys, values
}

func mergeSources(v *yaml.Node) []*yaml.Node {
	v = resolve(v)
	if v.Kind != yaml.SequenceNode {
		return []*yaml.Node{v}
	}
	out := make([]*yaml.Node, len(v.Content))
	for i, c := range v.Content {
		out[i] = resolve(c)
	}
	return out
}

// mapping reads a mapping with a fixed set of keys; those in required must be there.
func (d *decoder) mapping(n *yaml.Node, where string, fields []field, required ...string) {
	keys, values := d.pairs(n, where)
	have := map[string]bool{}
	for i, k := range keys {
		f := lookup(fields, k.Value)
		if f == nil {
			d.unknown(k, where, fields)
			continue
		}
		have[k.Value] = true
		f.set(values[i])
	}
	for _, r := range required {
		if !have[r] {
			d.fail(d.pos(resolve(n)), CodeMissing, fmt.Sprintf("add `%s: ...`", r), "%s needs the key %q", where, r)
		}
	}
}

func lookup(fields []field, key string) *field {
	for i := range fields {
		if fields[i].key == key {
			return &fields[i]
		}
	}
	return nil
}

func (d *decoder) unknown(k *yaml.Node, where string, fields []field) {
	if strings.HasPrefix(k.Value, "x-") {
		return
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.key
	}
	hint := "known keys: " + strings.Join(names, ", ")
	if s, ok := suggest.Nearest(k.Value, names); ok {
		hint = fmt.Sprintf("did you mean %q?", s)
	}
	d.failWide(d.pos(k), len(k.Value), CodeUnknown, hint, "unknown key %q in %s", k.Value, where)
}

// named reads a mapping from free names to parts, in the file's order.
func (d *decoder) named(n *yaml.Node, where string, part func(name string, k, v *yaml.Node)) {
	keys, values := d.pairs(n, where)
	for i, k := range keys {
		if strings.HasPrefix(k.Value, "x-") {
			continue
		}
		if k.Value == "" {
			d.fail(d.pos(k), CodeValue, "", "a name in %s is empty", where)
			continue
		}
		part(k.Value, k, values[i])
	}
}

// list reads a sequence; a single mapping or scalar counts as a list of one.
func (d *decoder) list(n *yaml.Node, item func(i int, n *yaml.Node)) {
	n = resolve(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		item(0, n)
		return
	}
	for i, c := range n.Content {
		item(i, c)
	}
}

// scalar gives the text of a scalar with ${...} filled in.
func (d *decoder) scalar(n *yaml.Node, where string) (string, bool) {
	n = resolve(n)
	if n.Kind != yaml.ScalarNode {
		d.fail(d.pos(n), CodeKind, "", "%s wants a single value, not %s", where, kindName(n))
		return "", false
	}
	s, msg, hint := d.vars.expand(n.Value)
	if msg != "" {
		d.failWide(d.pos(n), len(n.Value), CodeVariable, hint, "%s: %s", where, msg)
		return "", false
	}
	return s, true
}

func (d *decoder) text(dst *string, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if isNull(resolve(n)) {
			d.fail(d.pos(n), CodeValue, "", "%s has no value", where)
			return
		}
		if s, ok := d.scalar(n, where); ok {
			*dst = s
		}
	}
}

// long reads a text that may span lines and keeps its place.
func (d *decoder) long(dst *Text, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.text(&dst.Text, where)(n)
		n = resolve(n)
		dst.Pos = d.pos(n)
		dst.Block = n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
		switch {
		case dst.Block:
			next := d.line(n.Line + 1)
			dst.Indent = len(next) - len(strings.TrimLeft(next, " "))
			if n.Style&yaml.FoldedStyle != 0 {
				dst.folded = d.block(n.Line+1, dst.Indent)
			}
		case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
			dst.Col++
		}
	}
}

// block gives the lines of a block scalar that begins at line first, without their indentation.
func (d *decoder) block(first, indent int) (lines []string) {
	for _, l := range d.lines[min(first-1, len(d.lines)):] {
		text := strings.TrimLeft(l, " ")
		if text != "" && len(l)-len(text) < indent {
			break
		}
		lines = append(lines, l[min(indent, len(l)):])
	}
	for len(lines) > 0 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// path reads a path and makes it absolute.
func (d *decoder) filePath(dst *string, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		d.text(dst, where)(n)
		if *dst == "" {
			return
		}
		*dst = strings.TrimPrefix(*dst, "file://")
		if !filepath.IsAbs(*dst) {
			*dst = filepath.Join(d.dir, *dst)
		}
	}
}

// oneOf reads a text that must be one of a few.
func (d *decoder) oneOf(dst *string, where string, allowed ...string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n, where)
		if !ok {
			return
		}
		for _, a := range allowed {
			if s == a {
				*dst = s
				return
			}
		}
		hint := "use " + strings.Join(allowed, ", ")
		if near, ok := suggest.Nearest(s, allowed); ok {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		d.failWide(d.pos(resolve(n)), len(resolve(n).Value), CodeValue, hint, "%s cannot be %q", where, resolve(n).Value)
	}
}

// whole reads an integer between lo and hi. A leading zero does not make it octal, and 1e3 is 1000.
func (d *decoder) whole(n *yaml.Node, where string, lo, hi int64) (int64, bool) {
	s, ok := d.scalar(n, where)
	if !ok {
		return 0, false
	}
	v, err := parseWhole(s)
	if err != nil {
		hint := "write it without quotes, separators or a unit"
		if strings.Contains(s, "_") {
			hint = "write it without _: " + strings.ReplaceAll(resolve(n).Value, "_", "")
		}
		d.failWide(d.pos(resolve(n)), len(resolve(n).Value), CodeValue, hint, "%s wants a whole number, not %q", where, resolve(n).Value)
		return 0, false
	}
	if v < lo || v > hi {
		d.failWide(d.pos(resolve(n)), len(resolve(n).Value), CodeValue, fmt.Sprintf("use %d to %d", lo, hi), "%s is %d", where, v)
		return 0, false
	}
	return v, true
}

func parseWhole(s string) (int64, error) {
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return v, nil
	}
	if strings.ContainsAny(s, "xX_pP") {
		return 0, strconv.ErrSyntax
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, strconv.ErrSyntax
	}
	return int64(f), nil
}

func (d *decoder) integer(dst *int, where string, lo, hi int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if v, ok := d.whole(n, where, lo, hi); ok {
			*dst = int(v)
		}
	}
}

func (d *decoder) integer64(dst *int64, where string, lo, hi int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if v, ok := d.whole(n, where, lo, hi); ok {
			*dst = v
		}
	}
}

func (d *decoder) number(dst *float64, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n, where)
		if !ok {
			return
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || v < 0 || math.IsInf(v, 0) || math.IsNaN(v) {
			d.failWide(d.pos(resolve(n)), len(resolve(n).Value), CodeValue, "", "%s wants a number of 0 or more, not %q", where, resolve(n).Value)
			return
		}
		*dst = v
	}
}

func (d *decoder) boolean(dst *bool, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n, where)
		switch {
		case !ok:
		case s == "true":
			*dst = true
		case s == "false":
			*dst = false
		default:
			d.failWide(d.pos(resolve(n)), len(resolve(n).Value), CodeValue, "use true or false", "%s cannot be %q", where, resolve(n).Value)
		}
	}
}

// duration reads 200ms, 30s, 5m, 1h30m or 7d; -1 where forEver is allowed.
func (d *decoder) duration(dst *time.Duration, where string, forEver bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n, where)
		if !ok {
			return
		}
		v, err := parseDuration(s, forEver)
		if err != nil {
			d.failWide(d.pos(resolve(n)), len(resolve(n).Value), CodeValue, "write 200ms, 30s, 5m, 1h30m or 7d", "%s wants a duration, not %q", where, resolve(n).Value)
			return
		}
		*dst = v
	}
}

func parseDuration(s string, forEver bool) (time.Duration, error) {
	if forEver && s == "-1" {
		return -1, nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || n < 0 || n > 36500 {
			return 0, strconv.ErrSyntax
		}
		return time.Duration(n * float64(24*time.Hour)), nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return 0, strconv.ErrSyntax
	}
	return v, nil
}

// size reads 1048576, 512KiB, 64MiB, 1GB; -1 where unlimited is allowed.
func (d *decoder) size(dst *int64, where string, unlimited bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		s, ok := d.scalar(n, where)
		if !ok {
			return
		}
		v, err := parseSize(s, unlimited)
		if err != nil {
			d.failWide(d.pos(resolve(n)), len(resolve(n).Value), CodeValue, "write 1048576, 512KiB, 64MiB or 1GB", "%s wants a size, not %q", where, resolve(n).Value)
			return
		}
		*dst = v
	}
}

var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

func parseSize(s string, unlimited bool) (int64, error) {
	if unlimited && s == "-1" {
		return -1, nil
	}
	if v, err := strconv.ParseInt(s, 10, 64); err == nil && v >= 0 {
		return v, nil // exact, as no float is
	}
	factor := 1.0
	for _, u := range sizeUnits {
		if num, ok := strings.CutSuffix(s, u.suffix); ok {
			s, factor = strings.TrimSpace(num), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v < 0 || v*factor > 1<<62 || strings.Contains(s, "_") {
		return 0, strconv.ErrSyntax
	}
	return int64(v * factor), nil
}

// texts reads a map of texts.
func (d *decoder) texts(dst *map[string]string, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*dst = map[string]string{}
		d.named(n, where, func(name string, _, v *yaml.Node) {
			if s, ok := d.scalar(v, where+"."+name); ok {
				(*dst)[name] = s
			}
		})
	}
}

// words reads a text or a list of texts.
func (d *decoder) words(dst *[]string, where string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*dst = nil
		d.list(n, func(_ int, n *yaml.Node) {
			if s, ok := d.scalar(n, where); ok {
				*dst = append(*dst, s)
			}
		})
	}
}

// asJSON turns a mapping of free form into JSON text, "" where it is none.
func (d *decoder) asJSON(n *yaml.Node, where string) string {
	if resolve(n).Kind != yaml.MappingNode {
		d.fail(d.pos(n), CodeKind, "", "%s wants a mapping, not %s", where, kindName(resolve(n)))
		return ""
	}
	var v any
	err := n.Decode(&v)
	if err == nil {
		var text []byte
		if text, err = json.Marshal(v); err == nil {
			return string(text)
		}
	}
	d.fail(d.pos(n), CodeValue, "keys are texts", "%s cannot be written as JSON: %s", where, secret.Mask(err.Error()))
	return ""
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func kindName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	default:
		return fmt.Sprintf("the value %q", secret.Mask(n.Value))
	}
}
