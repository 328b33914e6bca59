package parse

import "github.com/weirhub/weir/sql/sqlerr"

// expr reads an expression. Precedence, from loose to tight: OR, AND, NOT, predicates (= < IS IN LIKE BETWEEN ...),
// ||, + -, * / %, unary sign, x[i].
func (p *parser) expr() Expr {
	var e Expr
	p.nest(func() { e = p.or() })
	return e
}

func (p *parser) binary(l Expr, op string, at sqlerr.Span, r Expr) Expr {
	return &Binary{node: node{l.At().To(r.At())}, Op: op, OpAt: at, L: l, R: r}
}

func (p *parser) or() Expr {
	l := p.and()
	for at := p.peek().Span; p.accept("OR"); at = p.peek().Span {
		l = p.binary(l, "OR", at, p.and())
	}
	return l
}

func (p *parser) and() Expr {
	l := p.not()
	for at := p.peek().Span; p.accept("AND"); at = p.peek().Span {
		l = p.binary(l, "AND", at, p.not())
	}
	return l
}

func (p *parser) not() Expr {
	t := p.peek()
	if !p.accept("NOT") {
		return p.predicate()
	}
	var x Expr
	p.nest(func() { x = p.not() })
	return &Unary{node: node{t.To(x.At())}, Op: "NOT", X: x}
}

var comparisons = map[string]string{"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}

// predicate reads comparisons and the predicates with words; they do not chain to the right (a = b = c is (a = b) = c).
func (p *parser) predicate() Expr {
	l := p.concat()
	for {
		t := p.peek()
		if op, ok := comparisons[t.Text]; ok && t.Kind == Symbol {
			p.next()
			l = p.binary(l, op, t.Span, p.concat())
			continue
		}
		switch {
		case p.accept("IS"):
			l = p.is(l)
		case p.accept("NOT"):
			l = p.inLikeBetween(l, true)
		case p.isWord("IN"), p.isWord("LIKE"), p.isWord("BETWEEN"), p.isWord("SIMILAR"):
			l = p.inLikeBetween(l, false)
		default:
			return l
		}
	}
}

func (p *parser) is(x Expr) Expr {
	not := p.accept("NOT")
	at := p.last().Span
	if p.accept("DISTINCT") {
		p.expect("FROM")
		op := "IS DISTINCT FROM"
		if not {
			op = "IS NOT DISTINCT FROM"
		}
		return p.binary(x, op, at, p.concat())
	}
	what := p.acceptAny("NULL", "TRUE", "FALSE", "UNKNOWN")
	if what == "" {
		p.unexpected("NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT FROM")
	}
	return &Is{node: node{p.since(x.At())}, X: x, Not: not, What: what}
}

func (p *parser) inLikeBetween(x Expr, not bool) Expr {
	switch {
	case p.accept("IN"):
		in := &In{X: x, Not: not}
		p.expectSymbol("(")
		if p.isWord("SELECT") || p.isWord("VALUES") || p.isWord("WITH") {
			in.Query = p.query()
		} else {
			in.List = p.exprList()
		}
		p.expectSymbol(")")
		in.Where = p.since(x.At())
		return in
	case p.accept("LIKE"):
		return p.like(x, not, false)
	case p.accept("SIMILAR"):
		p.expect("TO")
		return p.like(x, not, true)
	case p.accept("BETWEEN"):
		b := &Between{X: x, Not: not, Symmetric: p.accept("SYMMETRIC")}
		if !b.Symmetric {
			p.accept("ASYMMETRIC")
		}
		b.Lo = p.concat()
		p.expect("AND")
		b.Hi = p.concat()
		b.Where = p.since(x.At())
		return b
	}
	p.unexpected("IN", "LIKE", "BETWEEN")
	return x
}

func (p *parser) like(x Expr, not, similar bool) Expr {
	l := &Like{X: x, Not: not, Similar: similar, Pattern: p.concat()}
	if p.accept("ESCAPE") {
		l.Escape = p.concat()
	}
	l.Where = p.since(x.At())
	return l
}

func (p *parser) concat() Expr {
	l := p.additive()
	for at := p.peek().Span; p.acceptSymbol("||"); at = p.peek().Span {
		l = p.binary(l, "||", at, p.additive())
	}
	return l
}

func (p *parser) additive() Expr {
	l := p.multiplicative()
	for {
		t := p.peek()
		if !p.acceptSymbol("+") && !p.acceptSymbol("-") {
			return l
		}
		l = p.binary(l, t.Text, t.Span, p.multiplicative())
	}
}

func (p *parser) multiplicative() Expr {
	l := p.unary()
	for {
		t := p.peek()
		if !p.acceptSymbol("*") && !p.acceptSymbol("/") && !p.acceptSymbol("%") {
			return l
		}
		l = p.binary(l, t.Text, t.Span, p.unary())
	}
}

func (p *parser) unary() Expr {
	t := p.peek()
	if !p.acceptSymbol("-") && !p.acceptSymbol("+") {
		return p.postfix()
	}
	var x Expr
	p.nest(func() { x = p.unary() })
	return &Unary{node: node{t.To(x.At())}, Op: t.Text, X: x}
}

func (p *parser) postfix() Expr {
	e := p.primary()
	for p.acceptSymbol("[") {
		i := p.expr()
		p.expectSymbol("]")
		e = &Index{node: node{p.since(e.At())}, X: e, I: i}
	}
	return e
}

func (p *parser) primary() Expr {
	t := p.peek()
	switch t.Kind {
	case Number:
		p.next()
		return &NumberLit{node{t.Span}, t.Text}
	case String:
		p.next()
		return &StringLit{node{t.Span}, t.Text}
	case Bytes:
		p.next()
		return &BytesLit{node{t.Span}, t.Text}
	case Quoted:
		return p.reference()
	case Symbol:
		if t.Text == "(" {
			return p.parenthesised()
		}
	case Word:
		return p.word(t)
	}
	p.unexpected("an expression")
	return &NullLit{node: node{t.Span}}
}

// parenthesised reads (x), (x, y) as a row, or (SELECT ...).
func (p *parser) parenthesised() Expr {
	start := p.next()
	if p.isWord("SELECT") || p.isWord("VALUES") || p.isWord("WITH") {
		q := p.query()
		p.expectSymbol(")")
		return &SubqueryExpr{node: node{p.since(start.Span)}, Query: q}
	}
	items := p.exprList()
	p.expectSymbol(")")
	if len(items) == 1 {
		return items[0]
	}
	return &RowExpr{node{p.since(start.Span)}, items}
}

// word reads an expression that starts with a word: a literal, a special form, a function, or a column.
func (p *parser) word(t Token) Expr {
	if e := p.literalWord(t); e != nil {
		return e
	}
	switch {
	case t.Key == "CASE":
		return p.caseExpr()
	case t.Key == "EXISTS":
		p.next()
		p.expectSymbol("(")
		q := p.query()
		p.expectSymbol(")")
		return &SubqueryExpr{node: node{p.since(t.Span)}, Query: q, Exists: true}
	case t.Key == "ARRAY" && p.peekAt(1).Text == "[":
		p.next()
		p.next()
		a := &ArrayExpr{}
		if !p.isSymbol("]") {
			a.Items = p.exprList()
		}
		p.expectSymbol("]")
		a.Where = p.since(t.Span)
		return a
	case p.peekAt(1).Kind == Symbol && p.peekAt(1).Text == "(" && (!reserved[t.Key] || callable[t.Key]):
		return p.call()
	case bareFunctions[t.Key]:
		p.next()
		return &Call{node: node{t.Span}, Name: Ident{t.Span, t.Text}}
	}
	return p.reference()
}

// callable are keywords that are functions where a parenthesis follows.
var callable = set("CAST LEFT RIGHT VALUES GROUPING")

// bareFunctions are written without parentheses.
var bareFunctions = set("CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP LOCALTIME LOCALTIMESTAMP CURRENT_ROW_TIMESTAMP")

func (p *parser) reference() Expr {
	start := p.peek()
	n := p.name("an expression")
	return &Ref{node{p.since(start.Span)}, n}
}
