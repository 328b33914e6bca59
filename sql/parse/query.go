package parse

// query reads [WITH ...] body [ORDER BY ...] [LIMIT ...] [OFFSET ...].
func (p *parser) query() *Query {
	q := &Query{}
	start := p.peek()
	p.nest(func() {
		if p.accept("WITH") {
			p.ctes(q)
		}
		q.Body = p.setExpr(0)
		p.orderAndLimit(q)
	})
	q.Span = p.since(start.Span)
	return q
}

func (p *parser) ctes(q *Query) {
	if at := p.peek(); p.accept("RECURSIVE") {
		p.fail(at.Span, "WITH RECURSIVE is not supported in streaming", "")
	}
	for {
		c := CTE{Name: p.ident("a name")}
		if p.isSymbol("(") {
			c.Columns = p.identList("a column")
		}
		p.expect("AS")
		p.expectSymbol("(")
		c.Query = p.query()
		p.expectSymbol(")")
		q.With = append(q.With, c)
		if !p.acceptSymbol(",") {
			return
		}
	}
}

func (p *parser) orderAndLimit(q *Query) {
	if p.accept("ORDER", "BY") {
		q.OrderBy = p.orderItems()
	}
	if p.accept("LIMIT") && !p.accept("ALL") {
		q.Limit = p.expr()
	}
	if p.accept("OFFSET") {
		q.Offset = p.expr()
		_ = p.accept("ROWS") || p.accept("ROW")
	}
	if p.accept("FETCH") {
		if !p.accept("FIRST") {
			p.expect("NEXT")
		}
		q.Limit = p.expr()
		if !p.accept("ROWS") {
			p.expect("ROW")
		}
		p.expect("ONLY")
	}
}

func (p *parser) orderItems() []OrderItem {
	var items []OrderItem
	for {
		it := OrderItem{X: p.expr()}
		if p.accept("DESC") {
			it.Desc = true
		} else {
			p.accept("ASC")
		}
		if p.accept("NULLS") {
			first := p.accept("FIRST")
			if !first {
				p.expect("LAST")
			}
			it.NullsFirst = &first
		}
		items = append(items, it)
		if !p.acceptSymbol(",") {
			return items
		}
	}
}

// setExpr reads bodies joined by set operations; INTERSECT binds tighter (level 1) than UNION and EXCEPT (level 0).
func (p *parser) setExpr(level int) Body {
	start := p.peek().Span
	read := p.bodyTerm
	words := []string{"INTERSECT"}
	if level == 0 {
		read = func() Body { return p.setExpr(1) }
		words = []string{"UNION", "EXCEPT", "MINUS"}
	}
	left := read()
	for {
		op := p.acceptAny(words...)
		if op == "" {
			return left
		}
		if op == "MINUS" {
			op = "EXCEPT"
		}
		s := &SetOp{Op: op, All: p.accept("ALL"), L: left}
		if !s.All {
			p.accept("DISTINCT")
		}
		s.R = read()
		s.Span = p.since(start)
		left = s
	}
}

func (p *parser) bodyTerm() Body {
	switch {
	case p.isWord("SELECT"):
		return p.selectBlock()
	case p.isWord("VALUES"):
		return p.values()
	case p.acceptSymbol("("):
		q := p.query()
		p.expectSymbol(")")
		return q
	}
	p.unexpected("SELECT", "VALUES")
	return &Values{}
}

func (p *parser) values() Body {
	start := p.next()
	v := &Values{}
	for {
		e := p.expr()
		if r, ok := e.(*RowExpr); ok {
			v.Rows = append(v.Rows, r.Items)
		} else {
			v.Rows = append(v.Rows, []Expr{e})
		}
		if !p.acceptSymbol(",") {
			break
		}
	}
	v.Span = p.since(start.Span)
	return v
}

func (p *parser) selectBlock() Body {
	start := p.next()
	s := &Select{}
	if p.accept("DISTINCT") {
		s.Distinct = true
	} else {
		p.accept("ALL")
	}
	s.Items = p.selectItems()
	if p.accept("FROM") {
		s.From = append(s.From, p.from())
		for p.acceptSymbol(",") {
			s.From = append(s.From, p.from())
		}
	}
	if p.accept("WHERE") {
		s.Where = p.expr()
	}
	if p.accept("GROUP", "BY") {
		s.GroupBy = p.groupBy()
	}
	if p.accept("HAVING") {
		s.Having = p.expr()
	}
	if p.accept("WINDOW") {
		s.Windows = p.namedWindows()
	}
	if at := p.peek(); p.isWord("QUALIFY") {
		p.fail(at.Span, "QUALIFY is not supported", "filter the window function in an outer query")
	}
	s.Span = p.since(start.Span)
	return s
}

func (p *parser) selectItems() []SelectItem {
	var items []SelectItem
	for {
		it := SelectItem{X: p.selectExpr()}
		if p.accept("AS") {
			id := p.ident("an alias")
			it.Alias = &id
		} else if t := p.peek(); t.Kind == Quoted || t.Kind == Word && !reserved[t.Key] {
			id := p.ident("an alias")
			it.Alias = &id
		}
		items = append(items, it)
		if !p.acceptSymbol(",") {
			return items
		}
		if p.isWord("FROM") {
			p.fail(p.last().Span, "a comma before FROM", "remove it")
		}
	}
}

func (p *parser) selectExpr() Expr {
	t := p.peek()
	if p.acceptSymbol("*") {
		return &Star{node: node{t.Span}}
	}
	if (t.Kind == Word && !reserved[t.Key] || t.Kind == Quoted) && p.peekAt(1).Text == "." && p.peekAt(2).Text == "*" &&
		p.peekAt(2).Kind == Symbol {
		id := p.ident("a table")
		p.next()
		p.next()
		return &Star{node: node{p.since(t.Span)}, Table: &id}
	}
	return p.expr()
}

func (p *parser) groupBy() []Expr {
	var out []Expr
	for {
		t := p.peek()
		if p.isWord("GROUPING", "SETS") || p.isWord("ROLLUP") || p.isWord("CUBE") {
			p.fail(t.Span, t.Key+" is not supported", "group each level in a query of its own and join them with UNION ALL")
			return nil
		}
		if p.isSymbol("(") && p.peekAt(1).Text == ")" { // GROUP BY (): one group
			p.next()
			p.next()
		} else {
			out = append(out, p.expr())
		}
		if !p.acceptSymbol(",") {
			return out
		}
	}
}

func (p *parser) namedWindows() []NamedWindow {
	var out []NamedWindow
	for {
		w := NamedWindow{Name: p.ident("a window's name")}
		p.expect("AS")
		w.Spec = p.windowSpec()
		out = append(out, w)
		if !p.acceptSymbol(",") {
			return out
		}
	}
}

// windowSpec reads ([PARTITION BY ...] [ORDER BY ...] [ROWS|RANGE ...]).
func (p *parser) windowSpec() WindowSpec {
	start := p.peek()
	p.expectSymbol("(")
	w := WindowSpec{}
	if p.accept("PARTITION", "BY") {
		w.PartitionBy = p.exprList()
	}
	if p.accept("ORDER", "BY") {
		w.OrderBy = p.orderItems()
	}
	if kind := p.acceptAny("ROWS", "RANGE"); kind != "" {
		w.Frame = p.frame(kind == "ROWS")
	}
	p.expectSymbol(")")
	w.Span = p.since(start.Span)
	return w
}

func (p *parser) frame(rows bool) *Frame {
	f := &Frame{Rows: rows, To: Bound{Current: true}}
	if p.accept("BETWEEN") {
		f.From = p.bound()
		p.expect("AND")
		f.To = p.bound()
		return f
	}
	f.From = p.bound()
	return f
}

func (p *parser) bound() Bound {
	if p.accept("CURRENT", "ROW") {
		return Bound{Current: true}
	}
	b := Bound{Unbounded: p.accept("UNBOUNDED")}
	if !b.Unbounded {
		b.X = p.expr()
	}
	if p.accept("FOLLOWING") {
		b.Following = true
	} else {
		p.expect("PRECEDING")
	}
	return b
}

func (p *parser) exprList() []Expr {
	out := []Expr{p.expr()}
	for p.acceptSymbol(",") {
		out = append(out, p.expr())
	}
	return out
}
