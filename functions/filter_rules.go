package functions

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

func compileRules(list []any, at string) ([]rule, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: the list of rules is empty", at)
	}
	var rules []rule
	for _, v := range list {
		r, err := compileRule(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func compileRule(v any) (rule, error) {
	switch v := v.(type) {
	case []any:
		return nil, fmt.Errorf("%v is no rule", v)
	case map[string]any:
		if len(v) != 1 {
			return nil, fmt.Errorf("a rule has one operator, not %d", len(v))
		}
		for op, arg := range v {
			return compileOperator(op, arg)
		}
	}
	return func(got any, present bool) bool { return present && equal(got, v) }, nil
}

func compileOperator(op string, arg any) (rule, error) {
	switch op {
	case "exists":
		want, ok := arg.(bool)
		if !ok {
			return nil, fmt.Errorf("exists takes true or false, not %v", arg)
		}
		return func(_ any, present bool) bool { return present == want }, nil
	case "numeric":
		return compileNumeric(arg)
	case "anything-but":
		return compileAnythingBut(arg)
	}
	match, err := compileText(op, arg)
	if err != nil {
		return nil, err
	}
	return func(v any, present bool) bool {
		s, ok := v.(string)
		return present && ok && match(s)
	}, nil
}

// compileText is the operators that look at text.
func compileText(op string, arg any) (func(string) bool, error) {
	if m, ok := arg.(map[string]any); ok && (op == "prefix" || op == "suffix") && len(m) == 1 {
		if s, ok := m["equals-ignore-case"].(string); ok {
			n := len(s)
			if op == "prefix" {
				return func(v string) bool { return len(v) >= n && strings.EqualFold(v[:n], s) }, nil
			}
			return func(v string) bool { return len(v) >= n && strings.EqualFold(v[len(v)-n:], s) }, nil
		}
	}
	s, ok := arg.(string)
	if !ok {
		return nil, fmt.Errorf("%s takes a text, not %v", op, arg)
	}
	switch op {
	case "prefix":
		return func(v string) bool { return strings.HasPrefix(v, s) }, nil
	case "suffix":
		return func(v string) bool { return strings.HasSuffix(v, s) }, nil
	case "equals-ignore-case":
		return func(v string) bool { return strings.EqualFold(v, s) }, nil
	case "wildcard":
		return compileWildcard(s)
	case "cidr":
		net, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("cidr: %w", err)
		}
		return func(v string) bool {
			a, err := netip.ParseAddr(v)
			return err == nil && net.Contains(a)
		}, nil
	}
	return nil, fmt.Errorf("unknown operator %q", op)
}

// compileWildcard: * stands for any text, \* and \\ for themselves, two * in a row are refused.
func compileWildcard(s string) (func(string) bool, error) {
	parts := []string{""}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '*' && i+1 < len(s) && s[i+1] == '*':
			return nil, fmt.Errorf("wildcard %q has two * in a row", s)
		case s[i] == '*':
			parts = append(parts, "")
			continue
		case s[i] == '\\':
			if i++; i == len(s) || s[i] != '*' && s[i] != '\\' {
				return nil, fmt.Errorf("wildcard %q: a backslash stands before * or another one", s)
			}
		}
		parts[len(parts)-1] += s[i : i+1]
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return func(v string) bool { return v == first }, nil
	}
	return func(v string) bool {
		if len(v) < len(first)+len(last) || !strings.HasPrefix(v, first) || !strings.HasSuffix(v, last) {
			return false
		}
		v = v[len(first) : len(v)-len(last)]
		for _, p := range parts[1 : len(parts)-1] {
			i := strings.Index(v, p)
			if i < 0 {
				return false
			}
			v = v[i+len(p):]
		}
		return true
	}, nil
}

// compileAnythingBut is the opposite of values or of a text operator, for a member that is there.
func compileAnythingBut(arg any) (rule, error) {
	var values []any
	switch arg := arg.(type) {
	case []any:
		values = arg
	case map[string]any:
		if len(arg) != 1 {
			return nil, fmt.Errorf("anything-but has one operator, not %d", len(arg))
		}
		for op, v := range arg {
			match, err := compileAny(op, v)
			if err != nil {
				return nil, fmt.Errorf("anything-but: %w", err)
			}
			return func(v any, present bool) bool {
				s, ok := v.(string)
				return present && !(ok && match(s))
			}, nil
		}
	default:
		values = []any{arg}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("anything-but has no values")
	}
	for _, v := range values {
		switch v.(type) {
		case []any, map[string]any:
			return nil, fmt.Errorf("anything-but takes texts and numbers, not %v", v)
		}
	}
	return func(v any, present bool) bool {
		return present && !slices.ContainsFunc(values, func(w any) bool { return equal(v, w) })
	}, nil
}

// compileAny is a text operator with one argument or a list of them.
func compileAny(op string, arg any) (func(string) bool, error) {
	list, ok := arg.([]any)
	if !ok {
		list = []any{arg}
	}
	var all []func(string) bool
	for _, a := range list {
		f, err := compileText(op, a)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return func(v string) bool {
		return slices.ContainsFunc(all, func(f func(string) bool) bool { return f(v) })
	}, nil
}

func compileNumeric(arg any) (rule, error) {
	list, _ := arg.([]any)
	if len(list) == 0 || len(list)%2 != 0 {
		return nil, fmt.Errorf("numeric takes pairs of an operator and a number, not %v", arg)
	}
	var tests []func(float64) bool
	for i := 0; i < len(list); i += 2 {
		op, _ := list[i].(string)
		n, ok := number(list[i+1])
		if !ok {
			return nil, fmt.Errorf("numeric: %v is not a number", list[i+1])
		}
		switch op {
		case "=":
			tests = append(tests, func(v float64) bool { return v == n })
		case "<":
			tests = append(tests, func(v float64) bool { return v < n })
		case "<=":
			tests = append(tests, func(v float64) bool { return v <= n })
		case ">":
			tests = append(tests, func(v float64) bool { return v > n })
		case ">=":
			tests = append(tests, func(v float64) bool { return v >= n })
		default:
			return nil, fmt.Errorf("numeric: unknown operator %v", list[i])
		}
	}
	return func(v any, present bool) bool {
		n, ok := number(v)
		return present && ok && !slices.ContainsFunc(tests, func(f func(float64) bool) bool { return !f(n) })
	}, nil
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// equal compares leaves: numbers by value, whether or not they are written with a fraction.
func equal(a, b any) bool {
	if x, ok := a.(int); ok {
		if y, ok := b.(int); ok {
			return x == y // beyond 2^53 too
		}
	}
	x, ok := number(a)
	y, ok2 := number(b)
	if ok || ok2 {
		return ok && ok2 && x == y
	}
	return a == b
}
