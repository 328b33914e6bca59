package funcs

import (
	"bytes"
	"unicode/utf8"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyPattern = "Patterns"

var patternFuncs = []Func{
	{
		Name: "LIKE", Family: familyPattern, Syntax: "s LIKE pattern [ESCAPE c]",
		Doc:    "% stands for any text, _ for one character. There is no escape character unless ESCAPE names one.",
		Params: "S S S?", Ret: ret(types.BooleanT), Bind: bindLike,
	},
	{
		Name: "SIMILAR", Family: familyPattern, Syntax: "s SIMILAR TO pattern [ESCAPE c]",
		Doc:    "As LIKE, with | * + ? {m,n} ( ) and [ ] of regular expressions. The whole text has to match.",
		Params: "S S S?", Ret: ret(types.BooleanT), Bind: bindSimilar,
	},
	regexpTest(), regexpReplace(), regexpExtract(),
	regexpCount(), regexpInstr(), regexpSubstr(),
}

// likePattern is a LIKE pattern cut at its % signs. Each piece is a list of elements: bytes that have to be there, and
// single characters.
type likePattern struct {
	pieces  []likePiece
	anchorL bool // no % at the start
	anchorR bool
}

type likePiece struct {
	elems []likeElem
	plain []byte // the piece, when it has no _
}

type likeElem struct {
	text []byte // nil: any one character
}

// compileLike reads a pattern. escape is 0 for none.
func compileLike(pattern []byte, escape rune) (*likePattern, error) {
	p := &likePattern{anchorL: true, anchorR: true}
	piece := likePiece{}
	var text []byte
	flush := func() {
		if len(text) > 0 {
			piece.elems = append(piece.elems, likeElem{text: text})
			text = nil
		}
	}
	for rest := pattern; len(rest) > 0; {
		r, w := utf8.DecodeRune(rest)
		c := rest[:w]
		rest = rest[w:]
		switch {
		case escape != 0 && r == escape:
			next, nw := utf8.DecodeRune(rest)
			if len(rest) == 0 || next != '%' && next != '_' && next != escape {
				return nil, &Error{Msg: "LIKE pattern '" + string(pattern) + "': bad escape sequence: " + string(escape) + " must come before %, _ or itself"}
			}
			text = append(text, rest[:nw]...)
			rest = rest[nw:]
		case r == '_':
			flush()
			piece.elems = append(piece.elems, likeElem{})
		case r == '%':
			flush()
			if len(p.pieces) == 0 && len(piece.elems) == 0 {
				p.anchorL = false
			}
			if len(piece.elems) > 0 || len(p.pieces) == 0 {
				p.pieces = append(p.pieces, piece.sealed())
			}
			piece = likePiece{}
			p.anchorR = len(rest) > 0
		default:
			text = append(text, c...)
			p.anchorR = true
		}
		if r == '_' {
			p.anchorR = true
		}
	}
	flush()
	if len(piece.elems) > 0 || len(p.pieces) == 0 {
		p.pieces = append(p.pieces, piece.sealed())
	}
	return p, nil
}

func (l likePiece) sealed() likePiece {
	if len(l.elems) == 0 {
		l.plain = []byte{}
	} else if len(l.elems) == 1 && l.elems[0].text != nil {
		l.plain = l.elems[0].text
	}
	return l
}

// at matches the piece at the start of s and answers how many bytes it took, or -1.
func (l likePiece) at(s []byte) int {
	if l.plain != nil {
		if bytes.HasPrefix(s, l.plain) {
			return len(l.plain)
		}
		return -1
	}
	p := 0
	for _, e := range l.elems {
		switch {
		case e.text != nil && bytes.HasPrefix(s[p:], e.text):
			p += len(e.text)
		case e.text != nil || p == len(s):
			return -1
		default:
			_, w := utf8.DecodeRune(s[p:])
			p += w
		}
	}
	return p
}

// find is the first place where the piece matches and its end.
func (l likePiece) find(s []byte) (end int) {
	if l.plain != nil {
		i := bytes.Index(s, l.plain)
		if i < 0 {
			return -1
		}
		return i + len(l.plain)
	}
	for i := 0; i <= len(s); {
		if n := l.at(s[i:]); n >= 0 {
			return i + n
		}
		_, w := utf8.DecodeRune(s[i:])
		i += max(w, 1)
	}
	return -1
}

// runes is the length of the piece in characters.
func (l likePiece) runes() (n int) {
	for _, e := range l.elems {
		if e.text == nil {
			n++
		} else {
			n += utf8.RuneCount(e.text)
		}
	}
	return n
}

func (p *likePattern) match(s []byte) bool {
	pieces := p.pieces
	if p.anchorL {
		n := pieces[0].at(s)
		if n < 0 {
			return false
		}
		if len(pieces) == 1 && p.anchorR {
			return n == len(s)
		}
		s, pieces = s[n:], pieces[1:]
	}
	var last *likePiece
	if p.anchorR && len(pieces) > 0 {
		last, pieces = &pieces[len(pieces)-1], pieces[:len(pieces)-1]
	}
	for _, piece := range pieces {
		end := piece.find(s)
		if end < 0 {
			return false
		}
		s = s[end:]
	}
	if last == nil {
		return true
	}
	// the last piece has a fixed number of characters: it matches at one place only
	start := utf8.RuneCount(s) - last.runes()
	if start < 0 {
		return false
	}
	from := skip(s, int64(start))
	return last.at(s[from:]) == len(s)-from
}

func bindLike(args []plan.Expr, _ types.Type) (vec.Kernel, error) {
	cache := patternCache[*likePattern]{escapes: true, compile: func(pattern, escape []byte) (*likePattern, error) {
		e, err := escapeOf(escape)
		if err != nil {
			return nil, err
		}
		return compileLike(pattern, e)
	}}
	return func(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
		return cache.each(c, a, o, func(p *likePattern, i int) { o.Bool[i] = p.match(a[0].Str(i)) })
	}, nil
}

func escapeOf(escape []byte) (rune, error) {
	if len(escape) == 0 {
		return 0, nil
	}
	r, w := utf8.DecodeRune(escape)
	if w != len(escape) {
		return 0, &Error{Msg: "LIKE: the escape '" + string(escape) + "' is not one character"}
	}
	return r, nil
}

// patternCache keeps the last compiled pattern: constant patterns are compiled once, those from a column when they
// change.
//
// The pattern is argument 1; with escapes, argument 2 (if there) is the escape character.
type patternCache[P any] struct {
	compile func(pattern, escape []byte) (P, error)
	escapes bool
	pattern []byte
	escape  []byte
	known   bool
	last    P
}

// get compiles a pattern, unless it is the last one.
func (p *patternCache[P]) get(pattern, escape []byte) (P, error) {
	if p.known && bytes.Equal(p.pattern, pattern) && bytes.Equal(p.escape, escape) {
		return p.last, nil
	}
	pat, err := p.compile(pattern, escape)
	if err != nil {
		return pat, err
	}
	p.pattern = append(p.pattern[:0], pattern...)
	p.escape = append(p.escape[:0], escape...)
	p.last, p.known = pat, true
	return pat, nil
}

// each calls f for each row without NULLs, with its pattern.
func (p *patternCache[P]) each(c *vec.Ctx, a []*vec.Vec, o *vec.Vec, f func(pat P, i int)) error {
	var escape []byte
	for i := range o.Len {
		if o.Null(i) {
			continue
		}
		if p.escapes && len(a) > 2 {
			escape = a[2].Str(i)
		}
		pat, err := p.get(a[1].Str(i), escape)
		if err != nil {
			if c.Wants(i, o) {
				return err
			}
			continue
		}
		f(pat, i)
	}
	return nil
}
