// Package secret hides passwords in text that people and programs are shown: errors, excerpts, status, logs.
//
// It owns: which names mean a secret, and what stands in its place. It does not own: where text is shown; whoever shows
// it asks.
//
// Two nets, because neither holds all: Mask finds secrets by where they stand (a URL, an option's name), Values by what
// they are (the file knows which values came from a secret place).
//
// Invariants:
//
//	X1  What is around a secret stays readable: a URL keeps its user and host, an option its name, a text its lines.
//	X2  Masking twice is masking once.
package secret

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Hidden stands where a secret was.
const Hidden = "***"

// words are the parts of names that mean a secret; those of Kafka's and of AWS' clients among them.
const words = `password|passwd|passphrase|secret|token|api[_.-]?key|access[_.-]?key|private[_.-]?key|credential|authorization|jaas|(?:\b|_)pass\b`

var (
	name = regexp.MustCompile(`(?i)` + words)

	// urlPassword: the password ends at the last @ that a host follows, so that one which holds an @ itself is hidden whole.
	urlPassword = regexp.MustCompile(`(://[^/\s:@"']*:)(\S*?)(@[A-Za-z0-9.:\[\]-]+(?:[/?#,;\s"'` + "`" + `)}\]]|$))`)
	// quotedOption: 'name' = 'value', as SQL has it; a quote within is doubled.
	quotedOption = regexp.MustCompile(`(?i)('[^'\n]*(?:` + words + `)[^'\n]*'\s*=\s*)'((?:[^']|'')*)(?:'|$)`)
	// setting: name: value or name=value, to the end of the line: where a value without quotes ends, nobody knows.
	setting = regexp.MustCompile(`(?i)((?:` + words + `)[\w.-]*["']?\s*[:=]\s*)([^\s].*)`)
	// bearer: what stands in an HTTP header.
	bearer = regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)([A-Za-z0-9._~+/=!-]{6,})`)
)

// Names reports whether a key or an option of this name holds a secret.
func Names(key string) bool { return name.MatchString(key) }

// Mask hides what stands where secrets stand: passwords of URLs, options and settings with a telling name, credentials of
// HTTP headers.
func Mask(text string) string {
	text = quotedOption.ReplaceAllStringFunc(text, func(m string) string {
		part := quotedOption.FindStringSubmatch(m)
		return part[1] + "'" + Hidden + strings.Repeat("\n", strings.Count(part[2], "\n")) + "'"
	})
	text = urlPassword.ReplaceAllString(text, "${1}"+Hidden+"${3}")
	text = setting.ReplaceAllStringFunc(text, func(m string) string {
		part := setting.FindStringSubmatch(m)
		if strings.HasPrefix(part[2], "'"+Hidden) {
			return m // an option that is hidden already, and what follows it
		}
		return part[1] + Hidden
	})
	return bearer.ReplaceAllString(text, "${1}"+Hidden)
}

// minValue is the length below which a value is not looked for: hiding each "a" or "on" would leave nothing to read, and
// such a secret hides nothing.
const minValue = 4

// Values are texts that are known to be secret.
type Values []string

// Add notes a value, and its lines when it has several: a log shows them one by one.
func (v *Values) Add(value string) {
	for _, line := range append(strings.Split(value, "\n"), value) {
		line = strings.TrimSpace(line)
		for _, form := range []string{line, url.QueryEscape(line), url.PathEscape(line)} {
			if len(form) >= minValue && !slices.Contains(*v, form) {
				*v = append(*v, form)
			}
		}
	}
	// The longest first: what one is part of is hidden whole.
	slices.SortFunc(*v, func(a, b string) int { return len(b) - len(a) })
}

// Hide hides the values wherever they stand.
func (v Values) Hide(text string) string {
	for _, value := range v {
		text = strings.ReplaceAll(text, value, Hidden)
	}
	return text
}

// Mask hides the values, and what stands where secrets stand.
func (v Values) Mask(text string) string { return Mask(v.Hide(text)) }
