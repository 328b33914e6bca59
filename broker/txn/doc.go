// Package txn coordinates transactions: what a transactional producer has written to partitions and committed to groups
// becomes visible as a whole or not at all.
//
// It owns: transactional ids with their producer ids and epochs, the state of each transaction, its deadline, and the
// records of __transaction_state in Kafka's own format. It does not own: the partitions that markers go to (the Markers
// that it is given), sequence numbers and the last stable offset (broker/commitlog), offsets (broker/group).
//
// Types in reading order: Coordinator, Log, Markers, Options, transaction, meta.
//
// A transactional id belongs to whoever holds its turn: a channel with one token, so that waiting for it can end with
// the caller's ctx and holding it may outlast a flush. Everything that a producer sends is served one after another,
// which is how one producer sends anyway; two transactional ids never wait for each other.
//
// The order of a commit, each step durable before the next begins:
//
//	__transaction_state   Ongoing, with a partition    before the partition takes a record of the transaction
//	__transaction_state   PrepareCommit                the decision: from here on the transaction is committed
//	each partition        its marker                   makes the records visible to read_committed
//	__transaction_state   CompleteCommit               need not be awaited: a start that misses it writes markers again
//
// Invariants:
//
//	T1  A partition takes a transaction's record only while the turn is held (Enlist), and only when the partition is
//	    durably part of the transaction. So no record lands behind its transaction's marker, and a restart knows every
//	    partition that an open transaction has written to.
//	T2  A decision is never changed: after PrepareCommit or PrepareAbort is durable only its own markers are written.
//	T3  At most one producer, the one with the newest epoch, moves a transactional id. With transaction version 2
//	    (KIP-890) each end raises the epoch, so that a late record or a late end cannot reach the next transaction.
//	T4  A transaction ends: by its producer, by the next one, or by its timeout.
package txn
