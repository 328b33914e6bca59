package parse

import (
	"strings"

	"github.com/weirhub/weir/internal/suggest"
	"github.com/weirhub/weir/sql/sqlerr"
)

// Fill replaces each ${NAME} by its value, in text and names alike, before anything else is read. A name without a value
// is an error at its place; places in later errors are those of the filled text.
func Fill(src string, vars map[string]string) (string, []*sqlerr.Error) {
	var out strings.Builder
	var errs []*sqlerr.Error
	rest, off := src, 0
	for {
		start := strings.Index(rest, "${")
		if start < 0 {
			break
		}
		end := strings.IndexByte(rest[start:], '}')
		if end < 0 || strings.ContainsAny(rest[start:start+end], "\n'") {
			out.WriteString(rest[:start+2])
			rest, off = rest[start+2:], off+start+2
			continue
		}
		name := rest[start+2 : start+end]
		value, ok := vars[name]
		if !ok {
			errs = append(errs, unknownVariable(src, off+start, name, vars))
		}
		out.WriteString(rest[:start])
		out.WriteString(value)
		rest, off = rest[start+end+1:], off+start+end+1
	}
	out.WriteString(rest)
	return out.String(), errs
}

func unknownVariable(src string, off int, name string, vars map[string]string) *sqlerr.Error {
	before := src[:off]
	line := strings.Count(before, "\n") + 1
	col := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	names := make([]string, 0, len(vars))
	for v := range vars {
		names = append(names, v)
	}
	hint := "give it with --set " + name + "=VALUE"
	if near, ok := suggest.Nearest(name, names); ok {
		hint = "did you mean ${" + near + "}?"
	}
	return &sqlerr.Error{Line: line, Col: col, Width: len([]rune(name)) + 3, Msg: "${" + name + "} has no value", Hint: hint}
}
