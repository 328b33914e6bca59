package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/weirhub/weir/internal/secret"
)

// maxIncludeDepth bounds includes of includes; deeper nesting is a mistake in practice.
const maxIncludeDepth = 8

// maxFileBytes bounds a configuration file, far above any that a person keeps.
const maxFileBytes = 16 << 20

// Load reads the file at path with everything it includes and checks it. On mistakes the error is of type Errors and
// holds all of them; the File is then incomplete and must not be run. lookup gives the environment (os.LookupEnv).
func Load(path string, lookup func(string) (string, bool)) (*File, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	f := &File{Path: abs, Dir: filepath.Dir(abs), lines: map[string][]string{}}
	l := loader{file: f, lookup: lookup}
	l.load(path, abs, nil, Pos{File: path, Line: 1, Col: 1}, "")
	if len(l.errs) == 0 || !l.fatal {
		l.errs = append(l.errs, check(f)...)
	}
	if len(l.errs) > 0 {
		return f, l.errs.Sorted()
	}
	return f, nil
}

type loader struct {
	file   *File
	lookup func(string) (string, bool)
	errs   Errors
	fatal  bool // a file could not be read or parsed: checks across sections would only mislead
}

// load reads one file. stack holds the absolute paths of the files that include it, at is where it was named.
func (l *loader) load(shown, abs string, stack []string, at Pos, source string) {
	report := func(code, hint, format string, args ...any) {
		l.fatal = true
		l.errs = append(l.errs, &Error{Pos: at, Code: code, Msg: l.file.Mask(fmt.Sprintf(format, args...)), Hint: hint, Source: source})
	}
	for _, s := range stack {
		if s == abs {
			report(CodeInclude, "", "include goes in a circle: %s", strings.Join(append(stack, abs), " -> "))
			return
		}
	}
	if len(stack) >= maxIncludeDepth {
		report(CodeInclude, "", "includes are nested more than %d deep", maxIncludeDepth)
		return
	}
	info, err := os.Stat(abs)
	if err == nil && info.IsDir() {
		report(CodeRead, "name the file: "+filepath.Join(shown, "weir.yaml"), "%s is a directory", shown)
		return
	}
	if err == nil && info.Size() > maxFileBytes {
		report(CodeRead, "", "%s is larger than 16 MiB", shown)
		return
	}
	raw, err := os.ReadFile(abs)
	if err != nil {
		report(CodeRead, "", "read %s: %s", shown, cause(err))
		return
	}
	raw = []byte(strings.TrimPrefix(string(raw), "\ufeff"))
	d := &decoder{path: shown, dir: filepath.Dir(abs), lines: strings.Split(string(raw), "\n")}
	d.vars = variables{dir: d.dir, lookup: l.lookup, secrets: &l.file.secrets}
	l.file.lines[shown] = d.lines
	root := d.parse(raw)
	if root == nil {
		l.fatal = true
		l.errs = append(l.errs, d.errs...)
		return
	}
	includes := d.document(root, l.file)
	l.errs = append(l.errs, d.errs...)
	for _, inc := range includes {
		l.include(inc, d, append(stack, abs))
	}
}

func (l *loader) include(n *yaml.Node, d *decoder, stack []string) {
	var pattern string
	before := len(d.errs)
	d.filePath(&pattern, "include")(n)
	l.errs = append(l.errs, d.errs[before:]...)
	if pattern == "" {
		return
	}
	paths := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		var err error
		if paths, err = filepath.Glob(pattern); err != nil {
			l.errs = append(l.errs, &Error{Pos: d.pos(n), Code: CodeInclude, Msg: fmt.Sprintf("include pattern: %v", err), Source: d.line(n.Line)})
			return
		}
	}
	for _, p := range paths {
		shown := p
		if rel, err := filepath.Rel(l.file.Dir, p); err == nil {
			shown = filepath.Join(filepath.Dir(l.rootShown(d)), rel)
		}
		l.load(shown, p, stack, d.pos(n), d.line(n.Line))
	}
}

// rootShown is the first file's path as the user wrote it, so that included files are shown beside it.
func (l *loader) rootShown(d *decoder) string {
	if filepath.Dir(l.file.Path) == d.dir {
		return d.path
	}
	return l.file.Path
}

// parse makes the tree of one document, nil when it is not YAML.
func (d *decoder) parse(raw []byte) *yaml.Node {
	if strings.TrimSpace(string(raw)) == "" {
		d.fail(Pos{d.path, 1, 1}, CodeSyntax, "start with `version: 1`", "the file is empty")
		return nil
	}
	var doc yaml.Node
	err := yaml.Load(raw, &doc)
	if err == nil && len(doc.Content) == 1 {
		return doc.Content[0]
	}
	var one *yaml.LoadError
	switch {
	case err != nil && strings.Contains(err.Error(), "found multiple"):
		d.fail(Pos{d.path, 1, 1}, CodeSyntax, "keep one document, or use include", "the file holds several documents (---)")
	case errors.As(err, &one):
		p := Pos{d.path, max(one.Mark.Line, 1), max(one.Mark.Column, 1)}
		hint := ""
		if strings.HasPrefix(strings.TrimLeft(d.line(p.Line), " "), "\t") {
			hint = "indent with spaces: YAML allows no tabs there"
		}
		d.fail(p, CodeSyntax, hint, "not YAML: %s", secret.Mask(one.Message))
	default:
		d.fail(Pos{d.path, 1, 1}, CodeSyntax, "", "the file holds no document")
	}
	return nil
}

// cause is the reason of a file error without the path that the message names already.
func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
