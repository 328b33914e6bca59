package types

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Field is a named column.
type Field struct {
	Name string
	Type Type
}

// Schema is the columns of a relation, in order.
type Schema []Field

// Arrow is the schema of the record batches that carry the relation.
func (s Schema) Arrow() *arrow.Schema {
	fields := make([]arrow.Field, len(s))
	for i, f := range s {
		fields[i] = arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: f.Type.Nullable}
	}
	return arrow.NewSchema(fields, nil)
}

// Types are the columns' types.
func (s Schema) Types() []Type {
	ts := make([]Type, len(s))
	for i, f := range s {
		ts[i] = f.Type
	}
	return ts
}

// Index is the first column of that name, or -1. Names are case-sensitive, as Flink's.
func (s Schema) Index(name string) int {
	for i, f := range s {
		if f.Name == name {
			return i
		}
	}
	return -1
}

// String is `(a INT, b STRING NOT NULL)`.
func (s Schema) String() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, f := range s {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Name + " " + f.Type.String())
	}
	b.WriteByte(')')
	return b.String()
}
