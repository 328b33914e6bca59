package parse

// literalWord reads a literal that starts with a word, or nil.
func (p *parser) literalWord(t Token) Expr {
	switch t.Key {
	case "TRUE", "FALSE":
		p.next()
		return &BoolLit{node{t.Span}, t.Key == "TRUE"}
	case "NULL", "UNKNOWN":
		p.next()
		return &NullLit{node: node{t.Span}, Boolean: t.Key == "UNKNOWN"}
	case "DATE", "TIME", "TIMESTAMP":
		if p.peekAt(1).Kind != String {
			return nil
		}
		p.next()
		val := p.next()
		return &TimeLit{node: node{p.since(t.Span)}, Type: t.Key, Val: val.Text}
	case "INTERVAL":
		return p.interval()
	}
	return nil
}

// interval reads INTERVAL [+|-]'1 02:03' DAY [(2)] [TO SECOND [(3)]].
func (p *parser) interval() Expr {
	start := p.next()
	i := &IntervalLit{}
	if p.acceptSymbol("-") {
		i.Neg = true
	} else {
		p.acceptSymbol("+")
	}
	if n := p.peek(); n.Kind == Number {
		p.fail(n.Span, "the number of an interval is written as text", "write INTERVAL '"+n.Text+"' "+p.peekAt(1).Key)
		return i
	}
	i.Val = p.stringLit("an interval").Text
	i.From = p.unit()
	p.precision()
	if p.accept("TO") {
		i.To = p.unit()
		p.precision()
	}
	i.Where = p.since(start.Span)
	return i
}

var intervalUnits = []string{"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND"}

// unit takes the unit of an interval; Flink takes the plural too.
func (p *parser) unit() string {
	for _, u := range intervalUnits {
		if p.accept(u) || p.accept(u+"S") {
			return u
		}
	}
	p.unexpected(intervalUnits...)
	return ""
}

// precision reads over (2) or (2, 3) behind a unit: it limits digits, which are not limited here.
func (p *parser) precision() {
	if !p.acceptSymbol("(") {
		return
	}
	p.typeArg()
	if p.acceptSymbol(",") {
		p.typeArg()
	}
	p.expectSymbol(")")
}
