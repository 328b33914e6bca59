package secret

import (
	"strings"
	"testing"
)

// A secret is hidden wherever it may stand, and what is around it can still be read (X1); masking again changes nothing (X2).
func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"nats://u:S3cr3t-Zq!@h:4222":                                              "nats://u:***@h:4222",
		"nats://u:S3cr3t-Zq%21@h:4222/x?y=1":                                      "nats://u:***@h:4222/x?y=1",
		"a://u:S3cr3t@h1:1,b://v:S3cr3t@h2:2":                                     "a://u:***@h1:1,b://v:***@h2:2",
		"[kafka://u:S3@cr3t@h:9092, 'kafka://u:S3cr3t@i']":                        "[kafka://u:***@h:9092, 'kafka://u:***@i']",
		"postgres://:S3cr3t@[::1]:5432/db":                                        "postgres://:***@[::1]:5432/db",
		"'properties.sasl.jaas.config' = 'x password=\"S3cr3t\";', 'topic' = 't'": "'properties.sasl.jaas.config' = '***', 'topic' = 't'",
		"'ssl.key.password'='S3''cr3t', 'a'='b'":                                  "'ssl.key.password'='***', 'a'='b'",
		"'password' = 'S3\ncr3t'\nFROM t":                                         "'password' = '***\n'\nFROM t",
		"'password' = 'S3cr3t without an end":                                     "'password' = '***'",
		"  password: S3cr3t # mine":                                               "  password: ***",
		"env: {DB_PASSWORD: S3cr3t, B: 1}":                                        "env: {DB_PASSWORD: ***",
		"aws_secret_access_key=S3cr3t":                                            "aws_secret_access_key=***",
		`{"token":"S3cr3t"}`:                                                      `{"token":***`,
		"Authorization: Bearer S3cr3t-Zq!":                                        "Authorization: ***",
		"header was Bearer S3cr3t-Zq!":                                            "header was Bearer ***",
		"http://localhost:8080/v1":                                                "http://localhost:8080/v1",
		"listen on 127.0.0.1:9092: in use":                                        "listen on 127.0.0.1:9092: in use",
		"SELECT tokens FROM t WHERE k = 'v'":                                      "SELECT tokens FROM t WHERE k = 'v'",
		"mail me@example.org: it is at https://example.org/a@b":                   "mail me@example.org: it is at https://example.org/a@b",
	} {
		got := Mask(in)
		if got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
		if again := Mask(got); again != got {
			t.Errorf("%s: masked twice it is %s", got, again)
		}
		if strings.Count(in, "\n") != strings.Count(got, "\n") {
			t.Errorf("%q has other lines", got)
		}
	}
}

// A value that is known to be secret is hidden wherever it stands, percent-encoded and line by line too; one that is too
// short to be a secret is not looked for.
func TestValues(t *testing.T) {
	var v Values
	v.Add("S3cr3t-Zq!")
	v.Add("first line\nsecond/line\n")
	v.Add("on")
	for in, want := range map[string]string{
		"dial S3cr3t-Zq!: refused":          "dial ***: refused",
		"GET /?p=S3cr3t-Zq%21&x=1":          "GET /?p=***&x=1",
		"log: second/line of second%2Fline": "log: *** of ***",
		"turned on":                         "turned on",
	} {
		if got := v.Mask(in); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
}
