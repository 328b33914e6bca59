package topic

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Client is a Requester over sockets, for any Kafka cluster.
type Client struct{ c *kgo.Client }

// Dial makes a Client from the addresses of some brokers. It connects with the first request, so that a cluster that is
// away for a moment is no error here. More options set TLS, SASL and the like.
func Dial(brokers []string, more ...kgo.Opt) (*Client, error) {
	options := append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.ClientID("weir")}, more...)
	c, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("connect to %v: %w", brokers, err)
	}
	return &Client{c}, nil
}

// Request goes to the coordinator that the request names, the controller for administration, or any broker; franz-go
// finds them, follows their moves and picks the version.
func (c *Client) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return c.c.Request(ctx, req)
}

// RequestTo goes to one broker.
func (c *Client) RequestTo(ctx context.Context, node int32, req kmsg.Request) (kmsg.Response, error) {
	return c.c.Broker(int(node)).Request(ctx, req)
}

// Close ends all connections.
func (c *Client) Close() error {
	c.c.Close()
	return nil
}
