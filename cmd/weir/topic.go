package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

func newTopic(a *app) *cobra.Command {
	c := a.withBrokers(&cobra.Command{Use: "topic", Short: "List, describe, create and delete topics"})
	internal := false
	list := &cobra.Command{
		Use: "list", Short: "List topics with their partitions and records", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.topicList(c.Context(), internal) },
	}
	list.Flags().BoolVar(&internal, "internal", false, "list internal topics (__*) as well")
	return group(c, list, &cobra.Command{
		Use: "describe NAME", Short: "Show a topic's partitions, offsets and configuration", Args: args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeTopic,
		RunE:              func(c *cobra.Command, v []string) error { return a.topicDescribe(c.Context(), v[0]) },
	}, a.topicCreateCommand(), &cobra.Command{
		Use: "delete NAME...", Short: "Delete topics with all their records", Args: args(cobra.MinimumNArgs(1)),
		ValidArgsFunction: a.completeTopic,
		RunE:              func(c *cobra.Command, v []string) error { return a.topicDelete(c.Context(), v) },
	})
}

type topicRow struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
	Records    int64  `json:"records"` // end less start offsets: transaction markers and compacted records count too
	Internal   bool   `json:"internal,omitempty"`
}

func (a *app) topicList(ctx context.Context, internal bool) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	return a.kafkaAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		topics, err := adm.ListTopicsWithInternal(ctx)
		if err != nil {
			return fmt.Errorf("list topics: %w", err)
		}
		starts, err := adm.ListStartOffsets(ctx)
		if err != nil {
			return fmt.Errorf("list topics: %w", err)
		}
		ends, err := adm.ListEndOffsets(ctx)
		if err != nil {
			return fmt.Errorf("list topics: %w", err)
		}
		rows := []topicRow{}
		for _, t := range topics.Sorted() {
			if !internal && (t.IsInternal || internalTopic(t.Topic)) {
				continue
			}
			rows = append(rows, topicRow{t.Topic, len(t.Partitions), records(starts, ends, t.Topic), t.IsInternal})
		}
		if asJSON {
			return a.printJSON(rows)
		}
		out := newTable("TOPIC", "#PARTITIONS", "#OFFSETS")
		for _, r := range rows {
			out.add(r.Name, r.Partitions, count(r.Records))
		}
		return out.write(a.out)
	})
}

// internalTopic reports names that Kafka and Weir keep for themselves.
func internalTopic(name string) bool { return strings.HasPrefix(name, "__") }

func records(starts, ends kadm.ListedOffsets, topic string) (n int64) {
	for p, end := range ends[topic] {
		if start, ok := starts.Lookup(topic, p); ok && end.Err == nil && start.Err == nil {
			n += end.Offset - start.Offset
		}
	}
	return n
}

type topicDetail struct {
	Name       string            `json:"name"`
	ID         string            `json:"id"`
	Partitions []partitionRow    `json:"partitions"`
	Config     map[string]string `json:"config"`
}

type partitionRow struct {
	Partition int32 `json:"partition"`
	Leader    int32 `json:"leader"`
	Start     int64 `json:"start_offset"`
	Stable    int64 `json:"stable_offset"`
	End       int64 `json:"end_offset"`
}

func (a *app) topicDescribe(ctx context.Context, name string) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	return a.kafkaAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		d, err := describeTopic(ctx, adm, name)
		if err != nil {
			return err
		}
		if asJSON {
			return a.printJSON(d)
		}
		_, _ = fmt.Fprintf(a.out, "topic %s, id %s, %s\n\n", d.Name, d.ID, number(len(d.Partitions), "partition", "partitions"))
		out := newTable("#PARTITION", "#LEADER", "#START", "#STABLE", "#END")
		for _, p := range d.Partitions {
			out.add(p.Partition, p.Leader, p.Start, p.Stable, p.End)
		}
		if err := out.write(a.out); err != nil {
			return err
		}
		if len(d.Config) == 0 {
			return nil
		}
		_, _ = fmt.Fprintln(a.out, "\nset on this topic:")
		names := make([]string, 0, len(d.Config))
		for k := range d.Config {
			names = append(names, k)
		}
		sort.Strings(names)
		for _, k := range names {
			_, _ = fmt.Fprintf(a.out, "  %s = %s\n", k, d.Config[k])
		}
		return nil
	})
}

func describeTopic(ctx context.Context, adm *kadm.Client, name string) (topicDetail, error) {
	d := topicDetail{Name: name, Config: map[string]string{}, Partitions: []partitionRow{}}
	topics, err := adm.ListTopicsWithInternal(ctx, name)
	if err != nil {
		return d, plain(err, "describe topic", name)
	}
	t, ok := topics[name]
	if !ok || t.Err != nil {
		return d, plain(t.Err, "describe topic", name)
	}
	d.ID = base64.RawURLEncoding.EncodeToString(t.ID[:]) // as Kafka's tools and the data directory write it
	starts, err := adm.ListStartOffsets(ctx, name)
	if err != nil {
		return d, plain(err, "describe topic", name)
	}
	stable, err := adm.ListCommittedOffsets(ctx, name)
	if err != nil {
		return d, plain(err, "describe topic", name)
	}
	ends, err := adm.ListEndOffsets(ctx, name)
	if err != nil {
		return d, plain(err, "describe topic", name)
	}
	for _, p := range t.Partitions.Sorted() {
		row := partitionRow{Partition: p.Partition, Leader: p.Leader}
		if o, ok := starts.Lookup(name, p.Partition); ok {
			row.Start = o.Offset
		}
		if o, ok := stable.Lookup(name, p.Partition); ok {
			row.Stable = o.Offset
		}
		if o, ok := ends.Lookup(name, p.Partition); ok {
			row.End = o.Offset
		}
		d.Partitions = append(d.Partitions, row)
	}
	configs, err := adm.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return d, plain(err, "describe topic", name)
	}
	for _, rc := range configs {
		for _, c := range rc.Configs {
			if c.Source.String() == "DYNAMIC_TOPIC_CONFIG" && c.Value != nil && !c.Sensitive {
				d.Config[c.Key] = *c.Value
			}
		}
	}
	return d, nil
}

func (a *app) topicCreateCommand() *cobra.Command {
	partitions := int32(1)
	var configs map[string]string
	c := &cobra.Command{
		Use: "create NAME", Short: "Create a topic", Args: args(cobra.ExactArgs(1)),
		Example: "  weir topic create orders --partitions 6 --config retention.ms=86400000",
		RunE: func(c *cobra.Command, v []string) error {
			set := map[string]*string{}
			for k, val := range configs {
				set[k] = kadm.StringPtr(val)
			}
			return a.kafkaAdmin(c.Context(), func(ctx context.Context, adm *kadm.Client) error {
				r, err := adm.CreateTopic(ctx, partitions, -1, set, v[0])
				if err != nil {
					if r.ErrMessage != "" {
						return fmt.Errorf("create topic %s: %s", v[0], r.ErrMessage)
					}
					return plain(err, "create topic", v[0])
				}
				return a.did(fmt.Sprintf("created topic %s with %s", v[0], number(int(partitions), "partition", "partitions")),
					map[string]any{"created": v[0], "partitions": partitions})
			})
		},
	}
	c.Flags().Int32Var(&partitions, "partitions", 1, "number of partitions")
	c.Flags().StringToStringVar(&configs, "config", nil, "a topic configuration, NAME=VALUE; may be repeated")
	return c
}

func (a *app) topicDelete(ctx context.Context, names []string) error {
	return a.kafkaAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		deleted, err := adm.DeleteTopics(ctx, names...)
		if err != nil {
			return fmt.Errorf("delete topics: %w", err)
		}
		for _, d := range deleted.Sorted() {
			if d.Err != nil {
				return plain(d.Err, "delete topic", d.Topic)
			}
			if err := a.did("deleted topic "+d.Topic, map[string]any{"deleted": d.Topic}); err != nil {
				return err
			}
		}
		return nil
	})
}
