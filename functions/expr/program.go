package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	exprlang "github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
)

// maxNodes bounds an expression; the rewriting for null triples a node at the most. An expression of this size is a program
// that belongs into a file.
const maxNodes = 2000

// Error is an expression that does not compile.
type Error struct {
	Line, Column int // 1-based; 0 when the place is not known
	Message      string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return "compile expression: " + e.Message
	}
	return fmt.Sprintf("compile expression: %d:%d: %s", e.Line, e.Column, e.Message)
}

// program is a compiled expression. It is not written after compile.
type program struct {
	code   *vm.Program
	fields *field   // the members it names; its root is the whole value
	names  []string // of the slots, as the code loads them
	used   []int    // the slots that it loads; with none the value need not be looked at

	usesKey, usesHeaders, usesPlace bool // usesPlace: topic, partition, offset or timestamp
}

func compile(source string) (*program, error) {
	if strings.TrimSpace(source) == "" {
		return nil, &Error{Line: 1, Column: 1, Message: "the expression is empty"}
	}
	env := types.Map{
		"value": types.Any, "key": types.Any, "headers": types.Map{types.Extra: types.Any}, "topic": types.String,
		"partition": types.Int, "offset": types.Int, "timestamp": types.Int,
	}
	// What the user wrote is compiled first, so that errors speak of that. Then the members that it names are found, and
	// the tree that reads them from slots and knows null is compiled.
	if _, err := exprlang.Compile(source, exprlang.Env(env), exprlang.MaxNodes(maxNodes)); err != nil {
		return nil, place(err)
	}
	tree, err := parser.Parse(source)
	if err != nil {
		return nil, place(err)
	}
	p := &program{fields: &field{slot: -1}}
	ast.Walk(&tree.Node, &slotted{p: p})
	env[nullName] = types.Any
	for _, name := range p.names {
		env[name] = types.Any
	}
	code, err := exprlang.Compile(source, exprlang.Env(env), exprlang.MaxNodes(10*maxNodes), exprlang.AsAny(),
		exprlang.Patch(&slotted{p: p}), exprlang.Patch(&identifiers{p: p}), exprlang.Patch(&nulls{}))
	if err != nil {
		return nil, place(err)
	}
	p.code = code
	return p, nil
}

func place(err error) error {
	var f *file.Error
	if errors.As(err, &f) {
		return &Error{Line: f.Line, Column: f.Column + 1, Message: f.Message}
	}
	return &Error{Message: err.Error()}
}

// reason is what the language says is wrong, without its drawing of the place.
func reason(err error) error {
	var f *file.Error
	if errors.As(err, &f) {
		return fmt.Errorf("%s (column %d)", f.Message, f.Column+1)
	}
	return err
}

// slotted replaces value.a.b by a variable of that name.
type slotted struct{ p *program }

// Visit implements ast.Visitor. Children come first: value.a is a variable already when its member b is visited.
func (v *slotted) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.ChainNode:
		if base, ok := n.Node.(*ast.IdentifierNode); ok {
			ast.Patch(node, base)
		}
	case *ast.MemberNode:
		base, ok := n.Node.(*ast.IdentifierNode)
		name, ok2 := n.Property.(*ast.StringNode)
		if !ok || !ok2 || n.Method || base.Value != "value" && !strings.HasPrefix(base.Value, slotPrefix) {
			return
		}
		prefix := slotPrefix
		if base.Value != "value" {
			prefix = base.Value + slotSeparator
		}
		ast.Patch(node, &ast.IdentifierNode{Value: v.p.slot(prefix + name.Value)})
	}
}

// slotPrefix and slotSeparator make names that no source text can spell.
const (
	slotPrefix    = "member value\x00"
	slotSeparator = "\x00"
)

// slot adds the variable of a member. It may turn out to be only a step on the way to its own members, which are visited
// later: see identifiers.
func (p *program) slot(name string) string {
	if !slices.Contains(p.names, name) {
		p.names = append(p.names, name)
	}
	return name
}

// identifiers finds what the rewritten tree really reads.
type identifiers struct{ p *program }

// Visit implements ast.Visitor.
func (v *identifiers) Visit(node *ast.Node) {
	n, ok := (*node).(*ast.IdentifierNode)
	if !ok {
		return
	}
	p := v.p
	switch {
	case n.Value == "value":
		if !slices.Contains(p.names, "value") {
			p.names = append(p.names, "value")
		}
		p.use(slices.Index(p.names, "value"), nil)
	case n.Value == "key":
		p.usesKey = true
	case n.Value == "headers":
		p.usesHeaders = true
	case n.Value == "topic" || n.Value == "partition" || n.Value == "offset" || n.Value == "timestamp":
		p.usesPlace = true
	case strings.HasPrefix(n.Value, slotPrefix):
		path := strings.Split(strings.TrimPrefix(n.Value, slotPrefix), slotSeparator)
		p.use(slices.Index(p.names, n.Value), path)
	}
}

// use has the value decoded as far as the path.
func (p *program) use(slot int, path []string) {
	if slices.Contains(p.used, slot) {
		return
	}
	p.used = append(p.used, slot)
	p.fields.add(path, slot)
}
