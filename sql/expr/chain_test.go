package expr

import (
	"runtime"
	"testing"

	"github.com/weirhub/weir/sql/funcs"
	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
)

// A chain of terms, as programs write them by the thousand, costs in proportion to its length: four times the terms take
// no more than about four times the memory to fold and to compile. (Work in proportion to the square, sixteen times, made
// a chain of a thousand terms take seconds.)
func TestLongChainsCostByTheirLength(t *testing.T) {
	chain := func(terms int) plan.Expr {
		var e plan.Expr = &plan.Column{Index: 0, Name: "x", T: types.BigIntT}
		for range terms {
			sum, err := funcs.Call("+", e, &plan.Column{Index: 0, Name: "x", T: types.BigIntT})
			if err != nil {
				t.Fatal(err)
			}
			e = sum
		}
		return e
	}
	allocated := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	short, long := chain(500), chain(2000)
	for name, do := range map[string]func(plan.Expr) error{
		"fold":    func(e plan.Expr) error { _, err := Fold(e); return err },
		"compile": func(e plan.Expr) error { _, err := Compile([]plan.Expr{e}); return err },
	} {
		cost := func(e plan.Expr) uint64 {
			return allocated(func() {
				if err := do(e); err != nil {
					t.Fatal(err)
				}
			})
		}
		if a, b := cost(short), cost(long); b > 8*a {
			t.Errorf("%s: %d bytes for 500 terms, %d for 2000", name, a, b)
		}
	}
}
