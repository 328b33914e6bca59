package parse

// from reads one input of a query with its joins.
func (p *parser) from() From {
	left := p.fromTerm()
	for {
		start := p.peek()
		j := &Join{L: left}
		switch {
		case p.accept("CROSS", "JOIN"):
			j.Kind = "CROSS"
		case p.accept("NATURAL"):
			p.fail(start.Span, "NATURAL JOIN is not supported", "write the condition with ON or USING")
		default:
			j.Kind = p.joinKind()
		}
		if j.Kind == "" {
			return left
		}
		j.R = p.fromTerm()
		switch {
		case j.Kind == "CROSS":
		case p.accept("ON"):
			j.On = p.expr()
		case p.accept("USING"):
			j.Using = p.identList("a column")
		default:
			p.unexpected("ON", "USING")
		}
		j.Span = p.since(start.Span)
		left = j
	}
}

// joinKind takes [INNER | LEFT | RIGHT | FULL [OUTER]] JOIN and names the kind; "" where no join follows.
func (p *parser) joinKind() string {
	kind := p.acceptAny("INNER", "LEFT", "RIGHT", "FULL")
	if kind != "" && kind != "INNER" {
		p.accept("OUTER")
	}
	if p.accept("JOIN") {
		if kind == "" {
			kind = "INNER"
		}
		return kind
	}
	if kind != "" {
		p.unexpected("JOIN")
	}
	return ""
}

func (p *parser) fromTerm() From {
	start := p.peek()
	switch {
	case start.Kind == String:
		p.next()
		return &Table{File: start.Text, Span: start.Span, Hints: p.hints(), Alias: p.alias()}
	case p.isSymbol("("):
		p.next()
		if !p.isQueryInParens() && !p.isWord("SELECT") && !p.isWord("VALUES") && !p.isWord("WITH") {
			f := p.from()
			p.expectSymbol(")")
			return f
		}
		d := &Derived{Query: p.query()}
		p.expectSymbol(")")
		d.Span = p.since(start.Span)
		d.Alias = p.alias()
		return d
	case p.isWord("TABLE"):
		return p.tableFunction()
	case p.isWord("LATERAL"), p.isWord("UNNEST"):
		p.fail(start.Span, start.Key+" is not supported", "")
		return &Table{}
	}
	t := &Table{Name: p.name("a table")}
	t.Span = p.since(start.Span)
	if p.isSymbol("(") && p.err == nil {
		p.fail(t.Span, "a table function stands in TABLE(...)", "write TABLE("+t.Name.Last()+"(...))")
		return t
	}
	t.Hints = p.hints()
	if at := p.peek(); p.isWord("FOR", "SYSTEM_TIME") {
		p.fail(at.Span, "FOR SYSTEM_TIME AS OF is not supported", "")
	}
	t.Alias = p.alias()
	return t
}

// hints reads /*+ OPTIONS('key' = 'value') */. Other hints advise a planner that this engine does not have: they are
// read over.
func (p *parser) hints() []Option {
	if !p.acceptSymbol("/*+") {
		return nil
	}
	var out []Option
	for {
		if p.accept("OPTIONS") {
			p.expectSymbol("(")
			out = append(out, p.options()...)
			p.expectSymbol(")")
		} else {
			p.skipHint()
		}
		if p.acceptSymbol(",") {
			continue
		}
		p.expectSymbol("*/")
		return out
	}
}

func (p *parser) skipHint() {
	p.ident("a hint")
	if !p.acceptSymbol("(") {
		return
	}
	for p.peek().Kind != EOS && !p.isSymbol(")") {
		p.next()
	}
	p.expectSymbol(")")
}

func (p *parser) alias() Alias {
	a := Alias{}
	t := p.peek()
	if p.accept("AS") || t.Kind == Quoted || t.Kind == Word && !reserved[t.Key] {
		id := p.ident("an alias")
		a.Name = &id
		if p.isSymbol("(") {
			a.Columns = p.identList("a column")
		}
	}
	return a
}

// tableFunction reads TABLE(TUMBLE(...)) and TABLE name inside of it.
func (p *parser) tableFunction() From {
	start := p.next()
	if !p.acceptSymbol("(") {
		p.unexpected("(")
		return &Table{}
	}
	w := &WindowTable{Kind: p.ident("a window function")}
	p.expectSymbol("(")
	p.windowInput(w)
	p.expectSymbol(",")
	if p.isNamedArg("TIMECOL") {
		p.next()
		p.next()
	}
	p.expect("DESCRIPTOR")
	p.expectSymbol("(")
	w.Time = p.ident("a time column")
	p.expectSymbol(")")
	for p.acceptSymbol(",") {
		w.Args = append(w.Args, p.windowArg())
	}
	p.expectSymbol(")")
	p.expectSymbol(")")
	w.Span = p.since(start.Span)
	w.Alias = p.alias()
	return w
}

func (p *parser) isNamedArg(name string) bool {
	t := p.peek()
	return (t.Kind == Word && t.Key == name || t.Kind == Quoted && t.Text == name) && p.peekAt(1).Text == "=>"
}

// windowInput reads [DATA =>] TABLE name, or (query).
func (p *parser) windowInput(w *WindowTable) {
	if p.isNamedArg("DATA") {
		p.next()
		p.next()
	}
	start := p.peek()
	switch {
	case p.accept("TABLE"):
		if p.acceptSymbol("(") {
			d := &Derived{Query: p.query()}
			p.expectSymbol(")")
			d.Span = p.since(start.Span)
			w.Input = d
			break
		}
		t := &Table{}
		if f := p.peek(); f.Kind == String {
			p.next()
			t.File, t.Span = f.Text, f.Span
		} else {
			t.Name = p.name("a table")
			t.Span = t.Name.Span()
		}
		t.Hints = p.hints()
		w.Input = t
	case p.acceptSymbol("("):
		d := &Derived{Query: p.query()}
		p.expectSymbol(")")
		d.Span = p.since(start.Span)
		w.Input = d
	default:
		p.unexpected("TABLE")
		return
	}
	if p.accept("PARTITION", "BY") {
		if p.acceptSymbol("(") {
			w.PartitionBy = p.exprList()
			p.expectSymbol(")")
		} else {
			w.PartitionBy = []Expr{p.expr()}
		}
	}
}

func (p *parser) windowArg() WindowArg {
	var a WindowArg
	if t := p.peek(); (t.Kind == Word || t.Kind == Quoted) && p.peekAt(1).Text == "=>" {
		p.next()
		p.next()
		a.Name = &Ident{Span: t.Span, Name: t.Text}
	}
	a.X = p.expr()
	return a
}
