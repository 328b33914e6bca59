package funcs

import (
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"strings"
	"time"

	"github.com/weirhub/weir/sql/plan"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyMisc = "Miscellaneous"

var miscFuncs = []Func{
	{
		Name: "UUID", Family: familyMisc, Syntax: "UUID()", Doc: "A random UUID (version 4), another one for each row.", Ret: ret(types.CharOf(36)),
		Volatile: true,
		Bind: textRows(func(o *vec.Vec, _ []*vec.Vec, _ int) bool {
			o.Buf = appendUUID(o.Buf)
			return true
		}),
	},
	{
		Name: "TYPEOF", Family: familyMisc, Syntax: "TYPEOF(x)", Doc: "The type of the expression, with its nullability.", Params: "A",
		Rewrite: func(_ caller, a []plan.Expr) (plan.Expr, error) {
			return &plan.Literal{Value: a[0].Type().Plain().String(), T: types.StringT.NotNull()}, nil
		},
	},
	{
		Name: "IS_DECIMAL", Family: familyText, Syntax: "IS_DECIMAL(s)", Doc: "Whether s can be read as a number.", Params: "S", Ret: ret(types.BooleanT),
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.Bool {
				_, ok, _ := types.ParseDecimal(a[0].Str(i), types.DecimalOf(38, 18))
				o.Bool[i] = ok
			}
			return nil
		}),
	},
	{
		Name: "UNHEX", Family: familyEncode, Syntax: "UNHEX(s)", Doc: "The bytes whose hexadecimal digits are s; NULL when it is not that.", Params: "S",
		Ret: ret(types.BytesT), MayNull: true,
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			b, err := hex.AppendDecode(o.Buf, a[0].Str(i))
			if err == nil {
				o.Buf = b
			}
			return err == nil
		}),
	},
	{
		Name: "INET_ATON", Family: familyEncode, Syntax: "INET_ATON(s)", Doc: "An IPv4 address as a number; NULL when it is none.", Params: "S",
		Ret: ret(types.BigIntT), MayNull: true,
		Bind: plain(func(_ *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
			for i := range o.I64 {
				if o.Null(i) {
					continue
				}
				ip, err := netip.ParseAddr(string(a[0].Str(i)))
				if err != nil || !ip.Is4() {
					o.SetNull(i)
					continue
				}
				b := ip.As4()
				o.I64[i] = int64(b[0])<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3])
			}
			return nil
		}),
	},
	{
		Name: "INET_NTOA", Family: familyEncode, Syntax: "INET_NTOA(n)", Doc: "The IPv4 address of a number; NULL when it is out of range.", Params: "L",
		Ret: ret(types.StringT), MayNull: true,
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			n := a[0].I64[i]
			if n < 0 || n > 1<<32-1 {
				return false
			}
			o.Buf = netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).AppendTo(o.Buf)
			return true
		}),
	},
	{
		Name: "CONVERT_TZ", Family: familyTime, Syntax: "CONVERT_TZ(s, from, to)",
		Doc:    "A time as text (yyyy-MM-dd HH:mm:ss) from one zone to another; NULL for what cannot be read. A time that the clocks skip is moved forward.",
		Params: "S S S", Ret: ret(types.StringT), MayNull: true, Bind: textRows(convertZone),
	},
}

// appendUUID writes a version 4 UUID. Read of crypto/rand never fails.
func appendUUID(b []byte) []byte {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	for i, cut := range []int{0, 4, 6, 8, 10} {
		if i > 0 {
			b = append(b, '-')
		}
		end := []int{4, 6, 8, 10, 16}[i]
		b = hex.AppendEncode(b, u[cut:end])
	}
	return b
}

func convertZone(o *vec.Vec, a []*vec.Vec, i int) bool {
	from, err1 := zone(string(a[1].Str(i)))
	to, err2 := zone(string(a[2].Str(i)))
	at, err3 := time.Parse(time.DateTime, string(a[0].Str(i)))
	if err1 != nil || err2 != nil || err3 != nil {
		return false
	}
	local := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, from)
	// in a gap Go may answer a time before it; the same wall clock with the offset from before the gap lies behind it
	_, offset := local.Add(-time.Duration(3 * time.Hour)).Zone()
	if local.Format(time.DateTime) != at.Format(time.DateTime) {
		local = time.Unix(at.Unix()-int64(offset), 0)
	}
	o.Buf = local.In(to).AppendFormat(o.Buf, time.DateTime)
	return true
}

// zone knows names of the time zone database and offsets such as GMT+8 or +08:00.
func zone(name string) (*time.Location, error) {
	rest := strings.TrimPrefix(strings.TrimPrefix(name, "GMT"), "UTC")
	if rest != "" && (rest[0] == '+' || rest[0] == '-') {
		for _, form := range []string{"-07:00", "-07", "-0700"} {
			if t, err := time.Parse(form, rest); err == nil {
				return t.Location(), nil
			}
		}
		if t, err := time.Parse("-07", rest[:1]+"0"+rest[1:]); err == nil {
			return t.Location(), nil
		}
	}
	return time.LoadLocation(name)
}
