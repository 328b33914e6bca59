package main

import (
	"strings"

	"github.com/weirhub/weir/internal/config"
)

const configIntro = `# The file

One YAML file declares a hub. ` + "`weir lint FILE`" + ` checks it, ` + "`weir up FILE`" + ` and ` + "`weir run FILE`" + ` start it. Unknown keys, repeated
keys and names that nothing declares are errors, and all errors of a file are told at once.

Durations are written 200ms, 30s, 5m, 1h30m or 7d; sizes 1048576, 512KiB, 64MiB or 1GB. Where a list is wanted, a single value
will do. In any value ` + "`${NAME}`" + ` is filled in from the environment, ` + "`${NAME:-default}`" + ` with a default, ` + "`${NAME:?message}`" + ` with an
error when it is missing, ` + "`${file:path}`" + ` from a file; ` + "`$$`" + ` is a dollar sign.

`

func configPage() string {
	var b strings.Builder
	b.WriteString(generated + configIntro)
	for _, s := range config.Reference() {
		title := code(s.Path)
		if s.Path == "" {
			title = "Top level"
		}
		b.WriteString("## " + title + "\n\n")
		section(&b, s)
	}
	return b.String()
}

func section(b *strings.Builder, s config.Section) {
	if s.Doc != "" {
		b.WriteString(s.Doc + "\n\n")
	}
	var rows [][]string
	for _, k := range s.Keys {
		rows = append(rows, []string{code(k.Name), k.Type, k.Default, k.Doc})
	}
	table(b, []string{"Key", "Value", "Default", "Meaning"}, rows)
}
