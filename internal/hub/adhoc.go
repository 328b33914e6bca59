package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirhub/weir/connectors/topic"
	"github.com/weirhub/weir/internal/admin"
	"github.com/weirhub/weir/internal/config"
	"github.com/weirhub/weir/internal/secret"
	"github.com/weirhub/weir/sql"
	"github.com/weirhub/weir/sql/result"
	"github.com/weirhub/weir/sql/types"
	"github.com/weirhub/weir/stream"
)

// session runs the statements of one request.
type session struct {
	h       *Hub // nil: files only
	d       *declared
	follow  bool
	fold    bool // show what is left at the end, not how it came to be
	emit    func(admin.SQLLine) error
	others  []string // topics that the file does not declare
	dir     string   // where relative paths of files start
	pipeID  string
	cluster *topic.Cluster
}

// SQL runs statements over the hub's topics, and over files.
func (h *Hub) SQL(ctx context.Context, req admin.SQLRequest, emit func(admin.SQLLine) error) error {
	others, err := h.cluster.Topics(ctx)
	if err != nil {
		return err
	}
	s := &session{
		h: h, d: h.declared, follow: req.Follow, fold: !req.Follow && !req.Changelog, emit: emit, others: others,
		dir: cmp.Or(req.Dir, h.o.File.Dir), pipeID: newPipelineID(), cluster: h.cluster,
	}
	return masked(h.o.File, s.run(ctx, req.SQL))
}

// newPipelineID names a statement that is run once.
func newPipelineID() string { return "sql-" + uuid.NewString() }

// RunFiles runs statements that read only files; no hub is needed.
func RunFiles(ctx context.Context, req admin.SQLRequest, emit func(admin.SQLLine) error) error {
	s := &session{d: &declared{f: &config.File{}}, fold: !req.Changelog, emit: emit, dir: req.Dir, pipeID: "sql"}
	return s.run(ctx, req.SQL)
}

// OnlyFiles reports whether statements can be run without a hub: they name no table that is not a file, and do not ask
// which tables there are. Statements with other mistakes can be refused without a hub as well.
func OnlyFiles(text string) bool {
	d := &declared{f: &config.File{}}
	e := d.engine(newConnectors(nil, nil, nil), nil)
	statements, errs := e.Compile(text)
	if slices.ContainsFunc(errs, func(e *sql.Error) bool { return e.Missing != "" }) ||
		slices.ContainsFunc(statements, func(st *sql.Statement) bool { return st.ListsTables }) {
		return false
	}
	for _, name := range e.Catalog.Tables() {
		if e.Catalog.Table(name).Connector != fileConnector {
			return false // the statements declare a table over a topic
		}
	}
	return true
}

func (s *session) run(ctx context.Context, text string) error {
	x := topic.NewTransaction(s.cluster, topic.TransactionOptions{Pipeline: s.pipeID})
	ends := func(string) read { return read{bounded: !s.follow} }
	c := newConnectors(s.cluster, x, ends)
	c.dir = s.dir
	if s.cluster == nil {
		c.x = nil
	}
	e := s.d.engine(c, s.others)
	e.Bounded = s.fold
	statements, errs := e.Compile(text)
	for _, e := range errs {
		if err := s.emit(admin.SQLLine{Error: sqlError(e, text)}); err != nil {
			return err
		}
	}
	if len(errs) > 0 {
		return nil
	}
	for _, st := range statements {
		for _, w := range st.Warnings {
			if err := s.emit(admin.SQLLine{Warning: secret.Mask(w.Error())}); err != nil {
				return err
			}
		}
		if err := s.statement(ctx, st, c); err != nil {
			return err
		}
	}
	return nil
}

func sqlError(e *sql.Error, text string) *admin.SQLError {
	return &admin.SQLError{Line: e.Line, Col: e.Col, Msg: secret.Mask(e.Msg), Hint: secret.Mask(e.Hint), Render: e.Render("", text)}
}

func (s *session) statement(ctx context.Context, st *sql.Statement, c *connectors) error {
	switch st.Kind {
	case sql.Rows:
		return s.rows(st)
	case sql.Done:
		return s.emit(admin.SQLLine{Message: strings.TrimSpace("ok " + st.Target)})
	case sql.Query:
		return s.query(ctx, st)
	case sql.Insert:
		return s.insert(ctx, st, c)
	}
	return nil
}

// rows shows what EXPLAIN, SHOW and DESCRIBE gave.
func (s *session) rows(st *sql.Statement) error {
	var cols []admin.SQLColumn
	for _, name := range st.Columns {
		cols = append(cols, admin.SQLColumn{Name: name, Type: "STRING"})
	}
	if err := s.emit(admin.SQLLine{Columns: cols}); err != nil {
		return err
	}
	for _, cells := range st.Cells {
		row, err := json.Marshal(cells)
		if err != nil {
			return fmt.Errorf("show rows: %w", err)
		}
		if err := s.emit(admin.SQLLine{Op: stream.Insert.String(), Row: json.RawMessage(row)}); err != nil {
			return err
		}
	}
	return s.emit(admin.SQLLine{End: true})
}

func (s *session) query(ctx context.Context, st *sql.Statement) error {
	root, err := st.Pipeline()
	if err != nil {
		return err
	}
	var cols []admin.SQLColumn
	for _, f := range st.Schema {
		cols = append(cols, admin.SQLColumn{Name: f.Name, Type: f.Type.String()})
	}
	if err := s.emit(admin.SQLLine{Columns: cols}); err != nil {
		return err
	}
	table := result.NewTable(st.Schema, st.Order)
	root = sql.Attach(root, "rows", func(stream.Task) (stream.Sink, error) {
		if s.fold {
			return &foldSink{table: table}, nil
		}
		return &emitSink{emit: s.emit, schema: st.Schema}, nil
	})
	var bad badRecords
	spec := s.spec(st, root)
	spec.DeadLetter = bad.take
	if err := stream.Run(ctx, spec); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.fold {
		for _, row := range table.JSON(st.Skip, st.Count) {
			if err := s.emit(admin.SQLLine{Op: stream.Insert.String(), Row: json.RawMessage(row)}); err != nil {
				return err
			}
		}
	}
	if err := s.emit(admin.SQLLine{End: true}); err != nil {
		return err
	}
	return bad.tell(s.emit)
}

func (s *session) insert(ctx context.Context, st *sql.Statement, c *connectors) error {
	if err := s.makeTargets(ctx, st); err != nil {
		return err
	}
	// Each statement is a pipeline of its own: under the id of the one before it would go on where that one ended.
	s.pipeID = newPipelineID()
	c.x = topic.NewTransaction(s.cluster, topic.TransactionOptions{Pipeline: s.pipeID})
	root, err := st.Pipeline()
	if err != nil {
		return err
	}
	bad := badRecords{topic: c.x.DeadLetterTopic}
	spec := s.spec(st, root)
	spec.Committer = c.x
	spec.DeadLetter = func(ctx context.Context, r stream.BadRecord) error {
		return errors.Join(bad.take(ctx, r), c.x.DeadLetter(ctx, r))
	}
	err = stream.Run(ctx, spec)
	s.forget(ctx, c.x.Group())
	if err != nil {
		return err
	}
	nodes := spec.Metrics.Snapshot().Nodes
	if err := s.emit(admin.SQLLine{Message: fmt.Sprintf("%d rows into %s", nodes[len(nodes)-1].RowsIn, st.Target)}); err != nil {
		return err
	}
	return bad.tell(s.emit)
}

// makeTargets makes the topics that a statement writes, as a Kafka cluster does for its producers.
func (s *session) makeTargets(ctx context.Context, st *sql.Statement) error {
	_, writes := planTopics(st.Plan)
	for _, name := range writes {
		if err := s.cluster.EnsureTopic(ctx, topic.TopicSpec{Name: name}); err != nil {
			return err
		}
	}
	return nil
}

// forgetTime bounds the clean-up after a statement whose client may have gone.
const forgetTime = 5 * time.Second

// forget deletes the group of a statement that has ended: it is never run again, and would stand in every list of groups. A
// group that cannot be deleted now expires as any that is not used.
func (s *session) forget(ctx context.Context, group string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetTime)
	defer cancel()
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = []string{group}
	if _, err := s.h.requester().Request(ctx, req); err != nil {
		s.h.log.Info("group of a statement is left", "group", group, "error", err)
	}
}

func (s *session) spec(st *sql.Statement, root *stream.Node) stream.Spec {
	spec := stream.Spec{Name: s.pipeID, Root: root, Parallelism: st.Parallelism(), CheckpointEvery: st.CheckpointEvery(), Metrics: &stream.Metrics{}}
	// Nothing of a watched query outlives it, so it is not started again: its rows would be shown twice.
	spec.Restart = stream.RestartPolicy{MaxFailures: -1}
	return spec
}

// badRecords counts what an ad-hoc query could not read and remembers the first.
type badRecords struct {
	topic func(stream.BadRecord) string // where they are kept; nil: nowhere
	mu    struct {
		sync.Mutex
		n     int
		first stream.BadRecord
	}
}

func (b *badRecords) take(_ context.Context, r stream.BadRecord) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.n++; b.mu.n == 1 {
		b.mu.first = stream.BadRecord{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Reason: r.Reason}
	}
	return nil
}

func (b *badRecords) tell(emit func(admin.SQLLine) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.n == 0 {
		return nil
	}
	f := b.mu.first
	where := fmt.Sprintf("%s-%d offset %d", f.Topic, f.Partition, f.Offset)
	if f.Partition < 0 {
		where = fmt.Sprintf("%s line %d", f.Topic, f.Offset)
	}
	what, first := "1 record could not be read", "; it is "
	if b.mu.n > 1 {
		what, first = fmt.Sprintf("%d records could not be read", b.mu.n), "; the first is "
	}
	kept := ""
	if b.topic != nil {
		kept = " and went to " + b.topic(f)
	}
	return emit(admin.SQLLine{Warning: what + kept + first + where + ": " + f.Reason})
}

// emitSink hands each change to a caller.
type emitSink struct {
	emit   func(admin.SQLLine) error
	schema types.Schema
}

// Open implements stream.Sink.
func (*emitSink) Open(context.Context) error { return nil }

// Write implements stream.Sink. An error of emit (the client has gone) ends the query.
func (s *emitSink) Write(_ context.Context, b stream.Batch) error {
	for i := range b.Rows() {
		row := result.AppendRow(nil, b.Rec, i, s.schema)
		if err := s.emit(admin.SQLLine{Op: b.Ops.At(i).String(), Row: json.RawMessage(row)}); err != nil {
			return stream.Permanent(err)
		}
	}
	return nil
}

// Prepare implements stream.Sink: what was shown cannot be taken back.
func (*emitSink) Prepare(context.Context, stream.CheckpointID, bool) (stream.Pending, error) {
	return nil, nil
}

// Commit implements stream.Sink.
func (*emitSink) Commit(context.Context, stream.Pending) error { return nil }

// Close implements stream.Sink.
func (*emitSink) Close() error { return nil }

// maxFolded bounds the rows of a result that is gathered before it is shown.
const maxFolded = 1_000_000

// foldSink gathers what a changelog leaves.
type foldSink struct {
	emitSink
	table *result.Table
}

// Write implements stream.Sink.
func (s *foldSink) Write(_ context.Context, b stream.Batch) error {
	if err := s.table.Apply(b); err != nil {
		return stream.Permanent(err)
	}
	if s.table.Len() > maxFolded {
		return stream.Permanent(fmt.Errorf("the result has more than %d rows: use --format changelog to write it as it comes, or LIMIT", maxFolded))
	}
	return nil
}

// discard ends a pipeline whose rows nobody wants: a function without an output topic.
func discard(node *stream.Node) *stream.Node {
	return &stream.Node{
		ID: "sink", Name: "Discard", Inputs: []*stream.Node{node},
		Sink: func(stream.Task) (stream.Sink, error) {
			return &discardSink{}, nil
		},
	}
}

// discardSink drops rows.
type discardSink struct{ emitSink }

// Write implements stream.Sink.
func (*discardSink) Write(context.Context, stream.Batch) error { return nil }
