// Package generate makes rows: numbers in sequence, random numbers, words and times, at a rate or as fast as they are
// taken.
//
// It owns: the source. It does not own: what becomes of the rows.
//
// Types in reading order: Field, Options, Source.
//
// Invariants:
//
//	G1  Row n of a source is the same whenever it is read, with any parallelism and batch size: every value is a function of
//	    the seed, the column and n. So a replay after a failure gives the same rows.
//	G2  At most Rows rows come out, and no more per second than PerSecond, summed over the tasks.
package generate
