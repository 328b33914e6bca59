package parse

// starters are the words that begin a statement.
var starters = []string{
	"SELECT", "INSERT", "CREATE", "DROP", "WITH", "VALUES", "EXPLAIN", "SHOW", "DESCRIBE", "DESC", "SET", "RESET", "(",
}

func (p *parser) statement() Statement {
	switch start := p.peek(); {
	case p.isWord("CREATE"):
		return p.create()
	case p.isWord("DROP"):
		return p.drop()
	case p.isWord("INSERT"):
		return p.insert()
	case p.isWord("EXPLAIN"):
		return p.explain()
	case p.isWord("SHOW"):
		return p.show()
	case p.accept("DESCRIBE"), p.accept("DESC"):
		p.accept("TABLE")
		return &Describe{Name: p.name("a table's name"), Span: p.since(start.Span)}
	case p.accept("SET"):
		return p.set()
	case p.accept("RESET"):
		s := &Reset{}
		if p.peek().Kind != EOS {
			s.Key = p.stringLit("an option's name").Text
		}
		s.Span = p.since(start.Span)
		return s
	case p.isWord("SELECT"), p.isWord("WITH"), p.isWord("VALUES"), p.isSymbol("("):
		return p.query()
	}
	p.want = append(p.want, starters...)
	if t := p.peek(); t.Kind == Word {
		p.unexpected()
		if p.err.Hint == "" {
			p.err.Hint = "a statement starts with SELECT, INSERT, CREATE, DROP, EXPLAIN, SHOW, DESCRIBE or SET"
		}
		return nil
	}
	p.unexpected("SELECT", "INSERT", "CREATE")
	return nil
}

func (p *parser) insert() Statement {
	start := p.next()
	p.expect("INTO")
	s := &Insert{Table: p.name("a table's name")}
	if p.isSymbol("(") && !p.isQueryInParens() {
		s.Columns = p.identList("a column")
	}
	if p.isWord("SELECT") || p.isWord("VALUES") || p.isWord("WITH") || p.isSymbol("(") {
		s.Query = p.query()
	} else {
		p.unexpected("SELECT", "VALUES")
	}
	if p.accept("ON", "CONFLICT") {
		p.expect("DO")
		if s.OnConflict = p.acceptAny("NOTHING", "ERROR", "DEDUPLICATE"); s.OnConflict == "" {
			p.unexpected("NOTHING", "ERROR", "DEDUPLICATE")
		}
	}
	s.Span = p.since(start.Span)
	return s
}

// isQueryInParens tells ( SELECT ... ) from a list of columns.
func (p *parser) isQueryInParens() bool {
	for i := range len(p.toks) - p.pos {
		t := p.peekAt(i)
		if t.Kind != Symbol || t.Text != "(" {
			return t.Kind == Word && (t.Key == "SELECT" || t.Key == "WITH" || t.Key == "VALUES")
		}
	}
	return false
}

func (p *parser) explain() Statement {
	start := p.next()
	if p.accept("PLAN") {
		p.expect("FOR")
	} else {
		// EXPLAIN CHANGELOG_MODE, PLAN_ADVICE: the plan always shows changelog modes, so the details change nothing.
		for p.acceptAny("CHANGELOG_MODE", "ESTIMATED_COST", "PLAN_ADVICE") != "" {
			p.acceptSymbol(",")
		}
	}
	s := &Explain{}
	switch {
	case p.isWord("INSERT"):
		s.Stmt = p.insert()
	case p.isWord("SELECT"), p.isWord("WITH"), p.isWord("VALUES"), p.isSymbol("("):
		s.Stmt = p.query()
	default:
		p.unexpected("SELECT", "INSERT")
	}
	s.Span = p.since(start.Span)
	return s
}

func (p *parser) show() Statement {
	start := p.next()
	s := &Show{}
	switch {
	case p.accept("CREATE", "TABLE"):
		s.What, s.Name = "CREATE TABLE", p.name("a table's name")
	case p.accept("CREATE", "VIEW"):
		s.What, s.Name = "CREATE VIEW", p.name("a view's name")
	default:
		if s.What = p.acceptAny("TABLES", "VIEWS", "FUNCTIONS"); s.What == "" {
			p.unexpected("TABLES", "VIEWS", "FUNCTIONS")
		}
	}
	s.Span = p.since(start.Span)
	return s
}

func (p *parser) set() Statement {
	start := p.last()
	s := &Set{}
	if p.peek().Kind != EOS {
		s.Key = p.stringLit("an option's name").Text
		p.expectSymbol("=")
		s.Value = p.stringLit("a value").Text
	}
	s.Span = p.since(start.Span)
	return s
}

func (p *parser) drop() Statement {
	start := p.next()
	p.accept("TEMPORARY")
	s := &Drop{}
	switch p.acceptAny("TABLE", "VIEW") {
	case "VIEW":
		s.View = true
	case "":
		p.unexpected("TABLE", "VIEW")
	}
	s.IfExists = p.accept("IF", "EXISTS")
	s.Name = p.name("a name")
	s.Span = p.since(start.Span)
	return s
}
