// Package topic reads and writes topics: of the broker in this process, or of any Kafka cluster.
package topic
