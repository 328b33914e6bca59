package broker

import "context"

// Settle waits until all that is in the partition's log when it is called is durable and below the high watermark. A
// coordinator that is about to replay an internal topic calls it, since a log begins with a tail that nobody has synced.
func (p *Partition) Settle(ctx context.Context) error {
	if err := p.Err(); err != nil {
		return err
	}
	return p.Wait(ctx, Appended{end: p.log.NextOffset()})
}
