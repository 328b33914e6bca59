// Package kafka is the front that speaks Kafka's protocol over the broker.
//
// It owns: frames, connections and the order of their answers, the table of API keys with one handler per file, fetch
// sessions, how clients are held to their limits, and the translation of errors into Kafka's codes. It does not own:
// topics, partitions and their logs, the limits as they are stored (broker), how much a client may take (broker/quota),
// groups (broker/group), transactions (broker/txn).
//
// Types in reading order: Server, Options, api (table.go), call (call.go), conn (conn.go). A handler is the method of
// Server named after its API, in the file NN_name.go.
//
// Invariants:
//
//	W1  A version in the table is served whole: every field of the request has its effect, every field of the answer is set.
//	W2  The answers of a connection leave in the order of its requests.
//	W3  Produce requests of a connection append in the order in which they came; other requests begin only when all
//	    earlier answers are written.
//	W4  No allocation grows with a length field before the bytes it promises have arrived, and all frames being worked on
//	    stay below Options.MaxInFlightBytes.
//	W5  A fault while serving a connection, a panic included, closes that connection and nothing else.
//	W6  A request in process takes the same handlers; it skips only the encoding. No quota holds for it.
//	W7  An answer that tells its client to pause leaves at once; of that connection nothing more is read, and what was read
//	    ahead is not begun, before the pause is over (KIP-219).
package kafka
