package main

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// The types of groups, as Kafka's tools name them.
const (
	classicGroup  = "classic"
	consumerGroup = "consumer" // of KIP-848
)

// owner is the member that reads a partition.
type owner struct{ member, host string }

// reading is a group while its row is gathered.
type reading struct {
	row    groupRow
	owners map[string]map[int32]owner
}

func (r *reading) own(parts kadm.TopicsSet, o owner) {
	parts.Each(func(t string, p int32) {
		if r.owners[t] == nil {
			r.owners[t] = map[int32]owner{}
		}
		r.owners[t][p] = o
	})
}

// readGroups reads groups of both protocols with their offsets, all when none is named, in the order of their names. Groups that
// do not exist are left out.
func readGroups(ctx context.Context, adm *kadm.Client, names ...string) ([]groupRow, error) {
	if len(names) == 0 {
		listed, err := adm.ListGroups(ctx)
		if err != nil {
			return nil, err
		}
		if names = listed.Groups(); len(names) == 0 {
			return []groupRow{}, nil
		}
	}
	found, err := describeGroups(ctx, adm, names)
	if err != nil || len(found) == 0 {
		return []groupRow{}, err
	}
	for i := range found {
		if err := found[i].readOffsets(ctx, adm); err != nil {
			return nil, err
		}
	}
	rows := make([]groupRow, len(found))
	for i, r := range found {
		rows[i] = r.row
	}
	slices.SortFunc(rows, func(a, b groupRow) int { return cmp.Compare(a.Name, b.Name) })
	return rows, nil
}

// describeGroups asks for classic groups first; what is none of them may be of the other protocol.
func describeGroups(ctx context.Context, adm *kadm.Client, names []string) (found []reading, err error) {
	classic, err := adm.DescribeGroups(ctx, names...)
	if err != nil {
		return nil, err
	}
	var rest []string
	for _, g := range classic.Sorted() {
		if g.State == "Dead" || errors.Is(g.Err, kerr.GroupIDNotFound) {
			rest = append(rest, g.Group)
			continue
		}
		if g.Err != nil {
			return nil, g.Err
		}
		r := reading{groupRow{Name: g.Group, Type: classicGroup, State: g.State, Members: len(g.Members)}, map[string]map[int32]owner{}}
		for _, m := range g.Members {
			if c, ok := m.Assigned.AsConsumer(); ok {
				parts := kadm.TopicsSet{}
				for _, t := range c.Topics {
					parts.Add(t.Topic, t.Partitions...)
				}
				r.own(parts, owner{m.MemberID, m.ClientHost})
			}
		}
		found = append(found, r)
	}
	if len(rest) == 0 {
		return found, nil
	}
	newer, err := adm.DescribeConsumerGroups(ctx, rest...)
	if err != nil && len(newer) == 0 {
		return found, nil // a cluster without that protocol has no such groups
	}
	for _, g := range newer.Sorted() {
		if g.Err != nil {
			if errors.Is(g.Err, kerr.GroupIDNotFound) {
				continue
			}
			return nil, g.Err
		}
		r := reading{groupRow{Name: g.Group, Type: consumerGroup, State: g.State, Members: len(g.Members)}, map[string]map[int32]owner{}}
		for _, m := range g.Members {
			r.own(m.Assignment, owner{m.MemberID, m.ClientHost})
		}
		found = append(found, r)
	}
	return found, nil
}

// readOffsets adds what the group has committed and what it owns, with the ends of the topics. Kafka's and Weir's own topics
// are left out: a pipeline's checkpoints lie there, nobody reads them.
func (r *reading) readOffsets(ctx context.Context, adm *kadm.Client) error {
	commits, err := adm.FetchOffsets(ctx, r.row.Name)
	if err != nil {
		return err
	}
	parts := commits.Partitions()
	for t, ps := range r.owners {
		for p := range ps {
			parts.Add(t, p)
		}
	}
	topics := slices.DeleteFunc(parts.Topics(), internalTopic)
	r.row.Offsets = []groupOffsets{}
	if len(topics) == 0 {
		return nil
	}
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	for _, t := range parts.Sorted() {
		if internalTopic(t.Topic) {
			continue
		}
		for _, p := range t.Partitions {
			o := groupOffsets{Topic: t.Topic, Partition: p, Committed: -1}
			from, _ := starts.Lookup(t.Topic, p)
			at := from.Offset
			if c, ok := commits.Lookup(t.Topic, p); ok && c.At >= 0 {
				o.Committed, at = c.At, c.At
			}
			if end, ok := ends.Lookup(t.Topic, p); ok && end.Err == nil {
				o.End = end.Offset
				o.Lag = max(end.Offset-at, 0)
			}
			who := r.owners[t.Topic][p]
			o.Member, o.Host = who.member, who.host
			r.row.Lag += o.Lag
			r.row.Offsets = append(r.row.Offsets, o)
		}
	}
	return nil
}
