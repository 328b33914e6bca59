package format

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow/memory"
)

// TimestampFormat is how timestamps stand as text.
type TimestampFormat uint8

const (
	// TimestampAny reads both forms, with or without an offset (one without is UTC); it writes SQL's.
	TimestampAny TimestampFormat = iota
	// TimestampSQL is Flink's default: "2013-01-01 10:00:00.123", with a final Z for TIMESTAMP_LTZ.
	TimestampSQL
	// TimestampISO is Flink's ISO-8601: "2013-01-01T10:00:00.123", with a final Z for TIMESTAMP_LTZ.
	TimestampISO
)

// Options tune the formats. The zero value is a good default for each.
type Options struct {
	// IgnoreParseErrors turns a value that does not fit its column into NULL, and drops a record that is not of its
	// format at all, as Flink's option of that name. Otherwise both make a stream.BadRecord.
	IgnoreParseErrors bool
	// FailOnMissingField makes a JSON record bad that lacks a field. Not together with IgnoreParseErrors.
	FailOnMissingField bool
	Timestamps         TimestampFormat
	// KeepNullValues makes a row of NULLs from a record whose value is null (a tombstone); otherwise json and csv skip it.
	KeepNullValues bool

	// Delimiter separates CSV fields; 0 is ','.
	Delimiter byte
	// Quote is CSV's quote; 0 is '"'. NoQuote takes quotes as text.
	Quote   byte
	NoQuote bool
	// NullLiterals are CSV texts that mean NULL when they stand without quotes: "NA", "NULL".
	NullLiterals []string
	// EmptyIsNull makes an empty CSV field without quotes NULL for STRING columns too; other types always take it so.
	EmptyIsNull bool
	// AllowComments skips CSV lines that begin with '#'.
	AllowComments bool
	// RaggedIsNull fills a CSV record that has too few fields with NULLs and takes no notice of fields too many;
	// otherwise such a record is bad. IgnoreParseErrors fills and, as Flink, drops records with fields too many.
	RaggedIsNull bool
	// Header is CSV's header: the names of the fields in order. Nil: the fields of the plan in their order.
	Header []string

	// IgnoreNullFields leaves NULL columns out of the JSON that is written.
	IgnoreNullFields bool

	// Mem gives the memory of the columns; nil is Go's heap. Released columns go back to it.
	Mem memory.Allocator
}

func (o *Options) delimiter() byte {
	if o.Delimiter == 0 {
		return ','
	}
	return o.Delimiter
}

func (o *Options) quote() byte {
	if o.Quote == 0 {
		return '"'
	}
	return o.Quote
}

func (o *Options) mem() memory.Allocator {
	if o.Mem == nil {
		return memory.DefaultAllocator
	}
	return o.Mem
}

// option is one row of the table of option words.
type option struct {
	name    string
	formats string // the formats that know it
	set     func(o *Options, v string) error
}

func boolOption(field func(o *Options) *bool) func(*Options, string) error {
	return func(o *Options, v string) error {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", v)
		}
		*field(o) = b
		return nil
	}
}

func byteOption(field func(o *Options) *byte) func(*Options, string) error {
	return func(o *Options, v string) error {
		if v == `\t` {
			v = "\t"
		}
		if len(v) != 1 || v[0] >= utf8.RuneSelf || v == "\n" || v == "\r" {
			return fmt.Errorf("%q is not one ASCII character", v)
		}
		*field(o) = v[0]
		return nil
	}
}

// options are the words of CREATE TABLE's WITH clause, without the format's prefix ("json.", "csv.").
var options = []option{
	{"ignore-parse-errors", "json csv", boolOption(func(o *Options) *bool { return &o.IgnoreParseErrors })},
	{"fail-on-missing-field", "json", boolOption(func(o *Options) *bool { return &o.FailOnMissingField })},
	{"timestamp-format.standard", "json csv", setTimestamps},
	{"encode.ignore-null-fields", "json", boolOption(func(o *Options) *bool { return &o.IgnoreNullFields })},
	{"field-delimiter", "csv", byteOption(func(o *Options) *byte { return &o.Delimiter })},
	{"quote-character", "csv", byteOption(func(o *Options) *byte { return &o.Quote })},
	{"disable-quote-character", "csv", boolOption(func(o *Options) *bool { return &o.NoQuote })},
	{"allow-comments", "csv", boolOption(func(o *Options) *bool { return &o.AllowComments })},
	{"null-literal", "csv", func(o *Options, v string) error { o.NullLiterals = append(o.NullLiterals, v); return nil }},
	{"empty-is-null", "csv", boolOption(func(o *Options) *bool { return &o.EmptyIsNull })},
	{"ragged-is-null", "csv", boolOption(func(o *Options) *bool { return &o.RaggedIsNull })},
}

func setTimestamps(o *Options, v string) error {
	switch strings.ToUpper(v) {
	case "SQL":
		o.Timestamps = TimestampSQL
	case "ISO-8601":
		o.Timestamps = TimestampISO
	case "ANY":
		o.Timestamps = TimestampAny
	default:
		return fmt.Errorf("%q is none of SQL, ISO-8601, ANY", v)
	}
	return nil
}

// OptionNames are the option words that a format knows.
func OptionNames(format string) []string {
	var out []string
	for _, o := range options {
		if slices.Contains(strings.Fields(o.formats), format) {
			out = append(out, o.name)
		}
	}
	return out
}

// Names are the formats there are.
func Names() []string { return []string{"json", "csv", "raw"} }

// ParseOptions reads a format's options from words as Flink spells them, without the format's prefix:
// "ignore-parse-errors", "null-literal". Without "timestamp-format.standard" timestamps are read in either form;
// a caller that wants Flink's strictness sets it to SQL.
func ParseOptions(format string, words map[string]string) (Options, error) {
	var o Options
	for _, name := range slices.Sorted(maps.Keys(words)) {
		i := slices.IndexFunc(options, func(p option) bool {
			return p.name == name && slices.Contains(strings.Fields(p.formats), format)
		})
		if i < 0 {
			return o, fmt.Errorf("format %s has no option %s", format, name)
		}
		if err := options[i].set(&o, words[name]); err != nil {
			return o, fmt.Errorf("option %s.%s: %w", format, name, err)
		}
	}
	return o, o.check()
}

func (o *Options) check() error {
	if o.IgnoreParseErrors && o.FailOnMissingField {
		return fmt.Errorf("options ignore-parse-errors and fail-on-missing-field exclude each other")
	}
	if !o.NoQuote && o.delimiter() == o.quote() {
		return fmt.Errorf("field-delimiter and quote-character are both %q", o.delimiter())
	}
	return nil
}
