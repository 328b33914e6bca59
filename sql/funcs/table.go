package funcs

import (
	"fmt"
	"strings"
	"sync"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

// Func is one row of the table: one overload of one name.
type Func struct {
	Name   string // upper case, or the operator's sign
	Family string // heading in the documentation
	Syntax string // as written in SQL
	Doc    string
	// Params are the classes of the parameters, see params.go. Resolve, where set, stands in for Params and Ret.
	Params  string
	Ret     func(args []plan.Expr) types.Type
	Resolve func(args []plan.Expr) ([]plan.Expr, types.Type, error)
	// Rewrite turns the call into other expressions (call is Call); such a row has no kernel.
	Rewrite func(call caller, args []plan.Expr) (plan.Expr, error)
	// Bind prepares the kernel for a resolved call: constant patterns are compiled here.
	Bind func(args []plan.Expr, ret types.Type) (vec.Kernel, error)
	// MayNull: the result can be NULL although no argument is.
	MayNull bool
	// TakesNull: the kernel gets rows with NULL arguments and sets the result's valid bits itself; Ret then says
	// whether the result is nullable.
	TakesNull bool
	// Volatile: two evaluations may differ, so the call is neither folded nor shared.
	Volatile bool
}

type caller func(name string, args ...plan.Expr) (plan.Expr, error)

// families is the whole table. The first row of a name that takes the arguments wins.
func families() [][]Func {
	return [][]Func{
		compareFuncs, logicFuncs, arithFuncs, mathFuncs, textFuncs, padFuncs, patternFuncs, encodeFuncs, timeFuncs,
		timeTextFuncs, conditionalFuncs, jsonFuncs, miscFuncs,
	}
}

// All is every row, in the order of the documentation.
func All() []Func {
	var all []Func
	for _, f := range families() {
		all = append(all, f...)
	}
	return all
}

// Names are the names of all functions and aggregates, for "did you mean".
func Names() []string {
	seen := map[string]bool{}
	var names []string
	add := func(n string) {
		if !seen[n] {
			seen[n] = true
			names = append(names, n)
		}
	}
	for _, f := range All() {
		add(f.Name)
	}
	for _, a := range aggregates {
		add(a.Name)
	}
	return names
}

// Known reports whether a scalar function of that name exists.
func Known(name string) bool { return len(rows(name)) > 0 }

func rows(name string) []*Func {
	var fs []*Func
	for _, family := range families() {
		for i := range family {
			if family[i].Name == name {
				fs = append(fs, &family[i])
			}
		}
	}
	return fs
}

// Error says why a call cannot be resolved. Unknown: there is no function of that name.
type Error struct {
	Unknown bool
	Msg     string
	Hint    string
}

func (e *Error) Error() string { return e.Msg }

// Call applies a function or operator to bound arguments: it chooses the overload, casts the arguments where SQL allows
// it silently, and gives the result its type. The error is an *Error.
func Call(name string, args ...plan.Expr) (plan.Expr, error) {
	f, args, ret, err := resolve(name, args)
	if err != nil {
		return nil, err
	}
	if f.Rewrite != nil {
		return f.Rewrite(Call, args)
	}
	return &plan.Call{Name: f.Name, Args: args, T: ret}, nil
}

func resolve(name string, args []plan.Expr) (*Func, []plan.Expr, types.Type, error) {
	var fail error
	fs := rows(strings.ToUpper(name))
	if len(fs) == 0 {
		return nil, nil, types.Type{}, &Error{Unknown: true, Msg: "no function " + name}
	}
	for _, f := range fs {
		got, ret, err := f.match(args)
		if err == nil {
			return f, got, ret, nil
		}
		fail = err
	}
	if len(fs) > 1 {
		fail = noMatch(fs, args)
	}
	return nil, nil, types.Type{}, fail
}

func (f *Func) match(args []plan.Expr) ([]plan.Expr, types.Type, error) {
	if f.Resolve != nil {
		return f.Resolve(args)
	}
	got, err := f.matchParams(args)
	if err != nil || f.Ret == nil {
		return got, types.Type{}, err
	}
	ret := f.Ret(got).Plain()
	if !f.TakesNull {
		ret = ret.WithNull(f.MayNull || anyNullable(got))
	}
	return got, ret, nil
}

func noMatch(fs []*Func, args []plan.Expr) error {
	forms := make([]string, len(fs))
	for i, f := range fs {
		forms[i] = f.Syntax
	}
	return &Error{
		Msg:  fmt.Sprintf("%s does not take (%s)", fs[0].Name, typeList(args)),
		Hint: "it is written " + strings.Join(forms, " or "),
	}
}

func typeList(args []plan.Expr) string {
	ts := make([]string, len(args))
	for i, a := range args {
		ts[i] = a.Type().WithNull(true).Plain().String()
	}
	return strings.Join(ts, ", ")
}

// Bind gives the row and the kernel of a call that Call has made.
func Bind(c *plan.Call) (*Func, vec.Kernel, error) {
	f, _, _, err := resolve(c.Name, c.Args)
	if err != nil {
		return nil, nil, fmt.Errorf("bind %s: %w", c, err)
	}
	k, err := f.Bind(c.Args, c.T)
	if err != nil {
		return nil, nil, err
	}
	return f, k, nil
}

// IsVolatile reports whether an expression may give different values for equal input.
func IsVolatile(e plan.Expr) bool {
	volatile := false
	plan.Walk(e, func(e plan.Expr) bool {
		volatile = volatile || VolatileCall(e)
		return !volatile
	})
	return volatile
}

// VolatileCall is IsVolatile for an expression without its parts.
func VolatileCall(e plan.Expr) bool {
	c, ok := e.(*plan.Call)
	if !ok || !volatileNames()[c.Name] {
		return false
	}
	f, _, _, err := resolve(c.Name, c.Args)
	return err == nil && f.Volatile
}

// volatileNames are the functions with an overload that may give different values for equal input. It answers nearly all
// questions without the choice among overloads.
var volatileNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, f := range All() {
		if f.Volatile {
			names[f.Name] = true
		}
	}
	return names
})

// plain makes a Bind of a kernel that needs no preparation.
func plain(k vec.Kernel) func([]plan.Expr, types.Type) (vec.Kernel, error) {
	return func([]plan.Expr, types.Type) (vec.Kernel, error) { return k, nil }
}

// ret makes a Ret of a fixed type.
func ret(t types.Type) func([]plan.Expr) types.Type {
	return func([]plan.Expr) types.Type { return t }
}

// retArg is a Ret that gives the type of argument i.
func retArg(i int) func([]plan.Expr) types.Type {
	return func(args []plan.Expr) types.Type { return args[i].Type() }
}

func anyNullable(args []plan.Expr) bool {
	for _, a := range args {
		if a.Type().Nullable {
			return true
		}
	}
	return false
}
