// Command bench measures Weir beside the systems it is compared with, in one run on one machine, and writes the figures into
// docs/bench: the broker beside Apache Kafka, the JSON decoder beside encoding/json, the Parquet writer beside parquet-go's
// and arrow-go's own.
//
//	go run ./test/bench                     everything, about six minutes
//	go run ./test/bench -quick              a minute, smaller loads, one round, nothing written
//	go run ./test/bench -only json,parquet  some sections
//
// It owns: the loads, what is timed, the pages' figures. It does not own: the words around the figures, which people write.
//
// Reading order: main.go (sections, rounds), kafka.go (the table of loads), brokers.go (the two processes), load.go (the client),
// json.go, parquet.go, clicks.go (the events), machine.go (/proc), page.go (the pages).
//
// Rules that the figures rest on:
//
//	M1  Both brokers get the same client, the same records, the same topics, on the same machine, in turns: a neighbour that
//	    works for a minute disturbs both.
//	M2  A figure is the median of the rounds, with the lowest and the highest beside it.
//	M3  CPU seconds are the broker process's own (user and system). Where the machine is shared they are the figure to
//	    trust; a wall clock tells what the neighbours did as well.
//	M4  A load that lost a record, or failed anywhere, gives no figure: the run ends with an error.
package main
