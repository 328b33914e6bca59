// Package clients holds the real binary to the real clients: Apache Kafka's console programs and tools, librdkafka, franz-go,
// boto3, the AWS command line, pipes in a shell, and bytes on a TCP connection.
//
// It owns: the programs in testdata that the tests start. It does not own: how a hub is started (test/hubtest), where the
// clients are installed (test/peers).
//
// Read in this order: peer_test.go (a program of another language as a process with lines in and out), group_test.go (100,000
// records through each client, a member killed), tools_test.go (Kafka's own tools), txn_test.go, bytes_test.go (nulls, sizes),
// wire_test.go (raw requests), kip848_test.go (the consumer protocol), pipe_test.go (`weir produce` and `weir consume`), kinesis_test.go.
package clients
