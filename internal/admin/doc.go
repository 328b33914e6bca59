// Package admin is the hub's HTTP door: health, metrics, and what the client commands ask.
//
// It owns: the paths under /, their JSON, the handler and the client of it. It does not own: the state that it shows; the
// hub hands it over through Backend.
//
//	GET  /healthz      200 while the process lives
//	GET  /readyz       200 when all listeners accept, 503 before and during shutdown
//	GET  /metrics      Prometheus text
//	GET  /v1/hub       Hub: addresses and version
//	GET  /v1/status    Status: every source, trigger, query, sink and stream with its counters
//	POST /v1/sql       SQLRequest in, one SQLLine a line out
//
// The door asks for no password. What keeps web pages out that a browser on this machine shows stands at guard.
//
// Types in reading order: Hub, Status, Part, SQLRequest, SQLLine (api.go), Backend and Handler (server.go), Client.
package admin
