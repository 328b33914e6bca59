package topic

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topics gives the names of all topics but internal ones (__*), sorted.
func (c *Cluster) Topics(ctx context.Context) ([]string, error) {
	var resp *kmsg.MetadataResponse
	err := c.retry(ctx, "list topics", func() (err error) {
		resp, err = request[*kmsg.MetadataResponse](ctx, c, kmsg.NewPtrMetadataRequest())
		return err
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range resp.Topics {
		if t.Topic == nil || t.IsInternal || strings.HasPrefix(*t.Topic, "__") {
			continue
		}
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, fmt.Errorf("list topics: %s: %w", *t.Topic, err)
		}
		names = append(names, *t.Topic)
	}
	slices.Sort(names)
	return names, nil
}
