package funcs

import (
	"fmt"
	"strings"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
)

// AggFunc is one row of the table of aggregates.
type AggFunc struct {
	Name   string
	Syntax string
	Doc    string
	Params string // as Func.Params
	Ret    func(arg types.Type) types.Type
	// NotNull: the result is never NULL (COUNT).
	NotNull bool
}

var aggregates = []AggFunc{
	{Name: "COUNT", Syntax: "COUNT(*) or COUNT([DISTINCT] x)", Doc: "The number of rows, or of those where x is not NULL.", Params: "A?", Ret: always(types.BigIntT), NotNull: true},
	{Name: "SUM", Syntax: "SUM([DISTINCT] x)", Doc: "The sum, in x's type (integers wrap around); DECIMAL gives (38, s).", Params: "N", Ret: sumType},
	{Name: "AVG", Syntax: "AVG([DISTINCT] x)", Doc: "The mean, in x's type: that of integers is cut to an integer.", Params: "N", Ret: avgType},
	{Name: "MIN", Syntax: "MIN(x)", Doc: "The smallest value.", Params: "A", Ret: same},
	{Name: "MAX", Syntax: "MAX(x)", Doc: "The largest value.", Params: "A", Ret: same},
	{Name: "FIRST_VALUE", Syntax: "FIRST_VALUE(x)", Doc: "The first value that is not NULL, in order of arrival.", Params: "A", Ret: same},
	{Name: "LAST_VALUE", Syntax: "LAST_VALUE(x)", Doc: "The last value that is not NULL, in order of arrival.", Params: "A", Ret: same},
	{Name: "LISTAGG", Syntax: "LISTAGG([DISTINCT] s[, separator])", Doc: "All texts that are not NULL in order of arrival, with the separator (',') between them.", Params: "S U?", Ret: always(types.StringT)},
	{Name: "STDDEV_POP", Syntax: "STDDEV_POP(x)", Doc: "Standard deviation of the population, in x's type.", Params: "N", Ret: avgType},
	{Name: "STDDEV_SAMP", Syntax: "STDDEV_SAMP(x)", Doc: "Standard deviation of the sample; NULL for fewer than two values.", Params: "N", Ret: avgType},
	{Name: "STDDEV", Syntax: "STDDEV(x)", Doc: "As STDDEV_SAMP.", Params: "N", Ret: avgType},
	{Name: "VAR_POP", Syntax: "VAR_POP(x)", Doc: "Variance of the population, in x's type.", Params: "N", Ret: avgType},
	{Name: "VAR_SAMP", Syntax: "VAR_SAMP(x)", Doc: "Variance of the sample; NULL for fewer than two values.", Params: "N", Ret: avgType},
	{Name: "VARIANCE", Syntax: "VARIANCE(x)", Doc: "As VAR_SAMP.", Params: "N", Ret: avgType},
}

func always(t types.Type) func(types.Type) types.Type {
	return func(types.Type) types.Type { return t }
}

func same(t types.Type) types.Type { return t.Plain() }

func sumType(t types.Type) types.Type {
	if t.Kind == types.Decimal {
		return types.DecimalOf(types.MaxDecimal, t.Scale)
	}
	return t
}

func avgType(t types.Type) types.Type {
	if t.Kind == types.Decimal {
		return types.DecimalOf(types.MaxDecimal, max(6, t.Scale))
	}
	return t
}

// Aggregates is the table, for the documentation.
func Aggregates() []AggFunc { return aggregates }

// IsAggregate reports whether the name (in any case) is an aggregate's.
func IsAggregate(name string) bool { return aggregate(name) != nil }

func aggregate(name string) *AggFunc {
	for i := range aggregates {
		if aggregates[i].Name == strings.ToUpper(name) {
			return &aggregates[i]
		}
	}
	return nil
}

// Aggregate resolves an aggregate over bound arguments (none for COUNT(*)). It answers the arguments as they have to be
// computed below the aggregation, the first column of which the caller puts into call.Args, and the call with its
// function, separator and type filled in. grouped says whether there are keys: without them the result of an empty group
// can be seen, so it is nullable as well as with a FILTER. The error is an *Error.
func Aggregate(name string, args []plan.Expr, distinct, grouped, filtered bool) (call plan.AggCall, computed []plan.Expr, err error) {
	f := aggregate(name)
	if f == nil {
		return call, nil, &Error{Unknown: true, Msg: "no aggregate " + name}
	}
	if distinct && len(args) != 1 && f.Name != "LISTAGG" {
		return call, nil, &Error{Msg: fmt.Sprintf("%s(DISTINCT ...) takes one argument", f.Name)}
	}
	got, err := (&Func{Name: f.Name, Params: f.Params, Syntax: f.Syntax}).matchParams(args)
	if err != nil {
		return call, nil, err
	}
	call = plan.AggCall{Func: f.Name, Distinct: distinct, Filter: -1}
	if f.Name == "LISTAGG" {
		call.Sep = ","
		if len(got) > 1 {
			call.Sep, _ = constText(got[1])
			got = got[:1]
		}
	}
	nullable := !f.NotNull
	if len(got) == 0 {
		call.T = f.Ret(types.BigIntT).NotNull()
		return call, got, nil
	}
	t := got[0].Type()
	if f.NotNull || t.Nullable || !grouped || filtered || fewRowsAreNull(f.Name) {
		call.T = f.Ret(t).WithNull(nullable)
	} else {
		call.T = f.Ret(t).NotNull()
	}
	return call, got, nil
}

// fewRowsAreNull: the result of one row is NULL although its value is not.
func fewRowsAreNull(name string) bool {
	switch name {
	case "STDDEV", "STDDEV_SAMP", "VARIANCE", "VAR_SAMP":
		return true
	}
	return false
}
