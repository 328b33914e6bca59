package types

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// TestCivilIsTheCalendar compares with package time over 24 centuries, a day in 37.
func TestCivilIsTheCalendar(t *testing.T) {
	for days := int64(-719162 - 40000); days < 400_000; days += 37 {
		at := time.Unix(days*86400, 0).UTC()
		y, m, d := CivilOf(days)
		if int(y) != at.Year() || m != int64(at.Month()) || int(d) != at.Day() {
			t.Fatalf("day %d is %d-%d-%d, want %s", days, y, m, d, at)
		}
		if back := DaysOf(y, m, d); back != days {
			t.Fatalf("%d-%d-%d is day %d, want %d", y, m, d, back, days)
		}
		if n := DaysInMonth(y, m); n != int64(time.Date(int(y), at.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()) {
			t.Fatalf("%d-%d has %d days", y, m, n)
		}
	}
}

func TestMonthsAreAddedToTheEndOfTheMonth(t *testing.T) {
	for _, c := range []struct {
		from string
		n    int64
		want string
	}{
		{"2026-01-31", 1, "2026-02-28"},
		{"2024-01-31", 1, "2024-02-29"},
		{"2026-03-31", -1, "2026-02-28"},
		{"2026-01-15", 25, "2028-02-15"},
		{"2026-01-15", -13, "2024-12-15"},
		{"1970-01-31", -2, "1969-11-30"},
	} {
		days, ok := ParseDate([]byte(c.from))
		if got := string(AppendDate(nil, AddMonths(days, c.n))); !ok || got != c.want {
			t.Errorf("%s and %d months: %s, want %s", c.from, c.n, got, c.want)
		}
	}
}

// TestDecimalArithmeticIsExact compares sums, products, quotients and remainders with exact fractions, for numbers of up
// to 38 digits: the result is the exact one rounded half up to the type's scale, or refused when the type has too few
// digits.
func TestDecimalArithmeticIsExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		at, bt := randomType(rnd), randomType(rnd)
		a, b := randomDecimal(rnd, at), randomDecimal(rnd, bt)
		x, y := rat(a, at.Scale), rat(b, bt.Scale)
		add, mul := AddDecimal(at, bt), MulDecimal(at, bt)
		got, ok := AddDecimals(a, at.Scale, b, bt.Scale, false, add)
		checkDecimal(t, "+", got, ok, new(big.Rat).Add(x, y), add)
		got, ok = AddDecimals(a, at.Scale, b, bt.Scale, true, add)
		checkDecimal(t, "-", got, ok, new(big.Rat).Sub(x, y), add)
		got, ok = MulDecimals(a, b, at.Scale+bt.Scale, mul)
		checkDecimal(t, "*", got, ok, new(big.Rat).Mul(x, y), mul)
		if y.Sign() == 0 {
			continue
		}
		div, mod := DivDecimal(at, bt), ModDecimal(at, bt)
		q := new(big.Rat).Quo(x, y)
		got, ok = DivDecimals(a, at.Scale, b, bt.Scale, div)
		checkDecimal(t, "/", got, ok, q, div)
		whole := new(big.Rat).SetInt(new(big.Int).Quo(q.Num(), q.Denom()))
		got, ok = ModDecimals(a, at.Scale, b, bt.Scale, mod)
		checkDecimal(t, "%", got, ok, new(big.Rat).Sub(x, whole.Mul(whole, y)), mod)
	}
}

func randomType(rnd *rand.Rand) Type {
	p := 1 + rnd.Int32N(38)
	return DecimalOf(p, rnd.Int32N(p+1))
}

func randomDecimal(rnd *rand.Rand, t Type) decimal128.Num {
	x := new(big.Int)
	for range 1 + rnd.Int32N(t.Precision) {
		x.Mul(x, big.NewInt(10)).Add(x, big.NewInt(rnd.Int64N(10)))
	}
	if rnd.IntN(2) == 0 {
		x.Neg(x)
	}
	return decimal128.FromBigInt(x)
}

func rat(d decimal128.Num, scale int32) *big.Rat {
	return new(big.Rat).SetFrac(d.BigInt(), bigPow10(scale))
}

func checkDecimal(t *testing.T, op string, got decimal128.Num, ok bool, exact *big.Rat, typ Type) {
	t.Helper()
	// half up: floor(|x| * 10^s + 1/2)
	x := new(big.Rat).Abs(exact)
	x.Mul(x, new(big.Rat).SetInt(bigPow10(typ.Scale))).Add(x, big.NewRat(1, 2))
	want := new(big.Int).Quo(x.Num(), x.Denom())
	if exact.Sign() < 0 {
		want.Neg(want)
	}
	fits := want.CmpAbs(bigPow10(typ.Precision)) < 0
	if ok != fits || ok && got.BigInt().Cmp(want) != 0 {
		t.Fatalf("%s in %s: %v (%v), want %v (%v)", op, typ, got.BigInt(), ok, want, fits)
	}
}

// TestDecimalTextIsExact: reading what was written gives the number back, and a plain parse agrees.
func TestDecimalTextIsExact(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		typ := randomType(rnd)
		d := randomDecimal(rnd, typ)
		text := AppendDecimal(nil, d, typ.Scale)
		back, ok, fits := ParseDecimal(text, typ)
		if !ok || !fits || back != d {
			t.Fatalf("%s in %s is read as %v (%v, %v)", text, typ, back.BigInt(), ok, fits)
		}
		if x, ok := new(big.Rat).SetString(string(text)); !ok || x.Cmp(rat(d, typ.Scale)) != 0 {
			t.Fatalf("%v with scale %d is written %s", d.BigInt(), typ.Scale, text)
		}
	}
}

// TestFloatTextReadsBack: the text has Java's form and is the shortest that gives the same bits.
func TestFloatTextReadsBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 20000 {
		x := math.Float64frombits(rnd.Uint64())
		if math.IsNaN(x) || math.IsInf(x, 0) {
			continue
		}
		text := string(AppendFloat(nil, x, 64))
		if back, err := strconv.ParseFloat(text, 64); err != nil || back != x {
			t.Fatalf("%v is written %s", x, text)
		}
	}
	for x, want := range map[float64]string{
		1: "1.0", 1e7: "1.0E7", 1e-3: "0.001", 9.99e-4: "9.99E-4", 1234567.5: "1234567.5", 1.5e300: "1.5E300", -2.5e-10: "-2.5E-10",
		math.Inf(1): "Infinity", math.Inf(-1): "-Infinity",
	} {
		if got := string(AppendFloat(nil, x, 64)); got != want {
			t.Errorf("%v is written %s, want %s", x, got, want)
		}
	}
}

// The result types of Flink's rules, from its reference: precision beyond 38 costs scale, down to 6 digits.
func TestResultTypes(t *testing.T) {
	d := DecimalOf
	for _, c := range []struct {
		name      string
		got, want Type
	}{
		{"5,2 + 10,0", AddDecimal(d(5, 2), d(10, 0)), d(13, 2)},
		{"38,10 + 38,5", AddDecimal(d(38, 10), d(38, 5)), d(38, 6)},
		{"5,2 * 10,0", MulDecimal(d(5, 2), d(10, 0)), d(16, 2)},
		{"38,18 * 38,18", MulDecimal(d(38, 18), d(38, 18)), d(38, 6)},
		{"5,2 / 10,0", DivDecimal(d(5, 2), d(10, 0)), d(16, 13)},
		{"38,0 / 38,0", DivDecimal(d(38, 0), d(38, 0)), d(38, 6)},
		{"5,2 % 10,0", ModDecimal(d(5, 2), d(10, 0)), d(5, 2)},
		{"ROUND 5,2 to 1", RoundDecimal(d(5, 2), 1), d(5, 1)},
		{"ROUND 5,2 to -1", RoundDecimal(d(5, 2), -1), d(4, 0)},
		{"ROUND 5,2 to 4", RoundDecimal(d(5, 2), 4), d(5, 2)},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestCommonTypes(t *testing.T) {
	for _, c := range []struct{ a, b, want Type }{
		{IntT, BigIntT, BigIntT},
		{IntT.NotNull(), BigIntT.NotNull(), BigIntT.NotNull()},
		{IntT, DoubleT, DoubleT},
		{IntT, FloatT, FloatT},
		{DecimalOf(5, 2), FloatT, DoubleT},
		{IntT, DecimalOf(5, 2), DecimalOf(12, 2)},
		{NullT, DateT, DateT},
		{CharOf(3), CharOf(5), VarcharOf(5)},
		{CharOf(3), CharOf(3), CharOf(3)},
		{CharOf(3), StringT, StringT},
		{DateT, TimestampOf(3), TimestampOf(3)},
		{TimestampOf(3), TimestampOf(6), TimestampOf(6)},
	} {
		if got, ok := Common(c.a, c.b); !ok || got != c.want {
			t.Errorf("%s with %s: %s (%v), want %s", c.a, c.b, got, ok, c.want)
		}
		if got, ok := Common(c.b, c.a); !ok || got != c.want {
			t.Errorf("%s with %s: %s (%v), want %s", c.b, c.a, got, ok, c.want)
		}
	}
	for _, c := range [][2]Type{{IntT, StringT}, {BooleanT, IntT}, {DateT, TimeOf(0)}, {BytesT, StringT}} {
		if got, ok := Common(c[0], c[1]); ok {
			t.Errorf("%s with %s: %s, want none", c[0], c[1], got)
		}
	}
}

func TestTypeText(t *testing.T) {
	row := TimestampOf(3).NotNull()
	row.RowTime = true
	for want, typ := range map[string]Type{
		"STRING": StringT, "VARCHAR(5)": VarcharOf(5), "CHAR(3) NOT NULL": CharOf(3).NotNull(), "BYTES": BytesT,
		"DECIMAL(10, 2)": DecimalOf(10, 2), "TIMESTAMP(3) NOT NULL *ROWTIME*": row, "TIMESTAMP_LTZ(6)": TimestampLTZOf(6),
		"TIME(0)": TimeOf(0), "BIGINT": BigIntT, "NULL": NullT,
	} {
		if typ.String() != want {
			t.Errorf("%s, want %s", typ, want)
		}
	}
}
