package plan

import (
	"fmt"
	"time"

	"github.com/weirhub/weir/sql/types"
)

// WindowKind is the shape of windows.
type WindowKind uint8

// The window functions.
const (
	Tumble WindowKind = iota
	Hop
	Cumulate
	Session
)

func (k WindowKind) String() string { return [...]string{"TUMBLE", "HOP", "CUMULATE", "SESSION"}[k] }

// Window cuts event time into windows. All lengths are in ms. A row at time t lies in the TUMBLE window that starts at
// t - floorMod(t - Offset, Size).
type Window struct {
	Kind   WindowKind
	Time   int   // the event time column of the input
	Size   int64 // of SESSION: the gap that ends it
	Slide  int64 // HOP's slide, CUMULATE's step
	Offset int64
}

// String is canonical: it goes into operator ids. The time column is named by the caller.
func (w Window) String() string {
	s := fmt.Sprintf("%s(size=%s", w.Kind, millis(w.Size))
	if w.Slide != 0 {
		s += ", slide=" + millis(w.Slide)
	}
	if w.Offset != 0 {
		s += ", offset=" + millis(w.Offset)
	}
	return s + ")"
}

func millis(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }

// The names of the columns that window functions add.
const (
	WindowStartName = "window_start"
	WindowEndName   = "window_end"
	WindowTimeName  = "window_time"
)

// WindowFields are the three columns that a window function adds behind its input's: the bounds, and the last
// millisecond of the window, which is an event time attribute.
func WindowFields() types.Schema {
	bound := types.TimestampOf(3).NotNull()
	last := bound
	last.RowTime = true
	return types.Schema{{Name: WindowStartName, Type: bound}, {Name: WindowEndName, Type: bound}, {Name: WindowTimeName, Type: last}}
}

// WindowAssign puts each row into its windows: the input's columns (its time column is an ordinary timestamp from here
// on), then WindowFields. A row of several windows comes once for each.
type WindowAssign struct {
	Base
	Input  Node
	Window Window
}

// Inputs of a WindowAssign: one.
func (n *WindowAssign) Inputs() []Node { return []Node{n.Input} }

// WindowAggregate is a GROUP BY over a window: a group comes out once, when the watermark reaches the window's end. Its
// columns are the keys, then WindowFields, then the aggregates.
type WindowAggregate struct {
	Base
	Input  Node
	Window Window
	Keys   []int
	Aggs   []AggCall
}

// Inputs of a WindowAggregate: one.
func (n *WindowAggregate) Inputs() []Node { return []Node{n.Input} }
