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
	if !p.specialForm(c, start.Key) {
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

// specialForm reads the arguments of the functions that join them by words, up to the closing parenthesis; false for
// other functions.
func (p *parser) specialForm(c *Call, name string) bool {
	switch name {
	case "EXTRACT":
		c.Args = append(c.Args, p.symbolArg())
		p.expect("FROM")
		c.Args = append(c.Args, p.expr())
	case "TIMESTAMPADD", "TIMESTAMPDIFF":
		c.Args = append(c.Args, p.symbolArg())
		for p.acceptSymbol(",") {
			c.Args = append(c.Args, p.expr())
		}
	case "FLOOR", "CEIL", "CEILING":
		p.arguments(c)
		if p.accept("TO") {
			c.Args = append(c.Args, p.symbolArg())
		}
	case "POSITION":
		p.joinedBy(c, "IN")
	case "SUBSTRING":
		p.joinedBy(c, "FROM", "FOR")
	case "OVERLAY":
		p.joinedBy(c, "PLACING", "FROM", "FOR")
	case "TRIM":
		p.trim(c)
	default:
		return false
	}
	return true
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

// joinedBy reads x word y word z, where the words come in order and the later ones may be missing; commas do as well.
func (p *parser) joinedBy(c *Call, words ...string) {
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

// inArgument reads the first argument of POSITION(x IN y): there IN is not the predicate.
func (p *parser) inArgument(word string) Expr {
	if word == "IN" {
		return p.concat()
	}
	return p.expr()
}

// trim reads TRIM([BOTH | LEADING | TRAILING] [chars] FROM x), TRIM(x). The arguments become side, chars, x.
func (p *parser) trim(c *Call) {
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
