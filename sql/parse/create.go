package parse

import (
	"strconv"
)

func (p *parser) create() Statement {
	start := p.next()
	p.accept("TEMPORARY")
	switch p.acceptAny("TABLE", "VIEW") {
	case "TABLE":
		return p.createTable(start)
	case "VIEW":
		return p.createView(start)
	}
	p.unexpected("TABLE", "VIEW")
	return nil
}

func (p *parser) createView(start Token) Statement {
	s := &CreateView{IfNotExists: p.accept("IF", "NOT", "EXISTS"), Name: p.name("a view's name")}
	if p.isSymbol("(") {
		s.Columns = p.identList("a column")
	}
	if p.accept("COMMENT") {
		p.stringLit("a comment")
	}
	p.expect("AS")
	s.Query = p.query()
	if p.err == nil {
		s.Text = p.src[s.Query.Off:s.Query.End]
	}
	s.Span = p.since(start.Span)
	return s
}

func (p *parser) createTable(start Token) Statement {
	s := &CreateTable{IfNotExists: p.accept("IF", "NOT", "EXISTS"), Name: p.name("a table's name")}
	if p.acceptSymbol("(") {
		for {
			p.tableElement(s)
			if !p.acceptSymbol(",") {
				break
			}
		}
		p.expectSymbol(")")
	}
	if p.accept("COMMENT") {
		s.Comment = p.stringLit("a comment").Text
	}
	if p.accept("WITH") {
		p.expectSymbol("(")
		s.Options = p.options()
		p.expectSymbol(")")
	}
	s.Span = p.since(start.Span)
	return s
}

func (p *parser) tableElement(s *CreateTable) {
	start := p.peek()
	switch {
	case p.accept("WATERMARK", "FOR"):
		w := &WatermarkDef{Column: p.ident("a column")}
		p.expect("AS")
		w.As, w.Text = p.exprText()
		w.Span = p.since(start.Span)
		if s.Watermark != nil {
			p.fail(start.Span, "a table has one watermark", "remove one of the two")
		}
		s.Watermark = w
	case p.isWord("CONSTRAINT"), p.isWord("PRIMARY", "KEY"):
		if p.accept("CONSTRAINT") {
			p.ident("a constraint's name")
		}
		p.expect("PRIMARY", "KEY")
		s.PrimaryKey = p.identList("a column")
		p.notEnforced()
	default:
		s.Columns = append(s.Columns, p.column(s))
	}
}

// notEnforced: the engine does not check keys, and the text must say so, as in Flink.
func (p *parser) notEnforced() {
	if !p.accept("NOT", "ENFORCED") {
		p.fail(p.peek().Span, "a primary key is not checked here", "write PRIMARY KEY (...) NOT ENFORCED")
	}
}

func (p *parser) column(s *CreateTable) ColumnDef {
	c := ColumnDef{Ident: p.ident("a column")}
	if p.accept("AS") {
		c.Computed, c.Text = p.exprText()
	} else {
		c.Type = p.typeName()
		if at := p.peek(); p.accept("METADATA") {
			c.Metadata = &Metadata{Span: at.Span}
			if p.accept("FROM") {
				c.Metadata.Key = p.stringLit("a metadata key").Text
			}
			c.Metadata.Virtual = p.accept("VIRTUAL")
		}
		if p.accept("PRIMARY", "KEY") {
			p.notEnforced()
			s.PrimaryKey = []Ident{c.Ident}
		}
	}
	if p.accept("COMMENT") {
		c.Comment = p.stringLit("a comment").Text
	}
	return c
}

// exprText reads an expression and keeps its text.
func (p *parser) exprText() (Expr, string) {
	start := p.peek().Off
	e := p.expr()
	return e, p.src[start:max(start, p.last().End)]
}

// options reads 'key' = 'value', ...
func (p *parser) options() []Option {
	var out []Option
	for {
		key := p.stringLit("an option's name")
		p.expectSymbol("=")
		value := p.stringLit("a value")
		out = append(out, Option{Span: key.Span, Key: key.Text, Value: value.Text, ValueAt: value.Span})
		if !p.acceptSymbol(",") {
			return out
		}
	}
}

// typeName reads a type: INT, DECIMAL(10, 2), TIMESTAMP(3) WITH LOCAL TIME ZONE, ROW<a INT>, ... [NOT NULL].
func (p *parser) typeName() TypeName {
	start := p.peek()
	if start.Kind != Word || reserved[start.Key] {
		p.fail(start.Span, "unexpected "+describe(start)+" where a type should stand", "write a type such as STRING, BIGINT or TIMESTAMP(3)")
		return TypeName{}
	}
	p.next()
	t := TypeName{Name: start.Key}
	switch {
	case t.Name == "DOUBLE":
		p.accept("PRECISION")
	case p.isSymbol("<"):
		p.typeParameters(&t)
	}
	if p.acceptSymbol("(") {
		t.Args = append(t.Args, p.typeArg())
		for p.acceptSymbol(",") {
			t.Args = append(t.Args, p.typeArg())
		}
		p.expectSymbol(")")
	}
	if t.Name == "TIMESTAMP" || t.Name == "TIME" {
		p.zone(&t)
	}
	if p.accept("NOT", "NULL") {
		t.NotNull = true
	} else {
		p.accept("NULL")
	}
	t.Span = p.since(start.Span)
	return t
}

func (p *parser) zone(t *TypeName) {
	switch {
	case p.accept("WITH", "LOCAL", "TIME", "ZONE"):
		t.Name += "_LTZ"
	case p.accept("WITH", "TIME", "ZONE"):
		t.Name += " WITH TIME ZONE"
	default:
		p.accept("WITHOUT", "TIME", "ZONE")
	}
}

func (p *parser) typeParameters(t *TypeName) {
	p.expectSymbol("<")
	p.nest(func() {
		for {
			if t.Name == "ROW" || t.Name == "STRUCTURED" {
				t.Fields = append(t.Fields, p.ident("a field"))
			}
			t.Elem = append(t.Elem, p.typeName())
			if !p.acceptSymbol(",") {
				break
			}
		}
	})
	p.expectSymbol(">")
}

func (p *parser) typeArg() int {
	t := p.peek()
	n, err := strconv.Atoi(t.Text)
	if t.Kind != Number || err != nil {
		p.fail(t.Span, "unexpected "+describe(t)+" where a length should stand", "write a whole number")
		return 0
	}
	p.next()
	return n
}
