package parse

import (
	"slices"
	"strings"

	"github.com/weirhub/weir/internal/suggest"
	"github.com/weirhub/weir/sql/sqlerr"
)

// maxDepth bounds nested parentheses, sub-queries and operators: far more than a person writes, far less than the stack
// holds.
const maxDepth = 400

// Parsed is one statement of a text with the place it was written at.
type Parsed struct {
	sqlerr.Span
	Stmt Statement
}

// Parse reads all statements of a text; they are separated by semicolons. It gives the statements that are right and one
// error for each that is not, both in the order of the text.
func Parse(src string) ([]Parsed, []*sqlerr.Error) {
	tokens, errs, bad := lex(src)
	var out []Parsed
	end := 0
	for _, part := range split(tokens) {
		start := end
		end = part[len(part)-1].Off + 1
		refused := slices.ContainsFunc(bad, func(off int) bool { return off >= start && off < end })
		if refused || part[0].Kind == EOS {
			continue
		}
		p := &parser{src: src, toks: part}
		stmt := p.statement()
		if p.peek().Kind != EOS {
			p.unexpected()
		}
		if p.err != nil {
			errs = append(errs, p.err)
			continue
		}
		out = append(out, Parsed{Span: part[0].Span.To(part[len(part)-2].Span), Stmt: stmt})
	}
	sqlerr.Sort(errs)
	return out, errs
}

// ParseExpr reads one expression, such as a watermark in a configuration file.
func ParseExpr(src string) (Expr, []*sqlerr.Error) {
	tokens, errs, _ := lex(src)
	if len(errs) > 0 {
		return nil, errs
	}
	p := &parser{src: src, toks: tokens}
	e := p.expr()
	if p.peek().Kind != EOS {
		p.unexpected()
	}
	if p.err != nil {
		return nil, []*sqlerr.Error{p.err}
	}
	return e, nil
}

// ParseType reads one type, such as a column's in a configuration file.
func ParseType(src string) (TypeName, []*sqlerr.Error) {
	tokens, errs, _ := lex(src)
	if len(errs) > 0 {
		return TypeName{}, errs
	}
	p := &parser{src: src, toks: tokens}
	t := p.typeName()
	if p.peek().Kind != EOS {
		p.unexpected()
	}
	if p.err != nil {
		return TypeName{}, []*sqlerr.Error{p.err}
	}
	return t, nil
}

// split cuts the tokens at semicolons; each part ends with EOS.
func split(tokens []Token) [][]Token {
	var parts [][]Token
	start := 0
	for i, t := range tokens {
		if t.Kind != EOS && (t.Kind != Symbol || t.Text != ";") {
			continue
		}
		part := append([]Token(nil), tokens[start:i]...)
		parts = append(parts, append(part, Token{Kind: EOS, Span: t.Span}))
		start = i + 1
	}
	return parts
}

// parser reads one statement. After the first mistake it stands at the end of the statement, so that every loop ends;
// what it returns then is not used.
type parser struct {
	src   string
	toks  []Token
	pos   int
	depth int
	err   *sqlerr.Error
	want  []string // keywords that were looked for at the present token
}

func (p *parser) peek() Token { return p.toks[p.pos] }

func (p *parser) peekAt(n int) Token { return p.toks[min(p.pos+n, len(p.toks)-1)] }

func (p *parser) next() Token {
	t := p.toks[p.pos]
	if t.Kind != EOS {
		p.pos++
		p.want = p.want[:0]
	}
	return t
}

// last is the token before the present one.
func (p *parser) last() Token { return p.toks[max(0, p.pos-1)] }

// since is the text from start to the token before the present one.
func (p *parser) since(start sqlerr.Span) sqlerr.Span { return start.To(p.last().Span) }

func (p *parser) fail(at sqlerr.Span, msg, hint string) {
	if p.err == nil {
		p.err = sqlerr.New(at, msg, hint)
	}
	p.pos = len(p.toks) - 1
}

// isWord looks at the present token without taking it.
func (p *parser) isWord(words ...string) bool {
	for i, w := range words {
		t := p.peekAt(i)
		if t.Kind != Word || t.Key != w {
			if i == 0 {
				p.want = append(p.want, w)
			}
			return false
		}
	}
	return true
}

// accept takes the words if all of them come next.
func (p *parser) accept(words ...string) bool {
	if !p.isWord(words...) {
		return false
	}
	for range words {
		p.next()
	}
	return true
}

// acceptAny takes one of the words and returns it, or "".
func (p *parser) acceptAny(words ...string) string {
	for _, w := range words {
		if p.accept(w) {
			return w
		}
	}
	return ""
}

func (p *parser) expect(words ...string) {
	for _, w := range words {
		if !p.accept(w) {
			p.unexpected(w)
			return
		}
	}
}

func (p *parser) isSymbol(s string) bool {
	t := p.peek()
	return t.Kind == Symbol && t.Text == s
}

func (p *parser) acceptSymbol(s string) bool {
	if p.isSymbol(s) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expectSymbol(s string) {
	if !p.acceptSymbol(s) {
		p.unexpected(s)
	}
}

// clauses are the words that start a part of a query: a misspelt one reads as an alias of what stands before it.
var clauses = []string{"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "WITH", "SELECT", "VALUES", "INTO", "TABLE", "JOIN"}

// unexpected reports the present token. want are the words of which one should stand here.
func (p *parser) unexpected(want ...string) {
	if p.err != nil {
		return
	}
	t := p.peek()
	// SELECT a FORM t: FORM reads as an alias of a, and t is what does not fit.
	if prev := p.last(); p.pos > 0 && prev.Kind == Word && t.Kind != EOS && !reserved[prev.Key] {
		if w, ok := suggest.Nearest(prev.Key, clauses); ok && len(prev.Key) > 3 {
			p.fail(prev.Span, "unexpected "+prev.Text, "did you mean "+w+"?")
			return
		}
	}
	hint := ""
	if w, ok := suggest.Nearest(t.Key, words(want)); ok && len(t.Key) > 2 {
		hint = "did you mean " + w + "?"
	} else if w, ok := suggest.Nearest(t.Key, words(p.want)); ok && len(t.Key) > 3 {
		hint = "did you mean " + w + "?"
	}
	if hint == "" && len(want) > 0 {
		hint = "expected " + strings.Join(want, " or ")
	}
	if hint == "" && t.Kind == Word && reserved[t.Key] {
		hint = "a name that is a keyword is written in back-ticks: `" + t.Text + "`"
	}
	p.fail(t.Span, "unexpected "+describe(t), hint)
}

// words leaves out what is not a keyword: no symbol is a misspelt word.
func words(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(w string) bool { return strings.ToUpper(w) != w || len(w) < 2 })
}

func describe(t Token) string {
	switch t.Kind {
	case EOS:
		return "end of statement"
	case String:
		return "'" + t.Text + "'"
	case Quoted:
		return "`" + t.Text + "`"
	default:
		return t.Text
	}
}

// reserved are the words that cannot be a name without back-ticks, because the grammar would be ambiguous.
var reserved = set(`ALL AND ANY AS ASC BETWEEN BY CASE CAST CREATE CROSS CUBE DESC DISTINCT DROP ELSE END ESCAPE EXCEPT
	EXISTS FALSE FETCH FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT
	LIKE LIMIT NATURAL NOT NULL OFFSET ON OR ORDER OUTER OVER PARTITION QUALIFY RIGHT ROLLUP SELECT SIMILAR SOME TABLE
	THEN TRUE UNION UNKNOWN UNNEST USING VALUES WHEN WHERE WINDOW WITH`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// ident takes one name.
func (p *parser) ident(what string) Ident {
	t := p.peek()
	switch {
	case t.Kind == Quoted, t.Kind == Word && !reserved[t.Key]:
		p.next()
		return Ident{Span: t.Span, Name: t.Text}
	case t.Kind == Word:
		p.failIdent(t, what, "a name that is a keyword is written in back-ticks: `"+t.Text+"`")
	default:
		p.failIdent(t, what, "expected "+what)
	}
	return Ident{Span: t.Span}
}

func (p *parser) failIdent(t Token, what, hint string) {
	p.fail(t.Span, "unexpected "+describe(t)+" where "+what+" should stand", hint)
}

func (p *parser) name(what string) Name {
	n := Name{p.ident(what)}
	for p.acceptSymbol(".") {
		n = append(n, p.ident(what))
	}
	return n
}

// identList reads (a, b, c).
func (p *parser) identList(what string) []Ident {
	p.expectSymbol("(")
	ids := []Ident{p.ident(what)}
	for p.acceptSymbol(",") {
		ids = append(ids, p.ident(what))
	}
	p.expectSymbol(")")
	return ids
}

func (p *parser) stringLit(what string) Token {
	t := p.peek()
	if t.Kind != String {
		p.fail(t.Span, "unexpected "+describe(t)+" where "+what+" should stand", "write it in single quotes")
		return t
	}
	return p.next()
}

// nest runs f one level deeper, and refuses a text that is nested beyond reason.
func (p *parser) nest(f func()) {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.peek().Span, "the statement is nested too deeply", "")
	}
	f()
	p.depth--
}
