package parse

func (p *parser) caseExpr() Expr {
	start := p.next()
	c := &Case{}
	if !p.isWord("WHEN") {
		c.Operand = p.expr()
	}
	for p.accept("WHEN") {
		w := When{If: p.expr()}
		p.expect("THEN")
		w.Then = p.expr()
		c.Whens = append(c.Whens, w)
	}
	if len(c.Whens) == 0 {
		p.unexpected("WHEN")
	}
	if p.accept("ELSE") {
		c.Else = p.expr()
	}
	if !p.accept("END") {
		p.unexpected("WHEN", "ELSE", "END")
	}
	c.Where = p.since(start.Span)
	return c
}

// call reads a function with its arguments. Forms with words inside the parentheses have their own readers.
func (p *parser) call() Expr {
	start := p.next()
	if start.Key == "CAST" || start.Key == "TRY_CAST" {
		return p.cast(start)
	}
	c := &Call{Name: Ident{start.Span, start.Text}}
	p.next() // the parenthesis
	if f, ok := specialForms[start.Key]; ok {
		f(p, c)
	} else {
		p.arguments(c)
	}
	p.expectSymbol(")")
	c.Where = p.since(start.Span)
	p.aggregateTail(c)
	c.Where = p.since(start.Span)
	return c
}

func (p *parser) arguments(c *Call) {
	switch {
	case p.isSymbol(")"):
		return
	case p.acceptSymbol("*"):
		c.Star = true
		return
	case p.accept("DISTINCT"):
		c.Distinct = true
	default:
		p.accept("ALL")
	}
	c.Args = p.exprList()
	if at := p.peek(); p.isWord("ORDER", "BY") {
		p.fail(at.Span, "ORDER BY inside an aggregate is not supported", "")
	}
}

// aggregateTail reads FILTER (WHERE ...) and OVER ....
func (p *parser) aggregateTail(c *Call) {
	if p.isWord("FILTER") && p.peekAt(1).Text == "(" {
		p.next()
		p.next()
		p.expect("WHERE")
		c.Filter = p.expr()
		p.expectSymbol(")")
	}
	if p.accept("OVER") {
		w := WindowSpec{}
		if p.isSymbol("(") {
			w = p.windowSpec()
		} else {
			id := p.ident("a window's name")
			w.Span, w.Name = id.Span, id.Name
		}
		c.Over = &w
	}
}

func (p *parser) cast(start Token) Expr {
	c := &Cast{Try: start.Key == "TRY_CAST"}
	p.next()
	c.X = p.expr()
	p.expect("AS")
	c.Type = p.typeName()
	p.expectSymbol(")")
	c.Where = p.since(start.Span)
	return c
}

// specialForms are the functions whose arguments are joined by words. Each leaves the present token at the closing
// parenthesis.
var specialForms = map[string]func(*parser, *Call){
	"EXTRACT": func(p *parser, c *Call) {
		c.Args = append(c.Args, p.symbolArg())
		p.expect("FROM")
		c.Args = append(c.Args, p.expr())
	},
	"TIMESTAMPADD":  unitFirst,
	"TIMESTAMPDIFF": unitFirst,
	"FLOOR":         toUnit,
	"CEIL":          toUnit,
	"CEILING":       toUnit,
	"POSITION":      joinedBy("IN"),
	"SUBSTRING":     joinedBy("FROM", "FOR"),
	"OVERLAY":       joinedBy("PLACING", "FROM", "FOR"),
	"TRIM":          trim,
}

func (p *parser) symbolArg() Expr {
	t := p.peek()
	if t.Kind != Word {
		p.unexpected("a unit such as DAY or HOUR")
		return &NullLit{node: node{t.Span}}
	}
	p.next()
	return &SymbolArg{node{t.Span}, t.Key}
}

func unitFirst(p *parser, c *Call) {
	c.Args = append(c.Args, p.symbolArg())
	for p.acceptSymbol(",") {
		c.Args = append(c.Args, p.expr())
	}
}

func toUnit(p *parser, c *Call) {
	p.arguments(c)
	if p.accept("TO") {
		c.Args = append(c.Args, p.symbolArg())
	}
}

// joinedBy reads x word y word z, where the words come in order and the later ones may be missing; commas do as well.
func joinedBy(words ...string) func(*parser, *Call) {
	return func(p *parser, c *Call) {
		if p.isSymbol(")") {
			return
		}
		c.Args = append(c.Args, p.inArgument(words[0]))
		for _, w := range words {
			if p.accept(w) || p.acceptSymbol(",") {
				c.Args = append(c.Args, p.expr())
			}
		}
	}
}

// inArgument reads the first argument of POSITION(x IN y): there IN is not the predicate.
func (p *parser) inArgument(word string) Expr {
	if word == "IN" {
		return p.concat()
	}
	return p.expr()
}

// trim reads TRIM([BOTH | LEADING | TRAILING] [chars] FROM x), TRIM(x). The arguments become side, chars, x.
func trim(p *parser, c *Call) {
	side := p.peek()
	if word := p.acceptAny("BOTH", "LEADING", "TRAILING"); word != "" {
		c.Args = append(c.Args, &SymbolArg{node{side.Span}, word})
		if p.accept("FROM") {
			c.Args = append(c.Args, &StringLit{node{side.Span}, " "}, p.expr())
			return
		}
		chars := p.expr()
		p.expect("FROM")
		c.Args = append(c.Args, chars, p.expr())
		return
	}
	x := p.expr()
	switch {
	case p.accept("FROM"):
		c.Args = append(c.Args, &SymbolArg{node{side.Span}, "BOTH"}, x, p.expr())
	case p.acceptSymbol(","):
		c.Args = append(c.Args, x, p.expr())
	default:
		c.Args = append(c.Args, x)
	}
}
