package sql

import (
	"slices"
	"testing"
)

// SHOW FUNCTIONS lists what can be called by name, aggregates among them, and no operator.
func TestShowFunctionsListsCallableNames(t *testing.T) {
	stmts, errs := New(nil, nil).Compile("SHOW FUNCTIONS")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var names []string
	for _, row := range stmts[0].Cells {
		names = append(names, row[0])
	}
	for _, want := range []string{"UPPER", "COUNT", "TRIM", "COALESCE", "DATE_FORMAT"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, not := range []string{"=", "AND", "TRIM LEADING", "IS NULL"} {
		if slices.Contains(names, not) {
			t.Errorf("%s is an operator", not)
		}
	}
}
