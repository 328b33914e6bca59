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

const kafkaConfigs = `## Topic configs

By Kafka's names, with Kafka's types and defaults, for ` + "`weir topic create --config`" + `, the ` + "`config`" + ` key of a topic in the YAML file, and
every Kafka tool. A config without effect is stored and shown, so that tools which set it go on working.

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
	b.WriteString(kafkaConfigs)
	rows = nil
	for _, k := range broker.TopicConfigs() {
		values := strings.Join(k.Values, ", ")
		rows = append(rows, []string{code(k.Name), code(k.Default), values, strings.TrimSpace(k.Doc + " " + k.Here)})
	}
	table(&b, []string{"Config", "Default", "Values", "Meaning"}, rows)
	return b.String()
}
