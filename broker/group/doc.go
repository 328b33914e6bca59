// Package group coordinates consumer groups by Kafka's classic protocol and by its consumer protocol (KIP-848): who is a
// member, which generation or epoch is in force, who consumes what, and how far each group has come.
//
// It owns: the state of each group (members, generation, assignments), its committed offsets, the offsets that wait for
// a transaction's end, the deadlines of members and rebalances, and the records of __consumer_offsets in Kafka's own
// formats. It does not own: sockets and versions of answers (broker/kafka), which topics exist, how the log reaches the
// disk (the Log that it is given), and whether a producer may take part in a transaction (broker/txn).
//
// Types in reading order: Coordinator, Log, Options, group, state, member, commit, timers; then those of the consumer
// protocol: Topics, consumers, consumer, beating, changes.
//
// A group is one state behind one mutex. A request locks it, moves it, unlocks it and then waits outside the lock: for
// the other members (a channel with room for the one answer it will ever carry) or for the disk. Deadlines (sessions,
// the end of a rebalance, a late SyncGroup) sit in one heap with one entry for a group, which Run serves; a heartbeat
// only moves a deadline later and touches no heap, so a group that is alive and well costs nothing but its heartbeats.
//
// In the consumer protocol members do not wait for each other. A heartbeat says what its sender subscribes to and owns;
// the group's epoch rises when that or a topic changes; the coordinator computes a target for the epoch and brings one
// member after the other to it, each at its own heartbeat.
//
// Invariants:
//
//	G1  A group has one generation at a time; an answer or commit that carries another one is refused.
//	G2  Each member of a generation gets the assignment that this generation's leader gave it, or an error.
//	G3  An assignment is handed out, and a commit is answered, after its record is durable.
//	G4  Records reach the log in the order in which the group's state moved: the group's mutex is held across Append
//	    (which writes, and never waits for the disk). The log never calls back, so the order of locks is group, log.
//	G5  A committed offset is visible after its record is durable, an offset of a transaction after the durable commit
//	    marker; of two commits the one that stands later in the log wins.
//	G6  What a restart rebuilds from the log is what was answered before it: members (who must show up again within
//	    their session timeout), generation, assignments, offsets, offsets of open transactions.
//	G7  The log is trimmed to what is alive: every group is written anew at its end, then what lies before is deleted.
//	G8  A partition of a group of the consumer protocol has one owner: the member that was given it, until that one has
//	    said that it let go, has left, or was silent for its session. Nobody else is given it before. Epochs only rise.
package group
