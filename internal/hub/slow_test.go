package hub_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirhub/weir/test/peers"
)

// A function that takes its time does not lose its transaction to the cluster's patience: a checkpoint waits for all
// invocations of what was fetched at once, so the transaction has the longest time that a cluster grants.
func TestSlowFunctionsHaveTimeToCommit(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		peers.Lack(t, "python3 is not installed")
	}
	d := newDir(t, "weir.yaml", `version: 1
topics:
  in: {}
  out: {}
functions:
  slow: {runtime: python3, code: code, handler: app.handler, triggers: in, to: out}
  fast: {expr: value.id > 0, triggers: in, to: out}
`, "code/app.py", "def handler(event, context):\n    return event\n")
	r := open(t, options(d.load())).up()
	c := r.client()
	defer c.Close()
	for id, want := range map[string]time.Duration{
		"weir-function-slow.in": 15 * time.Minute, // transaction.max.timeout.ms of a cluster
		"weir-function-fast.in": time.Minute + 500*time.Millisecond,
	} {
		var got int32
		eventually(t, id+" has begun", func() bool {
			all, err := kadm.NewClient(c).DescribeTransactions(t.Context(), id)
			got = all[id].TimeoutMillis
			return err == nil && got > 0
		})
		if time.Duration(got)*time.Millisecond != want {
			t.Errorf("%s: %d ms, want %s", id, got, want)
		}
	}
}
