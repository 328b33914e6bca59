package admin

import (
	"encoding/json"
	"time"
)

// Hub says where a hub's doors are.
type Hub struct {
	Version  string   `json:"version"`
	Kafka    []string `json:"kafka"`    // bootstrap addresses: its own broker, or the external cluster
	External bool     `json:"external"` // the topics live in an external Kafka cluster
	AWS      string   `json:"aws"`
	HTTP     string   `json:"http"`
	Data     string   `json:"data"`
	File     string   `json:"file,omitempty"`
}

// Kinds of parts, in the order in which a summary shows them.
const (
	KindSource   = "source"
	KindFunction = "function"
	KindQuery    = "query"
	KindSink     = "sink"
	KindStream   = "stream"
)

// States of parts.
const (
	StateStarting = "starting"
	StateRunning  = "running"
	StateDone     = "done"
	StateFailed   = "failed"
)

// Status is the hub's state at one moment.
type Status struct {
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	Parts   []Part    `json:"parts"`
}

// Part is one source, function trigger, query, sink or stream.
type Part struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	From   string `json:"from,omitempty"` // a topic, or a file's path
	To     string `json:"to,omitempty"`
	Detail string `json:"detail,omitempty"` // "python3 app.handler", "parquet zstd"
	State  string `json:"state"`
	Error  string `json:"error,omitempty"`

	RecordsIn   int64   `json:"records_in"`
	RecordsOut  int64   `json:"records_out"`
	BytesIn     int64   `json:"bytes_in"`
	BytesOut    int64   `json:"bytes_out"`
	LateRows    int64   `json:"late_rows"`
	DeadLetters int64   `json:"dead_letters"`
	Lag         int64   `json:"lag"`  // records not read yet; -1: unknown
	Rate        float64 `json:"rate"` // records in per second, over the last seconds
	Seconds     float64 `json:"seconds"`
	Restarts    int64   `json:"restarts"`
	// Done of Total bytes have been read of a bounded input; Total 0: not bounded.
	Done  int64 `json:"done,omitempty"`
	Total int64 `json:"total,omitempty"`
	// Watermark is the event time in ms up to which the part has seen everything; nil: none yet.
	Watermark *int64 `json:"watermark,omitempty"`
	// SQL is a query's statement.
	SQL string `json:"sql,omitempty"`
}

// SQLRequest asks the hub to run statements.
type SQLRequest struct {
	SQL    string `json:"sql"`
	Follow bool   `json:"follow"` // go on with new records until the client leaves
	// Changelog asks for every change; without it, and without Follow, the rows that are left at the end are given.
	Changelog bool `json:"changelog,omitempty"`
	// Dir is where relative paths of files start: the client's working directory. Without it, that of the hub's file.
	Dir string `json:"dir,omitempty"`
}

// SQLLine is one line of the answer: columns first, then changes; a message from a statement without rows; or an error.
type SQLLine struct {
	Columns []SQLColumn     `json:"columns,omitempty"`
	Op      string          `json:"op,omitempty"` // "+I", "-U", "+U", "-D"
	Row     json.RawMessage `json:"row,omitempty"`
	Message string          `json:"message,omitempty"`
	Error   *SQLError       `json:"error,omitempty"`
	// Warning tells of records that could not be read.
	Warning string `json:"warning,omitempty"`
	// End closes a statement's rows: the input as noted at the start has been read whole.
	End bool `json:"end,omitempty"`
}

// SQLColumn is a column of a result.
type SQLColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// SQLError is a mistake in a statement; Line and Col count from 1, 0 when the place is unknown.
type SQLError struct {
	Line   int    `json:"line,omitempty"`
	Col    int    `json:"col,omitempty"`
	Msg    string `json:"message"`
	Hint   string `json:"hint,omitempty"`
	Render string `json:"render,omitempty"` // with the source line and a caret
}

// ErrorBody is the JSON of every answer that is not 2xx.
type ErrorBody struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}
