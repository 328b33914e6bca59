package generate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/weirhub/weir/stream"
)

// Kind is how a column's values are made.
type Kind uint8

// The kinds of columns.
const (
	Sequence Kind = iota // BIGINT: Min, Min+1, ...
	Random               // BIGINT or DOUBLE, evenly between Min and Max, both included for BIGINT
	Choice               // STRING: one of Choices
	Word                 // STRING: Length random letters
	Flag                 // BOOLEAN
	Time                 // TIMESTAMP(3): Start plus n times Step
)

// Field is a column.
type Field struct {
	Name     string
	Kind     Kind
	Double   bool    // Random: DOUBLE instead of BIGINT
	Min, Max float64 // whole numbers for BIGINT
	Choices  []string
	Length   int
	Start    time.Time
	Step     time.Duration
	Nulls    float64 // the share of NULLs, 0 to 1
}

// Options say what a Source makes.
type Options struct {
	Fields    []Field
	Rows      int64 // 0: without end
	PerSecond int64 // 0: as fast as rows are taken
	Seed      uint64
}

// batchRows is the size of a batch of a source without a rate: as other sources have it.
const batchRows = 8192

// ticksPerSecond is how often a source with a rate gives a batch: often enough to look steady, and seldom enough that a
// batch of a high rate is worth its cost.
const ticksPerSecond = 20

// maxWord bounds the text of one value.
const maxWord = 1 << 20

// Schema is the schema of the rows.
func Schema(fields []Field) *arrow.Schema {
	out := make([]arrow.Field, len(fields))
	for i, f := range fields {
		out[i] = arrow.Field{Name: f.Name, Type: f.dataType(), Nullable: f.Nulls > 0}
	}
	return arrow.NewSchema(out, nil)
}

func (f *Field) dataType() arrow.DataType {
	switch {
	case f.Kind == Random && f.Double:
		return arrow.PrimitiveTypes.Float64
	case f.Kind == Choice || f.Kind == Word:
		return arrow.BinaryTypes.String
	case f.Kind == Flag:
		return arrow.FixedWidthTypes.Boolean
	case f.Kind == Time:
		return &arrow.TimestampType{Unit: arrow.Millisecond}
	default:
		return arrow.PrimitiveTypes.Int64
	}
}

func (o *Options) check() error {
	if len(o.Fields) == 0 {
		return errors.New("generate rows: no columns")
	}
	if o.Rows < 0 || o.PerSecond < 0 {
		return errors.New("generate rows: rows and rows per second cannot be negative")
	}
	for _, f := range o.Fields {
		switch {
		case f.Kind == Choice && len(f.Choices) == 0:
			return fmt.Errorf("generate column %s: no choices", f.Name)
		case f.Kind == Random && (f.Max < f.Min || math.IsNaN(f.Max-f.Min)):
			return fmt.Errorf("generate column %s: max %v is below min %v", f.Name, f.Max, f.Min)
		case f.Kind == Word && (f.Length < 0 || f.Length > maxWord):
			return fmt.Errorf("generate column %s: length %d is not between 0 and %d", f.Name, f.Length, maxWord)
		case f.Nulls < 0 || f.Nulls > 1:
			return fmt.Errorf("generate column %s: share of nulls %v is not between 0 and 1", f.Name, f.Nulls)
		}
	}
	return nil
}

// Source makes the rows of one task: task i of n makes rows i, i+n, i+2n and so on. Its split is named "<i> of <n>"; a
// position is a number of rows of the split. After a change of parallelism it begins anew, because rows are dealt
// differently.
type Source struct {
	o     Options
	task  stream.Task
	split string
	rows  int64 // of this task; 0 rows and a bound: none
	at    int64
	build *array.RecordBuilder
	next  time.Time // when the next batch is due
}

// NewSource makes the source of one task.
func NewSource(o Options, task stream.Task) (*Source, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Source{o: o, task: task, split: fmt.Sprintf("%d of %d", task.Index, task.Of)}
	s.build = array.NewRecordBuilder(memory.DefaultAllocator, Schema(o.Fields))
	s.rows = math.MaxInt64
	if o.Rows > 0 {
		s.rows = (o.Rows - int64(task.Index) + int64(task.Of) - 1) / int64(task.Of)
	}
	return s, nil
}

// Open goes to the position.
func (s *Source) Open(_ context.Context, from []stream.Position) error {
	for _, p := range from {
		if p.Split == s.split {
			s.at = p.Offset
		} else {
			var i, n int
			if _, err := fmt.Sscanf(p.Split, "%d of %d", &i, &n); err == nil && n != s.task.Of {
				return stream.Permanent(fmt.Errorf("generate rows: the last checkpoint is of %d tasks, and now there are %d", n, s.task.Of))
			}
		}
	}
	if s.o.Rows > 0 {
		s.task.Metrics.AddProgress(s.at, s.rows)
	}
	s.next = time.Now()
	return nil
}

// Splits is the one split of the task.
func (s *Source) Splits() []string { return []string{s.split} }

// Read makes the next batch when it is due.
func (s *Source) Read(ctx context.Context) (stream.Batch, error) {
	if s.at >= s.rows {
		return stream.Batch{}, io.EOF
	}
	n := int64(batchRows)
	if s.o.PerSecond > 0 {
		var err error
		if n, err = s.pace(ctx); err != nil {
			return stream.Batch{}, err
		}
	}
	n = min(n, s.rows-s.at)
	for i := range s.o.Fields {
		s.fill(i, n)
	}
	s.at += n
	if s.o.Rows > 0 {
		s.task.Metrics.AddProgress(n, 0)
	}
	return stream.Batch{
		Rec: s.build.NewRecordBatch(), End: s.at >= s.rows,
		Pos: stream.Position{Split: s.split, Offset: s.at},
	}, nil
}

// pace waits until the next batch is due and says how many rows it has. A reader that was slow gets no burst afterwards:
// the rate is an upper bound.
func (s *Source) pace(ctx context.Context) (int64, error) {
	share := float64(s.o.PerSecond) / float64(s.task.Of)
	n := min(max(1, int64(share/ticksPerSecond)), batchRows)
	s.next = s.next.Add(time.Duration(float64(n) / share * float64(time.Second)))
	wait := time.Until(s.next)
	if wait < 0 {
		s.next = time.Now()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return n, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// fill makes n values of a column.
func (s *Source) fill(column int, n int64) {
	f, b := &s.o.Fields[column], s.build.Field(column)
	b.Reserve(int(n))
	for i := range n {
		row := s.task.Index + int(s.at+i)*s.task.Of
		r := hash(s.o.Seed, uint64(column), uint64(row))
		if f.Nulls > 0 && unit(hash(r, 1, 0)) < f.Nulls {
			b.AppendNull()
			continue
		}
		appendValue(b, f, int64(row), r)
	}
}

func appendValue(b array.Builder, f *Field, row int64, r uint64) {
	switch b := b.(type) {
	case *array.Int64Builder:
		if f.Kind == Sequence {
			b.Append(int64(f.Min) + row)
			return
		}
		b.Append(int64(f.Min) + int64(below(r, uint64(int64(f.Max)-int64(f.Min))+1)))
	case *array.Float64Builder:
		b.Append(f.Min + unit(r)*(f.Max-f.Min))
	case *array.BooleanBuilder:
		b.Append(r>>63 == 1)
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(f.Start.Add(time.Duration(row) * f.Step).UnixMilli()))
	case *array.StringBuilder:
		if f.Kind == Choice {
			b.Append(f.Choices[below(r, uint64(len(f.Choices)))])
			return
		}
		b.Append(word(r, f.Length))
	}
}

// hash mixes three numbers into one that looks random (the finaliser of splitmix64, thrice).
func hash(a, b, c uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range [3]uint64{a, b, c} {
		h += v + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// unit is r as a number from 0 to below 1; below is r as a number from 0 to below n (n 0: any).
func unit(r uint64) float64 { return float64(r>>11) / (1 << 53) }

func below(r, n uint64) uint64 {
	if n == 0 {
		return r
	}
	hi, _ := bits.Mul64(r, n)
	return hi
}

func word(r uint64, length int) string {
	out := make([]byte, length)
	for i := range out {
		out[i] = 'a' + byte(below(hash(r, uint64(i), 2), 26))
	}
	return string(out)
}

// Close gives the builder's memory back.
func (s *Source) Close() error {
	s.build.Release()
	return nil
}

// ParseKind reads a kind's name.
func ParseKind(name string) (Kind, error) {
	for i, k := range kindNames {
		if k == name {
			return Kind(i), nil
		}
	}
	return 0, fmt.Errorf("unknown kind of column %s: use sequence, random, choice, word, flag or time", strconv.Quote(name))
}

var kindNames = [...]string{"sequence", "random", "choice", "word", "flag", "time"}

func (k Kind) String() string { return kindNames[k] }
