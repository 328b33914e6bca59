// Package stream moves data: sources, operators and sinks in tasks, with watermarks, keyed exchange and one checkpoint.
package stream
