package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirhub/weir/internal/admin"
)

// askTimeout bounds one question of a client command: a hub on the same machine answers in milliseconds.
const askTimeout = 30 * time.Second

// withBrokers adds the flag that names a cluster directly, without asking a hub.
func (a *app) withBrokers(c *cobra.Command) *cobra.Command {
	c.PersistentFlags().StringSliceVar(&a.brokers, "brokers", nil, "Kafka bootstrap addresses, instead of the hub's")
	return c
}

func (a *app) hub() admin.Client { return admin.Client{Server: a.server} }

// bootstrap gives the Kafka addresses: --brokers, or what the hub says.
func (a *app) bootstrap(ctx context.Context) ([]string, error) {
	if len(a.brokers) > 0 {
		return a.brokers, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	h, err := a.hub().Hub(ctx)
	return h.Kafka, err
}

func (a *app) kafka(ctx context.Context, opts ...kgo.Opt) (*kgo.Client, error) {
	seeds, err := a.bootstrap(ctx)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(seeds...), kgo.ClientID("weir"), kgo.RetryTimeout(askTimeout), kgo.RequestRetries(5),
	}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to %v: %w", seeds, err)
	}
	return cl, nil
}

// kafkaAdmin runs f with an admin client.
func (a *app) kafkaAdmin(ctx context.Context, f func(context.Context, *kadm.Client) error) error {
	cl, err := a.kafka(ctx)
	if err != nil {
		return err
	}
	defer cl.Close()
	return f(ctx, kadm.NewClient(cl))
}

// plain is a Kafka error in the words of a person who asked for name.
func plain(err error, kind, name string) error {
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("%s %s: no such topic", kind, name)
	case errors.Is(err, kerr.TopicAlreadyExists):
		return fmt.Errorf("%s %s: it exists already", kind, name)
	case errors.Is(err, kerr.GroupIDNotFound):
		return fmt.Errorf("%s %s: no such group", kind, name)
	}
	return fmt.Errorf("%s %s: %w", kind, name, err)
}
