package expr

import (
	"strconv"

	"github.com/expr-lang/expr/ast"
)

// nulls rewrites a tree so that null means unknown: see doc.go. a < b becomes
//
//	let l = a; let r = b; l == nil or r == nil ? nil : l < r
//
// without what cannot be null and without names for operands that are plain. It is a visitor: children come first, so that what
// it sees below a node is rewritten already.
type nulls struct{ names int }

// strict are the operators that know nothing of nil.
func strict(op string) bool {
	switch op {
	case "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "**", "^", "..", "in", "matches", "contains", "startsWith", "endsWith":
		return true
	}
	return false
}

// strictBuiltin are the functions of one value that know nothing of nil.
func strictBuiltin(name string) bool {
	switch name {
	case "len", "lower", "upper", "trim", "trimPrefix", "trimSuffix", "split", "replace", "repeat", "indexOf", "lastIndexOf",
		"hasPrefix", "hasSuffix", "abs", "ceil", "floor", "round", "int", "float", "date", "duration", "fromJSON", "toBase64",
		"fromBase64", "keys", "values", "first", "last", "join":
		return true
	}
	return false
}

// Visit implements ast.Visitor.
func (v *nulls) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		switch {
		case strict(n.Operator):
			v.guard(node, &n.Left, &n.Right)
		case n.Operator == "and" || n.Operator == "&&":
			v.logic(node, n, false)
		case n.Operator == "or" || n.Operator == "||":
			v.logic(node, n, true)
		}
	case *ast.UnaryNode:
		v.guard(node, &n.Node)
	case *ast.MemberNode:
		if !n.Optional && !n.Method {
			v.guard(node, &n.Node)
		}
	case *ast.BuiltinNode:
		if strictBuiltin(n.Name) && len(n.Arguments) > 0 {
			v.guard(node, &n.Arguments[0])
		}
	case *ast.ConditionalNode:
		known(&n.Cond)
	case *ast.PredicateNode:
		switch n.Node.(type) {
		case *ast.BinaryNode, *ast.UnaryNode, *ast.ConditionalNode, *ast.VariableDeclaratorNode:
			if isTruth(n.Node) {
				known(&n.Node)
			}
		}
	}
}

// nullName is a variable that is always nil. Unlike the literal it has no type: the compiler takes "nil or text" for text,
// and then compares it as text.
const nullName = "null value\x00"

func unknown() ast.Node { return &ast.IdentifierNode{Value: nullName} }

// known makes an unknown truth false, where only true and false will do.
func known(n *ast.Node) {
	if mayBeNull(*n) {
		ast.Patch(n, &ast.BinaryNode{Operator: "??", Left: *n, Right: &ast.BoolNode{Value: false}})
	}
}

// guard makes the node nil when one of its operands is.
func (v *nulls) guard(node *ast.Node, operands ...*ast.Node) {
	var test ast.Node
	type binding struct {
		name  string
		value ast.Node
	}
	var lets []binding
	for _, o := range operands {
		if !mayBeNull(*o) {
			continue
		}
		if _, plain := (*o).(*ast.IdentifierNode); !plain {
			name := v.name()
			lets = append(lets, binding{name, *o})
			*o = &ast.IdentifierNode{Value: name}
		}
		isNil := ast.Node(&ast.BinaryNode{Operator: "==", Left: copyIdentifier(*o), Right: &ast.NilNode{}})
		if test == nil {
			test = isNil
		} else {
			test = &ast.BinaryNode{Operator: "or", Left: test, Right: isNil}
		}
	}
	if test == nil {
		return
	}
	at := (*node).Location()
	out := ast.Node(&ast.ConditionalNode{Ternary: true, Cond: test, Exp1: unknown(), Exp2: *node})
	for i := len(lets) - 1; i >= 0; i-- {
		out = &ast.VariableDeclaratorNode{Name: lets[i].name, Value: lets[i].value, Expr: out}
	}
	out.SetLocation(at)
	*node = out
}

// logic is three-valued and, or or when decisive is true: the decisive value wins over unknown, and the right side
// is not looked at when the left one is decisive.
//
//	let l = a; l == decisive ? decisive : (let r = b; r == decisive ? decisive : (l == nil or r == nil ? nil : not decisive))
func (v *nulls) logic(node *ast.Node, n *ast.BinaryNode, decisive bool) {
	if !mayBeNull(n.Left) && !mayBeNull(n.Right) {
		return
	}
	at := (*node).Location()
	l, r := v.name(), v.name()
	is := func(name string, value ast.Node) ast.Node {
		return &ast.BinaryNode{Operator: "==", Left: &ast.IdentifierNode{Value: name}, Right: value}
	}
	truth := func(b bool) ast.Node { return &ast.BoolNode{Value: b} }
	choose := func(cond, yes, no ast.Node) ast.Node {
		return &ast.ConditionalNode{Ternary: true, Cond: cond, Exp1: yes, Exp2: no}
	}
	rest := choose(&ast.BinaryNode{Operator: "or", Left: is(l, &ast.NilNode{}), Right: is(r, &ast.NilNode{})},
		unknown(), truth(!decisive))
	right := &ast.VariableDeclaratorNode{
		Name: r, Value: n.Right, Expr: choose(is(r, truth(decisive)), truth(decisive), rest),
	}
	out := ast.Node(&ast.VariableDeclaratorNode{
		Name: l, Value: n.Left, Expr: choose(is(l, truth(decisive)), truth(decisive), right),
	})
	out.SetLocation(at)
	*node = out
}

// name makes a variable's name that no source text can spell.
func (v *nulls) name() string {
	v.names++
	return "operand " + strconv.Itoa(v.names)
}

func copyIdentifier(n ast.Node) ast.Node {
	return &ast.IdentifierNode{Value: n.(*ast.IdentifierNode).Value}
}

// mayBeNull is false where the tree says that a value is there.
func mayBeNull(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode, *ast.ArrayNode, *ast.MapNode, *ast.BytesNode:
		return false
	case *ast.ConstantNode:
		return n.Value == nil
	case *ast.IdentifierNode:
		switch n.Value {
		case "topic", "partition", "offset", "timestamp", "headers":
			return false
		}
		return true
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "!=":
			return false
		case "??":
			return mayBeNull(n.Right)
		}
		return mayBeNull(n.Left) || mayBeNull(n.Right)
	case *ast.UnaryNode:
		return mayBeNull(n.Node)
	case *ast.ConditionalNode:
		return mayBeNull(n.Exp1) || mayBeNull(n.Exp2)
	case *ast.VariableDeclaratorNode:
		return mayBeNull(n.Expr)
	}
	return true
}

// isTruth tells whether a rewritten node yields true, false or unknown rather than any value, as a map's body may.
func isTruth(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BoolNode:
		return true
	case *ast.IdentifierNode:
		return n.Value == nullName
	case *ast.BinaryNode:
		switch n.Operator {
		case "==", "!=", "<", "<=", ">", ">=", "in", "matches", "contains", "startsWith", "endsWith", "and", "&&", "or", "||":
			return true
		}
	case *ast.UnaryNode:
		return n.Operator == "not" || n.Operator == "!"
	case *ast.ConditionalNode:
		return isTruth(n.Exp1) && isTruth(n.Exp2)
	case *ast.VariableDeclaratorNode:
		return isTruth(n.Expr)
	}
	return false
}
