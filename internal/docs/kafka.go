package main

import (
	"fmt"
	"strings"

	"github.com/weirhub/weir/broker"
	"github.com/weirhub/weir/broker/kafka"
)

const kafkaIntro = `# Kafka's protocol

The embedded broker answers these requests. Each version in a range is served whole; what is not listed is not advertised, and a
client that sends it is disconnected, as Apache Kafka does. There is one broker, with id 1, and one replica of everything.

`

const kafkaAbsent = `These requests a broker of Apache Kafka 4.4 answers and this one does not:

`

const kafkaConfigs = `## Topic configs

By Kafka's names, with Kafka's types and defaults, for ` + "`weir topic create --config`" + `, the ` + "`config`" + ` key of a topic in the YAML file, and
every Kafka tool. A config without effect is stored and shown, so that tools which set it go on working.

`

const kafkaBrokerConfigs = `## Broker configs

A topic's default is set for the cluster, or for this node, under the broker's name of the config. These are set in the same way, also
while the broker runs, and are nobody's default:

`

const kafkaQuotas = `## Quotas

Quotas are set with Kafka's tools (` + "`kafka-configs --entity-type clients|users|ips`" + `) for a client id, a user, both, or an address, or
for those without one of their own. The most specific one holds, in Kafka's order. Everybody is the user ` + "`ANONYMOUS`" + `. Pipelines of this
process have no quota.

| Quota | Limits |
|---|---|
| ` + "`producer_byte_rate`" + ` | bytes of Produce requests a second |
| ` + "`consumer_byte_rate`" + ` | bytes of records fetched a second |
| ` + "`request_percentage`" + ` | time of handling requests, in percent of one thread; a long poll and the wait of Produce for the disk cost nothing |
| ` + "`controller_mutation_rate`" + ` | partitions created and deleted a second |
| ` + "`connection_creation_rate`" + ` | connections a second from an address |

A client may take one second's worth at once, where Kafka lets it take ten. What is above is answered at once with ` + "`throttle_time_ms`" + `,
and the connection is not read before that time is over, 20 s at most at a time.
`

func kafkaPage() string {
	var b strings.Builder
	b.WriteString(generated + kafkaIntro)
	var rows [][]string
	for _, a := range kafka.APIs() {
		versions := fmt.Sprintf("%d to %d", a.Min, a.Max)
		if a.Min == a.Max {
			versions = fmt.Sprint(a.Min)
		}
		rows = append(rows, []string{fmt.Sprint(a.Key), a.Name, versions})
	}
	table(&b, []string{"Key", "Request", "Versions"}, rows)
	b.WriteString(kafkaAbsent)
	rows = nil
	for _, a := range kafka.AbsentAPIs() {
		rows = append(rows, []string{fmt.Sprint(a.Key), a.Name, a.Why})
	}
	table(&b, []string{"Key", "Request", "Why not"}, rows)
	b.WriteString(kafkaConfigs)
	rows = nil
	for _, k := range broker.TopicConfigs() {
		values := strings.Join(k.Values, ", ")
		rows = append(rows, []string{code(k.Name), code(k.Default), values, strings.TrimSpace(k.Doc + " " + k.Here)})
	}
	table(&b, []string{"Config", "Default", "Values", "Meaning"}, rows)
	b.WriteString(kafkaBrokerConfigs)
	rows = nil
	for _, k := range broker.BrokerConfigs() {
		rows = append(rows, []string{code(k.Name), code(k.Default), strings.TrimSpace(k.Doc + " " + k.Here)})
	}
	table(&b, []string{"Config", "Default", "Meaning"}, rows)
	b.WriteString(kafkaQuotas)
	return b.String()
}
