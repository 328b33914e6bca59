package funcs

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"

	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/sql/vec"
)

const familyEncode = "Encodings and hashes"

var encodeFuncs = []Func{
	digest("MD5", 32, func(s []byte) []byte { h := md5.Sum(s); return h[:] }),
	digest("SHA1", 40, func(s []byte) []byte { h := sha1.Sum(s); return h[:] }),
	digest("SHA224", 56, sum224),
	digest("SHA256", 64, sum256),
	digest("SHA384", 96, sum384),
	digest("SHA512", 128, sum512),
	{
		Name: "SHA2", Family: familyEncode, Syntax: "SHA2(s, bits)", Doc: "The SHA-2 digest of 224, 256, 384 or 512 bits in hexadecimal digits.",
		Params: "S L", Ret: ret(types.VarcharOf(128)), Bind: plain(sha2),
	},
	{
		Name: "TO_BASE64", Family: familyEncode, Syntax: "TO_BASE64(s)", Doc: "Base64 of the text's UTF-8 bytes.", Params: "S",
		Ret: ret(types.StringT),
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			o.Buf = base64.StdEncoding.AppendEncode(o.Buf, a[0].Str(i))
			return true
		}),
	},
	{
		Name: "FROM_BASE64", Family: familyEncode, Syntax: "FROM_BASE64(s)", Doc: "The text whose base64 is s; NULL when s is not base64.",
		Params: "S", Ret: ret(types.StringT),
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			b, err := base64.StdEncoding.AppendDecode(o.Buf, a[0].Str(i))
			if err == nil {
				o.Buf = b
			}
			return err == nil
		}),
	},
	{
		Name: "HEX", Family: familyEncode, Syntax: "HEX(n)", Doc: "Hexadecimal digits of the number in two's complement.", Params: "L",
		Ret: ret(types.StringT),
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			o.Buf = append(o.Buf, strings.ToUpper(strconv.FormatUint(uint64(a[0].I64[i]), 16))...)
			return true
		}),
	},
	{
		Name: "HEX", Family: familyEncode, Syntax: "HEX(s)", Doc: "Hexadecimal digits of the text's UTF-8 bytes.", Params: "S",
		Ret: ret(types.StringT),
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			o.Buf = append(o.Buf, strings.ToUpper(hex.EncodeToString(a[0].Str(i)))...)
			return true
		}),
	},
	{
		Name: "BIN", Family: familyEncode, Syntax: "BIN(n)", Doc: "Binary digits of the number in two's complement.", Params: "L",
		Ret: ret(types.StringT),
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			o.Buf = strconv.AppendUint(o.Buf, uint64(a[0].I64[i]), 2)
			return true
		}),
	},
	{
		Name: "URL_ENCODE", Family: familyEncode, Syntax: "URL_ENCODE(s)", Doc: "As in a form: blanks as +, others as %XX.", Params: "S",
		Ret: ret(types.StringT), MayNull: true,
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			// Java's encoder keeps * and escapes ~, Go's the other way round
			e := strings.NewReplacer("%2A", "*", "~", "%7E").Replace(url.QueryEscape(string(a[0].Str(i))))
			o.Buf = append(o.Buf, e...)
			return true
		}),
	},
	{
		Name: "URL_DECODE", Family: familyEncode, Syntax: "URL_DECODE(s)", Doc: "Undoes URL_ENCODE; NULL for a broken escape.", Params: "S",
		Ret: ret(types.StringT), MayNull: true,
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			d, err := url.QueryUnescape(string(a[0].Str(i)))
			o.Buf = append(o.Buf, d...)
			return err == nil
		}),
	},
	{
		Name: "PARSE_URL", Family: familyEncode, Syntax: "PARSE_URL(url, part[, key])",
		Doc:    "HOST, PATH, QUERY, REF, PROTOCOL, AUTHORITY, FILE or USERINFO of the URL, or one key's value of the QUERY; NULL when it is not there.",
		Params: "S S S?", Ret: ret(types.StringT), MayNull: true, Bind: textRows(parseURL),
	},
}

func sum224(s []byte) []byte { h := sha256.Sum224(s); return h[:] }
func sum256(s []byte) []byte { h := sha256.Sum256(s); return h[:] }
func sum384(s []byte) []byte { h := sha512.Sum384(s); return h[:] }
func sum512(s []byte) []byte { h := sha512.Sum512(s); return h[:] }

func digest(name string, digits int32, sum func([]byte) []byte) Func {
	return Func{
		Name: name, Family: familyEncode, Syntax: name + "(s)", Doc: "The digest of the text's UTF-8 bytes in hexadecimal digits.",
		Params: "S", Ret: ret(types.CharOf(digits)),
		Bind: textRows(func(o *vec.Vec, a []*vec.Vec, i int) bool {
			o.Buf = hex.AppendEncode(o.Buf, sum(a[0].Str(i)))
			return true
		}),
	}
}

func sha2(c *vec.Ctx, a []*vec.Vec, o *vec.Vec) error {
	sums := map[int64]func([]byte) []byte{224: sum224, 256: sum256, 384: sum384, 512: sum512}
	for i := range o.Len {
		if c.Wants(i, o) {
			sum, ok := sums[a[1].I64[i]]
			if !ok {
				return &Error{Msg: "SHA2: " + strconv.FormatInt(a[1].I64[i], 10) + " bits is not 224, 256, 384 or 512"}
			}
			o.Buf = hex.AppendEncode(o.Buf, sum(a[0].Str(i)))
		}
		o.End()
	}
	return nil
}

func parseURL(o *vec.Vec, a []*vec.Vec, i int) bool {
	u, err := url.Parse(string(a[0].Str(i)))
	if err != nil || u.Scheme == "" {
		return false
	}
	part := string(a[1].Str(i))
	if len(a) > 2 {
		return part == "QUERY" && queryKey(o, u.RawQuery, string(a[2].Str(i)))
	}
	query := ""
	if u.RawQuery != "" {
		query = "?" + u.RawQuery
	}
	text, ok := map[string]string{
		"HOST": u.Hostname(), "PATH": u.EscapedPath(), "QUERY": u.RawQuery, "REF": u.EscapedFragment(), "PROTOCOL": u.Scheme,
		"AUTHORITY": strings.TrimPrefix(u.User.String()+"@"+u.Host, "@"), "FILE": u.EscapedPath() + query, "USERINFO": u.User.String(),
	}[part]
	if part != "PATH" && part != "FILE" && text == "" {
		return false
	}
	o.Buf = append(o.Buf, text...)
	return ok
}

func queryKey(o *vec.Vec, query, key string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if k, v, ok := strings.Cut(pair, "="); ok && k == key {
			o.Buf = append(o.Buf, v...)
			return true
		}
	}
	return false
}
