// Package quota limits what one client may take: bytes it produces and fetches, the time its requests keep the broker
// busy, partitions it creates and deletes, connections an address opens.
//
// It owns: the names of quotas and of what they are set for, which of them holds for a client, and how long a client that
// took more has to wait. It does not own: where quotas are stored (broker), how a client is made to wait and what it is
// told (broker/kafka).
//
// Types in reading order: Part, Entity, Change, Table, Entry, Limiter.
//
// Invariants:
//
//	Q1  Over any time a client takes at most its quota times that time, plus one second's worth, plus what the one
//	    request took that went over.
//	Q2  Exactly one entry of a kind holds for a client, the most specific one, in Kafka's order.
//	Q3  Memory is bounded, however many names clients think of.
//	Q4  Without quotas a request costs one atomic load.
package quota
