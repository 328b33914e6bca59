package expr

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/weirhub/weir/functions"
	"github.com/weirhub/weir/functions/functest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An expression behaves as every function does.
func TestConformance(t *testing.T) {
	functest.Run(t, functest.Runtime{Keep: func(t *testing.T) functions.Handler {
		h, err := Open(functions.Spec{Name: "keep", Expr: "value.n > 60"})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}})
}
