package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be read is told with its name and the cause: a file that is not there, a directory, one that may not be
// read, one that is too large.
func TestUnreadableFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	large := write("large.yaml", "", 0o600)
	if err := os.Truncate(large, maxFileBytes+1); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		filepath.Join(dir, "none.yaml"):         "no such file",
		filepath.Join(dir, "none", "weir.yaml"): "no such file",
		filepath.Join(large, "weir.yaml"):       "not a directory",
		dir:                                     "is a directory",
		large:                                   "larger than 16 MiB",
		write("binary.yaml", "\x00\x01\xff\xfe", 0o600):             "not YAML",
		write("latin1.yaml", "version: 1\nx-a: \xe9t\xe9\n", 0o600): "not YAML",
	}
	if os.Getuid() != 0 {
		cases[write("closed.yaml", "version: 1\n", 0)] = "permission denied"
	}
	for path, want := range cases {
		_, err := Load(path, env)
		var es Errors
		if !errors.As(err, &es) || len(es) != 1 || !strings.Contains(es[0].Error(), want) || es[0].File != path {
			t.Errorf("%s: %v, want one mistake with %q", path, err, want)
		}
	}
	missing := write("secret.yaml", "version: 1\ntopics: {a: {config: {x: '${file:none.txt}', y: '${file:.}'}}}\n", 0o600)
	_, err := Load(missing, env)
	var es Errors
	if !errors.As(err, &es) || len(es) != 2 || es[0].Line != 2 || es[1].Line != 2 {
		t.Errorf("files of values that cannot be read: %v", err)
	}
}

// Paths start at the file that names them, wherever the process was started: those of an included file at its own place.
func TestPathsStartAtTheirFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"weir.yaml":       "version: 1\ninclude: parts/*.yaml\nsinks: {s: {from: t, parquet: out}}\n",
		"parts/a.yaml":    "topics: {t: {config: {x: '${file:x.txt}'}}}\nsources: {s: {file: in.csv, to: t}}\nfunctions: {f: {runtime: python3, code: ../code, handler: a.b, triggers: t}}\n",
		"parts/in.csv":    "a\n1\n",
		"parts/x.txt":     "from parts\n",
		"code/a.py":       "",
		"parts/other.txt": "",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Dir(dir))
	f, err := Load(filepath.Join(filepath.Base(dir), "weir.yaml"), env)
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]string{
		"source": {f.Sources[0].File.Path, filepath.Join(dir, "parts", "in.csv")},
		"code":   {f.Funcs[0].Code, filepath.Join(dir, "code")},
		"sink":   {f.Sinks[0].Parquet.Path, filepath.Join(dir, "out")},
		"value":  {f.Topics[0].Config["x"], "from parts"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %s, want %s", what, pair[0], pair[1])
		}
	}
	if want := filepath.Join(filepath.Base(dir), "parts", "a.yaml"); f.Sources[0].Pos.File != want {
		t.Errorf("the source is at %s, want %s", f.Sources[0].Pos.File, want)
	}
}

// Values that came from a secret place are known as secret, whatever they are called later; others are not.
func TestSecretValuesAreKnown(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "weir.yaml")
	for name, text := range map[string]string{
		"weir.yaml": `version: 1
topics: {t: {}}
functions:
  f:
    expr: "true"
    triggers: t
    env: {A: "${file:cert.pem}", B: "${DB_PASS:-default-pass}", SIGNING_KEY: inline-key, C: "${TOPIC}", D: plain-text}
`,
		"cert.pem": "-----BEGIN KEY-----\nMIIEvQ+/abc=\n-----END KEY-----\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Load(path, env)
	if err != nil {
		t.Fatal(err)
	}
	got := f.Mask("MIIEvQ+/abc= MIIEvQ%2B%2Fabc%3D default-pass inline-key orders plain-text")
	if want := "*** *** *** *** orders plain-text"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzLoad: whatever stands in a file, Load gives a file or mistakes with a place, in bounded time, and never panics; to show
// them does not either.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"mistakes", "together", "sound"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range strings.Split(string(text), "\n----\n") {
			if _, file, ok := strings.Cut(c, "load\n"); ok {
				f.Add(strings.ReplaceAll(file, "<TAB>", "\t"))
			}
		}
	}
	f.Add("version: 1\nx: &x {<<: *x}\ntopics: *x\n")
	f.Add("version: 1\ntopics: &a [*a]\n")
	f.Add("version: 1\nfunctions: {f: {expr: x, triggers: {topic: t, filter: {a: {? [b] : c}}}}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "weir.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Load(path, env)
		if err == nil {
			if file == nil {
				t.Fatal("neither a file nor a mistake")
			}
			return
		}
		var es Errors
		if !errors.As(err, &es) || len(es) == 0 {
			t.Fatalf("%v is no list of mistakes", err)
		}
		for _, e := range es {
			if e.Line < 1 || e.Col < 1 || e.Msg == "" || e.Code == "" {
				t.Fatalf("a mistake without its place or text: %+v", e)
			}
		}
		_ = es.Render()
	})
}

// Merges of merges are read once each: a few lines do not keep a start busy for hours.
func TestMergesOfMerges(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\nx-0: &a0 {partitions: 3}\n")
	for i := 1; i <= 30; i++ {
		fmt.Fprintf(&b, "x-%d: &a%d {<<: [*a%d, *a%d, *a%d]}\n", i, i, i-1, i-1, i-1)
	}
	b.WriteString("topics: {t: {<<: *a30}}\n")
	path := filepath.Join(t.TempDir(), "weir.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Load(path, env)
	if err != nil || f.Topics[0].Partitions != 3 {
		t.Fatalf("%+v, %v", f.Topics, err)
	}
}
