package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The documented keys are exactly those that the file takes: each section is given a key that nothing resembles, and the
// answer lists what is known.
func TestReferenceKnowsEveryKey(t *testing.T) {
	for _, s := range Reference() {
		var text strings.Builder
		text.WriteString("version: 1\n")
		indent := ""
		if s.Path != "" {
			for _, name := range strings.Split(s.Path, ".") {
				text.WriteString(indent + strings.ToLower(name) + ":\n")
				indent += "  "
			}
		}
		text.WriteString(indent + "qqqqqqqqqqqqqqqq: 1\n")
		path := filepath.Join(t.TempDir(), "weir.yaml")
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(path, env)
		var es Errors
		if !errors.As(err, &es) {
			t.Fatalf("%s: %v", s.Path, err)
		}
		i := slices.IndexFunc(es, func(e *Error) bool { return e.Code == CodeUnknown })
		if i < 0 {
			t.Errorf("%s: the decoder knows no such section:\n%s", s.Path, es.Render())
			continue
		}
		known := strings.Split(strings.TrimPrefix(es[i].Hint, "known keys: "), ", ")
		var documented []string
		for _, k := range s.Keys {
			documented = append(documented, k.Name)
		}
		slices.Sort(known)
		slices.Sort(documented)
		if !slices.Equal(known, documented) {
			t.Errorf("%s: documented are %v, known %v", s.Path, documented, known)
		}
	}
}
