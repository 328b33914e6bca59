package types

// AsDecimal is the DECIMAL that holds every value of an exact type: TINYINT (3,0), SMALLINT (5,0), INT (10,0), BIGINT
// (19,0). ok is false for other types.
func (t Type) AsDecimal() (d Type, ok bool) {
	digits := map[Kind]int32{TinyInt: 3, SmallInt: 5, Int: 10, BigInt: 19}
	if t.Kind == Decimal {
		return t, true
	}
	p, ok := digits[t.Kind]
	return DecimalOf(p, 0).WithNull(t.Nullable), ok
}

// fit cuts a decimal of more than 38 digits: the digits before the point are kept, the scale falls to at least 6 (or
// what it was, when less). This is SQL Server's rule, which Flink follows.
func fit(p, s int32) Type {
	if p <= MaxDecimal {
		return DecimalOf(p, s)
	}
	whole := p - s
	return DecimalOf(MaxDecimal, max(MaxDecimal-whole, min(s, 6)))
}

// AddDecimal is the type of a + b and a - b.
func AddDecimal(a, b Type) Type {
	s := max(a.Scale, b.Scale)
	return fit(max(a.Precision-a.Scale, b.Precision-b.Scale)+s+1, s)
}

// MulDecimal is the type of a * b.
func MulDecimal(a, b Type) Type { return fit(a.Precision+b.Precision+1, a.Scale+b.Scale) }

// DivDecimal is the type of a / b.
func DivDecimal(a, b Type) Type {
	s := max(6, a.Scale+b.Precision+1)
	return fit(a.Precision-a.Scale+b.Scale+s, s)
}

// ModDecimal is the type of a % b.
func ModDecimal(a, b Type) Type {
	s := max(a.Scale, b.Scale)
	return fit(min(a.Precision-a.Scale, b.Precision-b.Scale)+s, s)
}

// RoundDecimal is the type of ROUND(a, r) for a constant r.
func RoundDecimal(a Type, r int32) Type {
	switch {
	case r >= a.Scale:
		return DecimalOf(a.Precision, a.Scale)
	case r < 0:
		return DecimalOf(min(MaxDecimal, 1+a.Precision-a.Scale), 0)
	default:
		return DecimalOf(1+a.Precision-a.Scale+r, r)
	}
}

// Common is the type that values of both a and b take where SQL wants one type (CASE branches, COALESCE, comparison,
// UNION). ok is false where Flink has no implicit conversion, such as between number and text.
func Common(a, b Type) (t Type, ok bool) {
	nullable := a.Nullable || b.Nullable
	t, ok = common(a.Plain(), b.Plain())
	return t.WithNull(nullable), ok
}

func common(a, b Type) (Type, bool) {
	switch {
	case a.Kind == Null:
		return b, true
	case b.Kind == Null || a.Same(b):
		return a, true
	case a.IsNumeric() && b.IsNumeric():
		return commonNumber(a, b), true
	case a.IsString() && b.IsString():
		return Type{Kind: max(a.Kind, b.Kind), Precision: max(a.Precision, b.Precision)}.charIfEqual(a, b), true
	case a.IsBinary() && b.IsBinary():
		return Type{Kind: Varbinary, Precision: max(a.Precision, b.Precision)}, true
	case a.IsTimestamp() && b.IsTimestamp():
		return Type{Kind: max(a.Kind, b.Kind), Precision: max(a.Precision, b.Precision)}, true
	case a.Kind == Date && b.IsTimestamp():
		return b, true
	case a.IsTimestamp() && b.Kind == Date:
		return a, true
	case a.Kind == Time && b.Kind == Time:
		return TimeOf(max(a.Precision, b.Precision)), true
	}
	return Type{}, false
}

// charIfEqual: CHARs of different lengths meet in a VARCHAR, so that none is padded.
func (t Type) charIfEqual(a, b Type) Type {
	if a.Precision != b.Precision {
		t.Kind = Varchar
	}
	return t
}

func commonNumber(a, b Type) Type {
	if a.Kind > b.Kind {
		a, b = b, a
	}
	if b.Kind == Float && a.Kind == Decimal {
		return DoubleT
	}
	if b.Kind != Decimal {
		return Type{Kind: b.Kind}
	}
	d, _ := a.AsDecimal()
	s := max(d.Scale, b.Scale)
	return fit(max(d.Precision-d.Scale, b.Precision-b.Scale)+s, s)
}
