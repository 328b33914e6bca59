// Package broker is the waist between protocol fronts and logs: topics, partitions, producing, fetching, waiting.
package broker
