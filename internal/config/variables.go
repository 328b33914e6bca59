package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/weirhub/weir/internal/secret"
)

// variables fills in ${NAME}, ${NAME:-default}, ${NAME:?message}, ${file:path} and $$ (a dollar sign).
type variables struct {
	dir    string
	lookup func(name string) (string, bool)
	// secrets gathers the values that nobody is to be shown: those of files, and of variables whose names say so.
	secrets *secret.Values
}

var variable = regexp.MustCompile(`\$\$|\$\{[^}]*\}|\$\{`)

// maxSecretFile bounds a file that ${file:...} names: a secret is a line or a certificate, not a data set.
const maxSecretFile = 1 << 20

// expand fills in s. On a mistake it gives the message and a hint; neither holds a value that was filled in.
func (v variables) expand(s string) (out, msg, hint string) {
	out = variable.ReplaceAllStringFunc(s, func(m string) string {
		if m == "$$" {
			return "$"
		}
		if msg != "" {
			return ""
		}
		if m == "${" {
			msg, hint = "${ without its }", "write $$ for a dollar sign"
			return ""
		}
		var value string
		value, msg, hint = v.one(m[2 : len(m)-1])
		return value
	})
	if msg != "" {
		return "", msg, hint
	}
	return out, "", ""
}

func (v variables) one(ref string) (value, msg, hint string) {
	if path, ok := strings.CutPrefix(ref, "file:"); ok {
		return v.file(path)
	}
	name, rest := ref, ""
	if i := strings.IndexByte(ref, ':'); i >= 0 {
		name, rest = ref[:i], ref[i+1:]
	}
	if !variableName.MatchString(name) {
		return "", "${" + ref + "} is not a variable", "write ${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:path}"
	}
	if got, ok := v.lookup(name); ok && got != "" {
		return v.note(name, got), "", ""
	}
	switch {
	case strings.HasPrefix(rest, "-"):
		return v.note(name, rest[1:]), "", ""
	case strings.HasPrefix(rest, "?"):
		return "", name + " is not set: " + rest[1:], ""
	case rest != "":
		return "", "${" + ref + "} is not a variable", "write ${NAME:-default} or ${NAME:?message}"
	}
	return "", "the environment has no " + name, "set it, or give a default: ${" + name + ":-...}"
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (v variables) file(path string) (value, msg, hint string) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(v.dir, path)
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxSecretFile {
		return "", "file " + path + " is larger than 1 MiB", ""
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", "read " + path + ": " + cause(err), "the path is relative to the configuration's directory"
	}
	value = strings.TrimRight(string(b), "\r\n")
	v.secrets.Add(value)
	return value, "", ""
}

// note remembers the value of a name that means a secret.
func (v variables) note(name, value string) string {
	if secret.Names(name) || strings.HasSuffix(name, "_KEY") {
		v.secrets.Add(value)
	}
	return value
}
