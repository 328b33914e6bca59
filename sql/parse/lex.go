package parse

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/weirhub/weir/sql/sqlerr"
)

// Kind is the class of a token.
type Kind uint8

// The classes of tokens. EOS ends each statement.
const (
	EOS Kind = iota
	Word
	Quoted // `name`
	Number
	String
	Bytes // X'6869'
	Symbol
)

// Token is one word of the text. Text is what the word means: a name without its back-ticks, a string without quotes.
type Token struct {
	sqlerr.Span
	Kind Kind
	Text string
	Key  string // a Word in upper case, to compare with keywords
}

// lexer cuts a text into tokens. After a mistake it stands behind the bad part.
type lexer struct {
	src       string
	pos       int
	line, col int
	tokens    []Token
	errs      []*sqlerr.Error
	bad       []int // where the errors start, in bytes
}

// lex cuts the whole text. Errors are of single tokens (a string that never ends); the statement that holds one is not
// parsed, and bad says where it starts.
func lex(src string) (tokens []Token, errs []*sqlerr.Error, bad []int) {
	l := &lexer{src: src, line: 1, col: 1}
	for l.next() {
	}
	l.emit(EOS, l.here(), "")
	return l.tokens, l.errs, l.bad
}

func (l *lexer) here() sqlerr.Span {
	return sqlerr.Span{Pos: sqlerr.Pos{Line: l.line, Col: l.col}, Off: l.pos, End: l.pos}
}

// advance moves over n bytes of the text and keeps count of lines and columns.
func (l *lexer) advance(n int) {
	for end := l.pos + n; l.pos < end; {
		r, size := utf8.DecodeRuneInString(l.src[l.pos:])
		l.pos += size
		if r == '\n' {
			l.line, l.col = l.line+1, 1
		} else {
			l.col++
		}
	}
}

func (l *lexer) emit(kind Kind, start sqlerr.Span, text string) {
	start.End = l.pos
	t := Token{Span: start, Kind: kind, Text: text}
	if kind == Word {
		t.Key = strings.ToUpper(text)
	}
	l.tokens = append(l.tokens, t)
}

func (l *lexer) fail(at sqlerr.Span, msg, hint string) {
	l.errs = append(l.errs, sqlerr.New(at, msg, hint))
	l.bad = append(l.bad, at.Off)
}

// next cuts one token; false at the end of the text.
func (l *lexer) next() bool {
	l.skipBlank()
	if l.pos >= len(l.src) {
		return false
	}
	start, rest := l.here(), l.src[l.pos:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case r == '\'':
		l.lexString(start, 0, String)
	case (r == 'X' || r == 'x') && strings.HasPrefix(rest[1:], "'"):
		l.lexString(start, 1, Bytes)
	case hasPrefixFold(rest, "U&'"):
		l.lexUnicode(start)
	case hasPrefixFold(rest, "_UTF8'"), hasPrefixFold(rest, "_UTF16'"):
		l.lexString(start, strings.IndexByte(rest, '\''), String)
	case r == '`':
		l.lexQuoted(start)
	case r == '"':
		l.lexDoubleQuoted(start)
	case isDigit(rest[0]) || r == '.' && len(rest) > 1 && isDigit(rest[1]):
		l.lexNumber(start)
	case r == '_' || unicode.IsLetter(r):
		n := 0
		for n < len(rest) {
			c, w := utf8.DecodeRuneInString(rest[n:])
			if c != '_' && c != '$' && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
				break
			}
			n += w
		}
		l.advance(n)
		l.emit(Word, start, rest[:n])
	default:
		l.lexSymbol(start, rest, size)
	}
	return true
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (l *lexer) skipBlank() {
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case unicode.IsSpace(r) || r == '\uFEFF': // a byte order mark is blank
			l.advance(size)
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "//"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.advance(end)
		case strings.HasPrefix(rest, "/*+"):
			return // a hint is a token
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				at := l.here()
				l.advance(len(rest))
				l.fail(at, "this comment does not end", "close it with */")
				return
			}
			l.advance(2 + end + 2)
		default:
			return
		}
	}
}

// symbols with two or more characters, before their prefixes.
var longSymbols = [...]string{"/*+", "*/", "<>", "!=", "<=", ">=", "||", "=>", "->"}

func (l *lexer) lexSymbol(start sqlerr.Span, rest string, size int) {
	for _, s := range longSymbols {
		if strings.HasPrefix(rest, s) {
			l.advance(len(s))
			l.emit(Symbol, start, s)
			return
		}
	}
	l.advance(size)
	if strings.Contains("()[]{}<>=+-*/%.,;:?|&^~!@#", rest[:size]) {
		l.emit(Symbol, start, rest[:size])
		return
	}
	start.End = l.pos
	hint := ""
	switch rest[:size] {
	case "“", "”", "„", "‘", "’":
		hint = "use a straight quote: '"
	case "$":
		hint = "variables are written ${NAME}"
	}
	l.fail(start, "unexpected character "+strconv.Quote(rest[:size]), hint)
	l.emit(Symbol, start, rest[:size])
}

// quotedEnd finds the end of the quoted text that starts at from (behind the opening quote): a doubled quote is one
// character of the text.
func quotedEnd(s string, from int, quote byte) (text string, end int, ok bool) {
	var b strings.Builder
	for i := from; i < len(s); i++ {
		if s[i] != quote {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			b.WriteByte(quote)
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", len(s), false
}

// lexString reads 'text' whose quote stands prefix bytes behind the start.
func (l *lexer) lexString(start sqlerr.Span, prefix int, kind Kind) {
	text, end, ok := quotedEnd(l.src, l.pos+prefix+1, '\'')
	if !ok {
		l.unterminated(start, prefix+1, "string", "'")
		return
	}
	l.advance(end - l.pos)
	if kind == Bytes {
		raw, err := hex.DecodeString(text)
		if err != nil {
			start.End = l.pos
			l.fail(start, "X'"+text+"' is not a binary literal", "write an even number of hexadecimal digits")
		}
		text = string(raw)
	}
	l.emit(kind, start, text)
}

// unterminated reports a text that lacks its closing quote. The rest of the line is taken as the text, so that the
// statements on later lines are still read.
func (l *lexer) unterminated(start sqlerr.Span, open int, what, quote string) {
	end := strings.IndexByte(l.src[l.pos:], '\n')
	if end < 0 {
		end = len(l.src) - l.pos
	}
	text := l.src[l.pos+open : max(l.pos+open, l.pos+end)]
	semicolon := strings.HasSuffix(strings.TrimRight(text, " \t\r"), ";")
	l.advance(end)
	at := start
	at.End = start.Off + 1
	l.fail(at, "this "+what+" does not end", "close it with "+quote)
	l.emit(String, start, text)
	if semicolon {
		l.emit(Symbol, l.here(), ";")
	}
}

// lexUnicode reads U&'caf\00e9' (SQL's Unicode literal: four hexadecimal digits behind a backslash).
func (l *lexer) lexUnicode(start sqlerr.Span) {
	text, end, ok := quotedEnd(l.src, l.pos+3, '\'')
	if !ok {
		l.unterminated(start, 3, "string", "'")
		return
	}
	l.advance(end - l.pos)
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\':
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == '\\':
			b.WriteByte('\\')
			i++
		default:
			code, err := strconv.ParseUint(text[min(i+1, len(text)):min(i+5, len(text))], 16, 32)
			if err != nil || i+5 > len(text) {
				start.End = l.pos
				l.fail(start, "a backslash in U&'...' needs four hexadecimal digits", "write U&'caf\\00e9'")
				l.emit(String, start, text)
				return
			}
			b.WriteRune(rune(code))
			i += 4
		}
	}
	l.emit(String, start, b.String())
}

func (l *lexer) lexQuoted(start sqlerr.Span) {
	text, end, ok := quotedEnd(l.src, l.pos+1, '`')
	if !ok {
		l.unterminated(start, 1, "name", "`")
		return
	}
	l.advance(end - l.pos)
	l.emit(Quoted, start, text)
}

// lexDoubleQuoted refuses "name": this dialect quotes names with back-ticks and text with single quotes.
func (l *lexer) lexDoubleQuoted(start sqlerr.Span) {
	text, end, ok := quotedEnd(l.src, l.pos+1, '"')
	if !ok {
		l.unterminated(start, 1, "name", "\"")
		return
	}
	l.advance(end - l.pos)
	start.End = l.pos
	l.fail(start, "double quotes are not used here", "write `"+text+"` for a name, '"+text+"' for text")
	l.emit(Quoted, start, text)
}

func (l *lexer) lexNumber(start sqlerr.Span) {
	rest, n := l.src[l.pos:], 0
	digits := func() {
		for n < len(rest) && isDigit(rest[n]) {
			n++
		}
	}
	digits()
	if n < len(rest) && rest[n] == '.' {
		n++
		digits()
	}
	if n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
		m := n
		n++
		if n < len(rest) && (rest[n] == '+' || rest[n] == '-') {
			n++
		}
		if n < len(rest) && isDigit(rest[n]) {
			digits()
		} else {
			n = m
		}
	}
	l.advance(n)
	if n < len(rest) && (rest[n] == '_' || unicode.IsLetter(rune(rest[n]))) {
		at := l.here()
		at.End++
		l.fail(at, "a number ends before a letter", "put a blank between them, or back-ticks around a name that starts with a digit")
	}
	l.emit(Number, start, rest[:n])
}
