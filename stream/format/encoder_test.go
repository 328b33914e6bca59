package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/weirhub/weir/internal/record"
)

var allTypes = []Field{
	null("b", typBoolean), null("i8", arrow.PrimitiveTypes.Int8), null("i16", arrow.PrimitiveTypes.Int16), null("i32", typInt),
	null("i64", typBigint), null("f32", arrow.PrimitiveTypes.Float32), null("f64", typDouble), null("dec", dec(38, 4)),
	null("s", typString), null("by", typBytes), null("d", typDate), null("t", typTime), null("ts", typTS3), null("ltz", typLTZ3),
	null("us", &arrow.TimestampType{Unit: arrow.Microsecond}), null("ns", &arrow.TimestampType{Unit: arrow.Nanosecond}),
}

// batchFromJSON decodes values into one batch.
func batchFromJSON(t *testing.T, fields []Field, values ...string) arrow.RecordBatch {
	t.Helper()
	d, err := NewDecoder("json", fields, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		if err := d.DecodeRecord(&record.Record{Value: []byte(v)}, "t", 0); err != nil {
			t.Fatal(err)
		}
	}
	rec, bad := d.Take()
	if len(bad) > 0 {
		t.Fatal(bad[0].Reason)
	}
	t.Cleanup(rec.Release)
	return rec
}

func encodeAll(t *testing.T, format string, rec arrow.RecordBatch, columns []int, o Options) []string {
	t.Helper()
	e, err := NewEncoder(format, rec.Schema(), columns, o)
	if err != nil {
		t.Fatal(err)
	}
	e.Reset(rec)
	var out []string
	for i := range int(rec.NumRows()) {
		v, ok := e.Append([]byte("kept"), i)
		if !bytes.HasPrefix(v, []byte("kept")) {
			t.Fatalf("what stood before is lost: %q", v)
		}
		if !ok {
			out = append(out, "null value")
			continue
		}
		out = append(out, string(v[4:]))
	}
	return out
}

// TestValuesAreWrittenAsFlinkWritesThem: every type, the form of times and numbers, NULLs, extremes.
func TestValuesAreWrittenAsFlinkWritesThem(t *testing.T) {
	rec := batchFromJSON(t, allTypes,
		`{"b":true,"i8":-128,"i16":-32768,"i32":-2147483648,"i64":-9223372036854775808,"f32":0.1,"f64":1e10,"dec":-0.0001,`+
			`"s":"a\"\\\n\u0001\u007fé😀/<","by":"aGk=","d":"1969-12-31","t":"23:59:59.9","ts":"1969-12-31 23:59:59.999",`+
			`"ltz":"2013-01-01T10:00:00Z","us":"0001-01-01 00:00:00.000001","ns":"1677-12-31 00:00:00.123456789"}`,
		`{}`)
	same(t, encodeAll(t, "json", rec, nil, Options{}),
		`{"b":true,"i8":-128,"i16":-32768,"i32":-2147483648,"i64":-9223372036854775808,"f32":0.1,"f64":1.0E10,"dec":-0.0001,`+
			`"s":"a\"\\\n\u0001`+"\x7f"+`é😀/<","by":"aGk=","d":"1969-12-31","t":"23:59:59.9","ts":"1969-12-31 23:59:59.999",`+
			`"ltz":"2013-01-01 10:00:00Z","us":"0001-01-01 00:00:00.000001","ns":"1677-12-31 00:00:00.123456789"}`,
		`{"b":null,"i8":null,"i16":null,"i32":null,"i64":null,"f32":null,"f64":null,"dec":null,"s":null,"by":null,"d":null,`+
			`"t":null,"ts":null,"ltz":null,"us":null,"ns":null}`)
	same(t, encodeAll(t, "json", rec, []int{0, 13}, Options{Timestamps: TimestampISO, IgnoreNullFields: true}),
		`{"b":true,"ltz":"2013-01-01T10:00:00Z"}`, `{}`)
	same(t, encodeAll(t, "json", rec, []int{13, 0}, Options{IgnoreNullFields: true}), `{"ltz":"2013-01-01 10:00:00Z","b":true}`, `{}`)
	same(t, encodeAll(t, "csv", rec, []int{0, 6, 8, 9, 12}, Options{NullLiterals: []string{"NA"}}),
		"true,1.0E10,\"a\"\"\\\n\x01\x7fé😀/<\",aGk=,1969-12-31 23:59:59.999", "NA,NA,NA,NA,NA")
	same(t, encodeAll(t, "raw", rec, []int{9}, Options{}), "hi", "null value")
}

// TestFloatsAreWrittenAsJavaWritesThem: the expectations are Double.toString's and Float.toString's of JDK 19 and later.
func TestFloatsAreWrittenAsJavaWritesThem(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.0", 1: "1.0", -1.5: "-1.5", 100: "100.0", 0.001: "0.001", 0.00099: "9.9E-4", 9999999: "9999999.0",
		1e7: "1.0E7", 12345678.9: "1.23456789E7", 1e-5: "1.0E-5", 1e100: "1.0E100", math.MaxFloat64: "1.7976931348623157E308",
		2e-323: "2.0E-323", 0.30000000000000004: "0.30000000000000004", math.Inf(1): "Infinity", math.Inf(-1): "-Infinity",
	} {
		if got := string(appendFloat(nil, v, 64)); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
	if got := string(appendFloat(nil, math.Copysign(0, -1), 64)); got != "-0.0" {
		t.Errorf("-0.0 is written %s", got)
	}
	if got := string(appendFloat(nil, float64(float32(1)/3), 32)); got != "0.33333334" {
		t.Errorf("1/3 as FLOAT is written %s", got)
	}
	rec := batchFromJSON(t, []Field{null("f", typDouble)}, `{"f":"NaN"}`, `{"f":"-Infinity"}`, `{"f":-1}`)
	same(t, encodeAll(t, "json", rec, nil, Options{}), `{"f":"NaN"}`, `{"f":"-Infinity"}`, `{"f":-1.0}`)
}

// TestDecimalsAgreeWithBigInt: reading rounds half up at the scale and refuses what the precision cannot hold; writing
// gives the same digits; both as exact arithmetic says.
func TestDecimalsAgreeWithBigInt(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, typ := range []*arrow.Decimal128Type{{Precision: 5, Scale: 2}, {Precision: 38, Scale: 0}, {Precision: 38, Scale: 38}, {Precision: 20, Scale: 7}} {
		b, err := newBuilder(new(Options).mem(), []Field{null("d", typ)})
		if err != nil {
			t.Fatal(err)
		}
		b.begin()
		for range 3000 {
			text := randomDecimal(r)
			want, fit := roundHalfUp(t, text, int(typ.Precision), int(typ.Scale))
			f := b.setDecimal(&b.cols[0], []byte(text))
			if (f == fits) != fit {
				t.Fatalf("%s as DECIMAL(%d, %d): %v, want it to fit: %v", text, typ.Precision, typ.Scale, f, fit)
			}
			if !fit {
				continue
			}
			if got := b.cols[0].dec[0].BigInt(); got.Cmp(want) != 0 {
				t.Fatalf("%s as DECIMAL(%d, %d): unscaled %s, want %s", text, typ.Precision, typ.Scale, got, want)
			}
			written := string(appendDecimal(nil, b.cols[0].dec[0], int(typ.Scale)))
			exact := new(big.Rat).SetFrac(want, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(typ.Scale)), nil))
			if written != exact.FloatString(int(typ.Scale)) {
				t.Fatalf("%s is written %s, want %s", text, written, exact.FloatString(int(typ.Scale)))
			}
		}
	}
	for _, p := range []int{1, 19, 20, 38} {
		if want := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(p)), nil); pow10(p).BigInt().Cmp(want) != 0 {
			t.Errorf("pow10(%d) is %s", p, pow10(p).BigInt())
		}
	}
	if got := string(appendDecimal(nil, decimal128.FromI64(-5), 2)); got != "-0.05" {
		t.Errorf("-0.05 is written %s", got)
	}
}

func randomDecimal(r *rand.Rand) string {
	digits := func(n int) (s string) {
		for range n {
			s += string("0123456789550"[r.IntN(13)])
		}
		return s
	}
	s := []string{"", "-", "+"}[r.IntN(3)] + digits(1+r.IntN(25))
	if r.IntN(2) == 0 {
		s += "." + digits(r.IntN(45))
	}
	if r.IntN(4) == 0 {
		s += fmt.Sprintf("e%d", r.IntN(60)-40)
	}
	return s
}

// roundHalfUp is the oracle: value*10^scale, rounded half away from zero, and whether its digits are within precision.
func roundHalfUp(t *testing.T, text string, precision, scale int) (*big.Int, bool) {
	t.Helper()
	v, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("bad decimal %q", text)
	}
	ten := func(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
	v.Mul(v, new(big.Rat).SetInt(ten(scale)))
	neg := v.Sign() < 0
	v.Abs(v).Add(v, big.NewRat(1, 2))
	n := new(big.Int).Quo(v.Num(), v.Denom())
	fit := n.Cmp(ten(precision)) < 0
	if neg {
		n.Neg(n)
	}
	return n, fit
}

// TestWrittenValuesReadBack: random rows of every type are the same after writing and reading, in JSON and CSV, and what
// is written as JSON is JSON to encoding/json.
func TestWrittenValuesReadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	d, err := NewDecoder("json", allTypes, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if err := d.DecodeRecord(&record.Record{Value: []byte(randomRow(r))}, "t", 0); err != nil {
			t.Fatal(err)
		}
	}
	rec, bad := d.Take()
	if len(bad) > 0 {
		t.Fatalf("%s: %s", bad[0].Value, bad[0].Reason)
	}
	defer rec.Release()
	for _, o := range []Options{
		{}, {Timestamps: TimestampSQL}, {Timestamps: TimestampISO}, {IgnoreNullFields: true}, {EmptyIsNull: true}, {NullLiterals: []string{"NA", "x"}},
	} {
		for _, format := range []string{"json", "csv"} {
			if format == "csv" && !o.EmptyIsNull && o.NullLiterals == nil {
				continue // without one of the two, NULL text and empty text look the same
			}
			values := encodeAll(t, format, rec, nil, o)
			for _, v := range values {
				if format == "json" && !json.Valid([]byte(v)) {
					t.Fatalf("not JSON: %s", v)
				}
			}
			same(t, decodeAll(t, format, allTypes, o, values...), rows(rec)...)
		}
	}
}

func randomRow(r *rand.Rand) string {
	stamp := func(nanos int) string {
		y, m, d := civil(r.IntN(190_000) - 90_000)
		s := fmt.Sprintf(`"%04d-%02d-%02d %02d:%02d:%02d`, y, m, d, r.IntN(24), r.IntN(60), r.IntN(60))
		if r.IntN(2) == 0 {
			s += fmt.Sprintf(".%0*d", nanos, r.IntN(int(math.Pow10(nanos))))
		}
		return s + `"`
	}
	letters := []rune("aé😀\",;\n\r\t\\# \x00NAx'")
	text := func() string {
		var b strings.Builder
		for range r.IntN(6) {
			b.WriteRune(letters[r.IntN(len(letters))])
		}
		out, _ := json.Marshal(b.String())
		return string(out)
	}
	members := []string{
		fmt.Sprintf(`"b":%t`, r.IntN(2) == 0), fmt.Sprintf(`"i8":%d`, int8(r.Uint32())), fmt.Sprintf(`"i16":%d`, int16(r.Uint32())),
		fmt.Sprintf(`"i32":%d`, int32(r.Uint32())), fmt.Sprintf(`"i64":%d`, int64(r.Uint64())),
		`"f32":` + strconv.FormatFloat(r.NormFloat64()*math.Pow10(r.IntN(60)-30), 'g', -1, 32),
		`"f64":` + strconv.FormatFloat(r.NormFloat64()*math.Pow10(r.IntN(600)-300), 'g', -1, 64),
		fmt.Sprintf(`"dec":%d.%04d`, int64(r.Uint64()), r.IntN(10000)), `"s":` + text(), `"by":"` + []string{"", "aGk=", "AP8="}[r.IntN(3)] + `"`,
		`"d":` + stamp(3)[:11] + `"`, `"t":"` + stamp(3)[12:], `"ts":` + stamp(3), `"ltz":` + stamp(3), `"us":` + stamp(6), `"ns":` + stamp(9),
	}
	for i := range members {
		if r.IntN(8) == 0 {
			members[i] = members[i][:strings.Index(members[i], ":")] + `:null`
		}
	}
	r.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + strings.Join(members, ",") + "}"
}

// TestRowFollowsTheBatch: rows of one batch after another are those of the batch that is given, and NULL is Kafka's null.
func TestRowFollowsTheBatch(t *testing.T) {
	fields := []Field{null("s", typString)}
	one, two := batchFromJSON(t, fields, `{"s":"a"}`, `{"s":"b"}`), batchFromJSON(t, fields, `{"s":"c"}`, `{}`)
	e, err := NewEncoder("raw", one.Schema(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, rec := range []arrow.RecordBatch{one, two, one} {
		for i := range 2 {
			v, err := e.Row([]byte{}, rec, i)
			if err != nil {
				t.Fatal(err)
			}
			if v == nil {
				v = []byte("null value")
			}
			got = append(got, string(v))
		}
	}
	same(t, got, "a", "b", "c", "null value", "a", "b")
}

// TestNothingIsAllocatedPerWrittenRow: rows are written into the caller's buffer.
func TestNothingIsAllocatedPerWrittenRow(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	rec := batchFromJSON(t, allTypes, randomRow(r), randomRow(r), randomRow(r))
	e, err := NewEncoder("json", rec.Schema(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(10, func() {
		e.Reset(rec)
		for i := range 3 {
			if _, ok := e.Append(buf, i); !ok {
				t.Fatal("null value")
			}
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestInference: the narrowest type that holds a column's values; NULL literals and empty fields do not count; identifiers
// with leading zeros stay text.
func TestInference(t *testing.T) {
	text := "i,big,f,b,d,ts,us,zip,mix,none,carrier\n" +
		"1,9223372036854775808,1,true,2013-01-01,2013-01-01T10:00:00Z,2013-01-01 00:00:00.123456,01234,1,NA,UA\n" +
		"NA,1,2.5,FALSE,2013-12-31,2013-01-01 10:00:00.5,2013-01-01,10115,x,,\"1\"\n" +
		"-3,,1e3,NA,,2013-01-02,NA,0,2,NA,B6\n"
	fields, err := InferCSV(strings.NewReader(text), true, Options{NullLiterals: []string{"NA"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range fields {
		got = append(got, f.Name+" "+TypeName(f.Type))
	}
	same(t, got, "i BIGINT", "big DECIMAL(38, 0)", "f DOUBLE", "b BOOLEAN", "d DATE", "ts TIMESTAMP(3)", "us TIMESTAMP(6)",
		"zip STRING", "mix STRING", "none STRING", "carrier STRING")
	o := Options{NullLiterals: []string{"NA"}}
	for _, f := range fields {
		o.Header = append(o.Header, f.Name)
	}
	got = decodeAll(t, "csv", fields, o, strings.Split(strings.TrimSpace(text), "\n")[1:]...)
	if len(got) != 3 || strings.Contains(strings.Join(got, ""), "bad") {
		t.Errorf("the sample does not decode: %q", got)
	}

	fields, err = InferJSON(strings.NewReader(`{"b":1,"a":"x","t":"2013-01-01T10:00:00Z"}` + "\nnot json\n[1]\n" +
		`{"a":null,"b":1.5,"o":{"x":1},"n":"5","l":true,"t":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := InferJSON(strings.NewReader("[\n{\"a\":\n1}\n]\n")); err == nil {
		t.Error("an object over several lines is taken for JSON lines")
	}
	got = nil
	for _, f := range fields {
		got = append(got, f.Name+" "+TypeName(f.Type))
	}
	same(t, got, "b DOUBLE", "a STRING", "t TIMESTAMP(3)", "o STRING", "n STRING", "l BOOLEAN")
}
