package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirhub/weir/internal/suggest"
)

// checker looks across sections: names declared twice, references to nothing, paths where nothing is.
type checker struct {
	f      *File
	errs   Errors
	topics map[string]bool // every topic that the file declares or writes
}

func check(f *File) Errors {
	c := &checker{f: f, topics: map[string]bool{}}
	c.duplicates(f)
	c.gatherTopics(f)
	for _, s := range f.Sources {
		if s.Kind == "file" && s.File.Path != "" {
			c.fileExists(s.File)
		}
	}
	for _, fn := range f.Funcs {
		if fn.Code != "" {
			c.dirExists(fn)
		}
		seen := map[string]bool{}
		for _, t := range fn.Triggers {
			c.reference(t.Pos, t.Topic, "functions."+fn.Name+" is triggered by")
			if t.Topic != "" && seen[t.Topic] {
				c.fail(t.Pos, CodeDuplicate, "keep one", "functions.%s is triggered by the topic %q twice", fn.Name, t.Topic)
			}
			seen[t.Topic] = true
			if fn.To != "" && fn.To == t.Topic {
				c.fail(fn.Pos, CodeReference, "write to another topic", "functions.%s writes to the topic %q that triggers it: it would never end", fn.Name, fn.To)
			}
		}
	}
	for _, s := range f.Sinks {
		if s.From != "" {
			c.reference(s.Pos, s.From, "sinks."+s.Name+" reads")
		}
	}
	return c.errs
}

func (c *checker) fail(p Pos, code, hint, format string, args ...any) {
	c.errs = append(c.errs, &Error{Pos: p, Code: code, Msg: c.f.Mask(fmt.Sprintf(format, args...)), Hint: hint, Source: c.f.Line(p)})
}

// duplicates finds names that two files declare; within one file the decoder has found them.
func (c *checker) duplicates(f *File) {
	seen := map[string]Pos{}
	one := func(section, name string, p Pos) {
		key := section + "." + name
		if first, ok := seen[key]; ok {
			c.fail(p, CodeDuplicate, "", "%s is declared twice; it is also at %s:%d:%d", key, first.File, first.Line, first.Col)
			return
		}
		seen[key] = p
	}
	for _, t := range f.Topics {
		one("topics", t.Name, t.Pos)
	}
	for _, s := range f.Sources {
		one("sources", s.Name, s.Pos)
	}
	for _, s := range f.Funcs {
		one("functions", s.Name, s.Pos)
	}
	for _, s := range f.Queries {
		one("queries", s.Name, s.Pos)
	}
	for _, s := range f.Sinks {
		one("sinks", s.Name, s.Pos)
	}
	for _, s := range f.Streams {
		one("streams", s.Name, s.Pos)
	}
}

func (c *checker) gatherTopics(f *File) {
	for _, t := range f.Topics {
		c.topics[t.Name] = true
	}
	for _, s := range f.Sources {
		c.topics[s.To] = true
	}
	for _, fn := range f.Funcs {
		if fn.To != "" {
			c.topics[fn.To] = true
		}
		for _, t := range fn.Triggers {
			if t.DeadLetter != "" {
				c.topics[t.DeadLetter] = true
			}
		}
	}
	for _, s := range f.Streams {
		c.topics[s.Topic] = true
	}
	for t := range c.topics {
		c.topics[t+".dlq"] = true
	}
}

// reference holds that a topic which is read is declared somewhere: a slip of the pen would wait for ever otherwise.
func (c *checker) reference(p Pos, topic, what string) {
	if topic == "" || c.topics[topic] {
		return
	}
	names := make([]string, 0, len(c.topics))
	for t := range c.topics {
		if !strings.HasSuffix(t, ".dlq") {
			names = append(names, t)
		}
	}
	hint := fmt.Sprintf("declare it: topics: {%s: {}}", topic)
	if s, ok := suggest.Nearest(topic, names); ok {
		hint = fmt.Sprintf("did you mean %q?", s)
	}
	c.fail(p, CodeReference, hint, "%s the topic %q, which nothing in the file declares or writes", what, topic)
}

func (c *checker) fileExists(s FileSource) {
	if strings.ContainsAny(s.Path, "*?[") {
		if m, err := filepath.Glob(s.Path); err != nil || len(m) == 0 {
			c.fail(s.Pos, CodePath, "", "no file matches %s", shown(s.Path))
		}
		return
	}
	info, err := os.Stat(s.Path)
	switch {
	case err != nil:
		c.fail(s.Pos, CodePath, c.nearFile(s.Path), "file source: %s: %s", shown(s.Path), cause(err))
	case info.IsDir():
		c.fail(s.Pos, CodePath, "name a file, or use "+filepath.Join(shown(s.Path), "*.csv"), "file source: %s is a directory", shown(s.Path))
	}
}

// shown is a path as people know it: from where they are, when that is shorter.
func shown(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}

func (c *checker) nearFile(path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return "the path is relative to the file that names it"
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	if s, ok := suggest.Nearest(filepath.Base(path), names); ok {
		return fmt.Sprintf("did you mean %q?", s)
	}
	return "the path is relative to the file that names it"
}

func (c *checker) dirExists(fn Function) {
	info, err := os.Stat(fn.Code)
	switch {
	case err != nil:
		c.fail(fn.Pos, CodePath, c.nearFile(fn.Code), "functions.%s.code: %s: %s", fn.Name, shown(fn.Code), cause(err))
	case !info.IsDir():
		c.fail(fn.Pos, CodePath, "name the directory that holds the handler", "functions.%s.code: %s is not a directory", fn.Name, shown(fn.Code))
	}
}

func join(words []string) string { return strings.Join(words, ", ") }
