package commitlog

import (
	"math"
	"time"
)

// Options are the settings of one log. The zero value has Kafka's defaults.
type Options struct {
	SegmentBytes       int64         // segment.bytes; 1 GiB when 0
	SegmentAge         time.Duration // segment.ms, by the wall clock since the segment's first append; 7 days when 0
	IndexIntervalBytes int           // index.interval.bytes; 4096 when 0
	RetentionBytes     int64         // retention.bytes; no limit when 0 or negative
	Retention          time.Duration // retention.ms; no limit when 0 or negative
	Compact            bool          // cleanup.policy has compact: Dirt may say that a Compact is due
	DeleteRetention    time.Duration // delete.retention.ms, from the first compaction of a tombstone on
	MinCompactionLag   time.Duration // min.compaction.lag.ms
	MaxCompactionLag   time.Duration // max.compaction.lag.ms; no limit when 0
	MinDirtyRatio      float64       // min.cleanable.dirty.ratio
	CompactKeys        int           // keys that a pass of compaction holds in memory; 3 million when 0
	MaxBatchBytes      int           // what Append takes at most; 100 MiB when 0
	ProducerExpiry     time.Duration // producer.id.expiration.ms; 1 day when 0
	Now                func() time.Time
}

const (
	defaultSegmentBytes  = 1 << 30
	defaultSegmentAge    = 7 * 24 * time.Hour
	defaultIndexInterval = 4096
	// defaultMaxBatchBytes is Kafka's socket.request.max.bytes: no request can carry a larger batch. The topic's own
	// max.message.bytes is the broker's to enforce.
	defaultMaxBatchBytes = 100 << 20
	// defaultCompactKeys fills a table of 4 million places to three quarters: 96 MiB while a pass runs, and one pass for
	// most logs. Kafka takes 128 MiB all the time.
	defaultCompactKeys    = 3 << 20
	defaultProducerExpiry = 24 * time.Hour
	// maxSegmentBytes is what the index's 32-bit positions reach.
	maxSegmentBytes = math.MaxInt32
)

func (o Options) withDefaults() Options {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	o.SegmentBytes = min(o.SegmentBytes, maxSegmentBytes)
	if o.SegmentAge <= 0 {
		o.SegmentAge = defaultSegmentAge
	}
	if o.IndexIntervalBytes <= 0 {
		o.IndexIntervalBytes = defaultIndexInterval
	}
	if o.MaxBatchBytes <= 0 {
		o.MaxBatchBytes = defaultMaxBatchBytes
	}
	if o.CompactKeys <= 0 {
		o.CompactKeys = defaultCompactKeys
	}
	if o.ProducerExpiry <= 0 {
		o.ProducerExpiry = defaultProducerExpiry
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
