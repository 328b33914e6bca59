package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
)

func newGroup(a *app) *cobra.Command {
	c := a.withBrokers(&cobra.Command{Use: "group", Short: "List, describe and delete consumer groups"})
	return group(c, &cobra.Command{
		Use: "list", Short: "List consumer groups with their state and lag", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.groupList(c.Context()) },
	}, &cobra.Command{
		Use: "describe NAME", Short: "Show a group's members, offsets and lag", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, v []string) error { return a.groupDescribe(c.Context(), v[0]) },
	}, &cobra.Command{
		Use: "delete NAME...", Short: "Delete groups that have no members", Args: args(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, v []string) error { return a.groupDelete(c.Context(), v) },
	})
}

type groupRow struct {
	Name    string         `json:"name"`
	Type    string         `json:"type"` // "classic", or "consumer" (KIP-848)
	State   string         `json:"state"`
	Members int            `json:"members"`
	Lag     int64          `json:"lag"`
	Offsets []groupOffsets `json:"offsets,omitempty"`
}

type groupOffsets struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed int64  `json:"committed"` // -1: none
	End       int64  `json:"end"`
	Lag       int64  `json:"lag"`
	Member    string `json:"member,omitempty"`
	Host      string `json:"host,omitempty"`
}

func (a *app) groupList(ctx context.Context) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	return a.kafkaAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		rows, err := readGroups(ctx, adm)
		if err != nil {
			return fmt.Errorf("list groups: %w", err)
		}
		for i := range rows {
			rows[i].Offsets = nil // what describe is for
		}
		if asJSON {
			return a.printJSON(rows)
		}
		out := newTable("GROUP", "TYPE", "STATE", "#MEMBERS", "#LAG")
		for _, r := range rows {
			out.add(r.Name, r.Type, r.State, r.Members, count(r.Lag))
		}
		return out.write(a.out)
	})
}

func (a *app) groupDescribe(ctx context.Context, name string) error {
	asJSON, err := a.json()
	if err != nil {
		return err
	}
	return a.kafkaAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		rows, err := readGroups(ctx, adm, name)
		if err != nil {
			return plain(err, "describe group", name)
		}
		if len(rows) == 0 {
			return fmt.Errorf("describe group %s: no such group", name)
		}
		row := rows[0]
		if asJSON {
			return a.printJSON(row)
		}
		_, _ = fmt.Fprintf(a.out, "group %s, %s, %s, %s, lag %s\n\n", row.Name, row.Type, row.State, number(row.Members, "member", "members"), count(row.Lag))
		out := newTable("TOPIC", "#PARTITION", "#COMMITTED", "#END", "#LAG", "MEMBER", "HOST")
		for _, o := range row.Offsets {
			out.add(o.Topic, o.Partition, o.Committed, o.End, o.Lag, o.Member, o.Host)
		}
		return out.write(a.out)
	})
}

func (a *app) groupDelete(ctx context.Context, names []string) error {
	return a.kafkaAdmin(ctx, func(ctx context.Context, adm *kadm.Client) error {
		deleted, err := adm.DeleteGroups(ctx, names...)
		if err != nil {
			return fmt.Errorf("delete groups: %w", err)
		}
		for _, d := range deleted.Sorted() {
			if d.Err != nil {
				return plain(d.Err, "delete group", d.Group)
			}
			if err := a.did("deleted group "+d.Group, map[string]any{"deleted": d.Group}); err != nil {
				return err
			}
		}
		return nil
	})
}
