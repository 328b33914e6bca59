package functions

import (
	"encoding/json"
	"strings"
	"testing"
)

// Lambda's rules, one a line: pattern for the value, then what matches it and what does not.
func TestFilterRules(t *testing.T) {
	for _, c := range []struct{ pattern, yes, no string }{
		{`{"a":["eu"]}`, `{"a":"eu"} {"a":["us","eu"]} {"b":1,"a":"eu"}`, `{"a":"EU"} {"a":null} {} {"a":{"eu":1}} {"a":[]}`},
		{`{"a":[""]}`, `{"a":""}`, `{"a":null} {}`},
		{`{"a":[null]}`, `{"a":null}`, `{"a":""} {} {"a":0}`},
		{`{"a":[5]}`, `{"a":5} {"a":5.0} {"a":5e0}`, `{"a":"5"} {"a":6}`},
		{`{"a":[9007199254740993]}`, `{"a":9007199254740993}`, `{"a":9007199254740992}`},
		{`{"a":[true,"x"]}`, `{"a":true} {"a":"x"}`, `{"a":false} {"a":"true"}`},
		{`{"a":["x"],"b":["y"]}`, `{"a":"x","b":"y"}`, `{"a":"x"} {"b":"y"} {"a":"y","b":"x"}`},
		{`{"a":{"b":["x"]}}`, `{"a":{"b":"x"}} {"a":[{"b":"z"},{"b":"x"}]}`, `{"a":"x"} {"b":"x"} {"a":[]}`},
		{`{"a":{"b":["x"],"c":[1]}}`, `{"a":[{"b":"x","c":1}]}`, `{"a":[{"b":"x"},{"c":1}]}`},
		{`{"a":[{"equals-ignore-case":"Eu"}]}`, `{"a":"eU"}`, `{"a":"eux"} {"a":1}`},
		{`{"a":[{"prefix":"dev-"}]}`, `{"a":"dev-1"} {"a":"dev-"}`, `{"a":"xdev-"} {"a":7} {}`},
		{`{"a":[{"prefix":{"equals-ignore-case":"DEV"}}]}`, `{"a":"dev-1"}`, `{"a":"de"}`},
		{`{"a":[{"suffix":".csv"}]}`, `{"a":"x.csv"}`, `{"a":".csvx"}`},
		{`{"a":[{"suffix":{"equals-ignore-case":".CSV"}}]}`, `{"a":"x.csv"}`, `{"a":"csv"}`},
		{`{"a":[{"anything-but":"x"}]}`, `{"a":"y"} {"a":5} {"a":null} {"a":["x","y"]}`, `{"a":"x"} {} {"a":["x"]}`},
		{`{"a":[{"anything-but":["x",5]}]}`, `{"a":"y"} {"a":6}`, `{"a":"x"} {"a":5.0}`},
		{`{"a":[{"anything-but":{"prefix":"x"}}]}`, `{"a":"yx"} {"a":5}`, `{"a":"xy"} {}`},
		{`{"a":[{"anything-but":{"suffix":["x","y"]}}]}`, `{"a":"xz"}`, `{"a":"zx"} {"a":"zy"}`},
		{`{"a":[{"anything-but":{"wildcard":"a*b"}}]}`, `{"a":"abc"}`, `{"a":"aXb"}`},
		{`{"a":[{"numeric":["=",7]}]}`, `{"a":7} {"a":7.0}`, `{"a":"7"} {"a":8} {}`},
		{`{"a":[{"numeric":[">",0,"<=",40]}]}`, `{"a":0.1} {"a":40}`, `{"a":0} {"a":40.5} {"a":-1}`},
		{`{"a":[{"numeric":["<",0]},{"numeric":[">=",10]}]}`, `{"a":-1} {"a":10}`, `{"a":0} {"a":9}`},
		{`{"a":[{"exists":true}]}`, `{"a":null} {"a":0} {"a":["x"]}`, `{} {"a":{"b":1}} {"a":[]}`},
		{`{"a":[{"exists":false}]}`, `{} {"b":1}`, `{"a":null}`},
		{`{"a":{"b":[{"exists":false}]}}`, `{} {"a":{}} {"a":{"c":1}}`, `{"a":{"b":1}}`},
		{`{"$or":[{"a":["x"]},{"b":["y"]}]}`, `{"a":"x"} {"b":"y"}`, `{"a":"y"} {}`},
		{`{"c":[1],"$or":[{"a":["x"]},{"b":["y"]}]}`, `{"a":"x","c":1}`, `{"a":"x"} {"c":1}`},
		{`{"a":[{"wildcard":"plant/*/temp"}]}`, `{"a":"plant/7/temp"} {"a":"plant//temp"}`, `{"a":"plant/temp"} {"a":"plant/7/temps"}`},
		{`{"a":[{"wildcard":"*a*b*"}]}`, `{"a":"xaxbx"} {"a":"ab"}`, `{"a":"ba"}`},
		{`{"a":[{"wildcard":"a\\*b"}]}`, `{"a":"a*b"}`, `{"a":"axb"}`},
		{`{"a":[{"cidr":"10.1.0.0/16"}]}`, `{"a":"10.1.255.1"}`, `{"a":"10.2.0.1"} {"a":"x"} {"a":10}`},
	} {
		f, err := CompileFilter(`{"value":` + c.pattern + `}`)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		for values, want := range map[string]bool{c.yes: true, c.no: false} {
			for _, v := range strings.Fields(values) {
				if matches([]*Filter{f}, &Record{Value: []byte(v)}) != want {
					t.Errorf("%s over %s: want %v", c.pattern, v, want)
				}
			}
		}
	}
}

// What of a record a filter sees: its JSON or its text, and beyond Lambda the rest; one of several is enough.
func TestFilterRecords(t *testing.T) {
	r := Record{
		Topic: "t", Partition: 3, Offset: 41, Timestamp: 1000, Key: []byte("k"), Value: []byte("plain text"),
		Headers: header(header(nil, "site", []byte("a")), "none", nil), HeaderCount: 2,
	}
	for p, want := range map[string]bool{
		`{"value":["plain text"]}`:                                  true,
		`{"value":[{"prefix":"plain"}]}`:                            true,
		`{"value":{"a":[{"exists":false}]}}`:                        false, // no JSON, no match
		`{"key":["k"],"partition":[3],"offset":[41],"topic":["t"]}`: true,
		`{"timestamp":[{"numeric":[">=",1000]}]}`:                   true,
		`{"headers":{"site":["a"],"none":[null]}}`:                  true,
		`{"headers":{"other":[{"exists":true}]}}`:                   false,
		`{"$or":[{"value":{"a":[1]}},{"key":["k"]}]}`:               true,
	} {
		f, err := CompileFilter(p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
		} else if matches([]*Filter{f}, &r) != want {
			t.Errorf("%s: want %v", p, want)
		}
	}
	never, _ := CompileFilter(`{"key":["x"]}`)
	always, _ := CompileFilter(`{"key":["k"]}`)
	if !matches([]*Filter{never, always}, &r) || matches([]*Filter{never, never}, &r) || !matches(nil, &r) {
		t.Error("one filter of several is enough, and none lets all through")
	}
	if matches([]*Filter{always}, &Record{}) {
		t.Error("a null key is not k")
	}
}

// A pattern that could never mean anything is refused with its place.
func TestFilterErrors(t *testing.T) {
	for p, want := range map[string]string{
		`[]`:                                    "[] is not an object",
		`{"value":`:                             "unexpected end of JSON",
		`{}`:                                    `the pattern at "" is empty`,
		`{"data":["x"]}`:                        `records have no member "data"; a pattern for their data goes below "value"`,
		`{"value":{"a":5}}`:                     "value.a: 5 is neither an object nor a list of rules",
		`{"value":{"a":[]}}`:                    "value.a: the list of rules is empty",
		`{"value":{"a":[{"like":"x"}]}}`:        `value.a: unknown operator "like"`,
		`{"value":{"a":[{"prefix":5}]}}`:        "value.a: prefix takes a text, not 5",
		`{"value":{"a":[{"numeric":[">"]}]}}`:   "value.a: numeric takes pairs of an operator and a number, not [>]",
		`{"value":{"a":[{"numeric":["~",1]}]}}`: "value.a: numeric: unknown operator ~",
		`{"value":{"a":[{"wildcard":"a**"}]}}`:  `value.a: wildcard "a**" has two * in a row`,
		`{"value":{"a":[{"exists":1}]}}`:        "value.a: exists takes true or false, not 1",

		`{"value":{"a":[{"prefix":"a","suffix":"b"}]}}`: "value.a: a rule has one operator, not 2",
		`{"value":{"a":[["x"]]}}`:                       "value.a: [x] is no rule",
	} {
		_, err := CompileFilter(p)
		if err == nil || err.Error() != "compile filter: "+want {
			t.Errorf("%s: got %v, want %s", p, err, want)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	f, err := CompileFilter(`{"value":{"arr_delay":[{"numeric":[">",60]}],"origin":["EWR","JFK"]}}`)
	if err != nil {
		b.Fatal(err)
	}
	r := Record{Value: []byte(`{"year":2013,"month":1,"day":1,"dep_time":517,"sched_dep_time":515,"dep_delay":2,"arr_time":830,` +
		`"sched_arr_time":819,"arr_delay":71,"carrier":"UA","flight":1545,"tailnum":"N14228","origin":"EWR","dest":"IAH",` +
		`"air_time":227,"distance":1400,"hour":5,"minute":15,"time_hour":"2013-01-01 10:00:00"}`)}
	for b.Loop() {
		if !matches([]*Filter{f}, &r) {
			b.Fatal("no match")
		}
	}
}

// No pattern and no record makes a filter panic, and a filter that asks for nothing but an absent member agrees with its
// opposite.
func FuzzFilter(f *testing.F) {
	f.Add(`{"value":{"a":[{"anything-but":{"prefix":["x"]}}],"$or":[{"b":[1]},{"c":{"d":[null]}}]}}`, `{"a":"y","b":1,"c":[{"d":null}]}`)
	f.Add(`{"value":[{"wildcard":"a*\\*b"}]}`, `a*b`)
	f.Add(`{"key":[{"numeric":[">",1,"<",2]}],"headers":{"h":[{"cidr":"::/0"}]}}`, `[[],{}]`)
	f.Fuzz(func(t *testing.T, pattern, value string) {
		r := &Record{Key: []byte(value), Value: []byte(value), Headers: header(nil, "h", []byte(value)), HeaderCount: 1}
		if c, err := CompileFilter(pattern); err == nil {
			matches([]*Filter{c}, r)
		}
		there, _ := CompileFilter(`{"value":{"a":[{"exists":true}]}}`)
		missing, _ := CompileFilter(`{"value":{"a":[{"exists":false}]}}`)
		isObject := strings.HasPrefix(strings.TrimLeft(value, " \t\r\n"), "{") && json.Valid([]byte(value))
		if a, b := matches([]*Filter{there}, r), matches([]*Filter{missing}, r); isObject && a == b || !isObject && (a || b) {
			t.Errorf("%q: there %v, missing %v", value, a, b)
		}
	})
}
