package tidy

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/weirhub/weir/"

// rooms never import each other; only internal/hub and cmd know them all.
var rooms = []string{"broker", "sql", "functions", "etl", "connectors"}

// source is one Go file of the repository.
type source struct {
	path string // slash-separated, from the root
	dir  string
	fset *token.FileSet
	ast  *ast.File
	text []byte
}

func (s source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var out []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin" || name == "tools") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		out = append(out, source{rel, filepath.ToSlash(filepath.Dir(rel)), fset, f, text})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found only %d Go files: the walk has lost the tree", len(out))
	}
	return out
}

func roomOf(dir string) string {
	top, _, _ := strings.Cut(dir, "/")
	if slices.Contains(rooms, top) {
		return top
	}
	return ""
}

// Imports point down: a room knows stream and internal leaves, stream knows leaves, leaves know leaves, and what knows
// everything is internal/hub, cmd and test.
func TestImportsPointDown(t *testing.T) {
	for _, s := range sources(t) {
		top, _, _ := strings.Cut(s.dir, "/")
		if top == "cmd" || top == "test" || s.dir == "internal/hub" || s.dir == "internal/docs" {
			continue
		}
		for _, im := range s.ast.Imports {
			p, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			to, ours := strings.CutPrefix(p, module)
			if !ours {
				continue
			}
			mine, theirs := roomOf(s.dir), roomOf(to)
			switch {
			case theirs != "" && theirs != mine:
				t.Errorf("%s imports %s: only internal/hub and cmd know several rooms", s.path, to)
			case to == "internal/hub" || strings.HasPrefix(to, "cmd/") || strings.HasPrefix(to, "test/") && !s.test():
				t.Errorf("%s imports %s: that points up", s.path, to)
			case top == "internal" && strings.HasPrefix(to, "stream"):
				t.Errorf("%s imports %s: leaves import no room and no engine", s.path, to)
			}
		}
	}
}

// Files and functions do not grow past what a reader can hold. Those that are larger today stand in sizes.txt and may only
// shrink.
func TestSizesOnlyShrink(t *testing.T) {
	const fileLines, funcLines = 800, 100
	baseline := readBaseline(t)
	got := map[string]int{}
	for _, s := range sources(t) {
		if n := strings.Count(string(s.text), "\n"); n > fileLines {
			got[s.path] = n
		}
		if s.test() {
			continue
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line; n > funcLines {
				got[s.path+":"+f.Name.Name] = n
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if limit, known := baseline[name]; !known {
			t.Errorf("%s has %d lines: split it (a file may have %d, a function %d)", name, got[name], fileLines, funcLines)
		} else if got[name] > limit {
			t.Errorf("%s has grown from %d to %d lines", name, limit, got[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(baseline)) {
		if got[name] < baseline[name] {
			t.Errorf("%s has shrunk from %d to %d lines: lower it in testdata/sizes.txt", name, baseline[name], got[name])
		}
	}
}

func readBaseline(t *testing.T) map[string]int {
	t.Helper()
	f, err := os.Open("testdata/sizes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[string]int{}
	in := bufio.NewScanner(f)
	for in.Scan() {
		var n int
		var name string
		if _, err := fmt.Sscanf(in.Text(), "%d %s", &n, &name); err != nil {
			t.Fatalf("sizes.txt: %q: %v", in.Text(), err)
		}
		out[name] = n
	}
	return out
}

// A package's name says what it owns; these names say nothing.
func TestNoBannedNames(t *testing.T) {
	banned := []string{"common", "util", "utils", "helpers", "base", "misc", "legacy"}
	for _, s := range sources(t) {
		if slices.Contains(banned, s.ast.Name.Name) {
			t.Errorf("%s: package %s says nothing about what it owns", s.path, s.ast.Name.Name)
		}
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init runs behind the reader's back; make it a table or a call", s.path)
			}
		}
	}
}

// Every package has a comment that says what it owns, in doc.go or above its only file.
func TestEveryPackageHasItsMap(t *testing.T) {
	has := map[string]bool{}
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		has[s.dir] = has[s.dir] || s.ast.Doc != nil
	}
	for _, dir := range slices.Sorted(maps.Keys(has)) {
		if !has[dir] {
			t.Errorf("%s has no package comment: add a doc.go that says what it owns", dir)
		}
	}
}
