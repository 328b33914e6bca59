package flights

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weirhub/weir/test/hubtest"
	"github.com/weirhub/weir/test/kafkatest"
	"github.com/weirhub/weir/test/peers"
)

// The same file runs on a real Apache Kafka with equal results, undisturbed and with the hub killed (kill -9) on the way.
func TestOnApacheKafka(t *testing.T) {
	peers.Slow(t)
	t.Run("undisturbed", func(t *testing.T) {
		broker := kafkatest.Start(t)
		p := example(t, "")
		p.run(t, "--brokers", broker.Addr)
		p.checkBrokers(t, broker)
		p.run(t, "--brokers", broker.Addr) // adds nothing
		p.checkBrokers(t, broker)
	})
	t.Run("killed", func(t *testing.T) {
		broker := kafkatest.Start(t)
		p := example(t, "")
		for struck := 0; struck < 4; struck++ {
			h := hubtest.Start(t, "run", p.file, "--data", p.data, "--brokers", broker.Addr)
			life := 200*time.Millisecond + rand.N(time.Second)
			code, out := h.Wait(life)
			if code > 0 {
				t.Fatalf("weir run after %d kills: exit %d\n%s", struck, code, out)
			}
			if code == 0 {
				t.Logf("ended by itself after %d kills", struck)
				break
			}
			h.Kill()
			t.Logf("killed after %s", life)
		}
		p.run(t, "--brokers", broker.Addr)
		p.checkBrokers(t, broker)
	})
}

// checkBrokers checks the topics of a cluster as a client sees them, without a hub.
func (p place) checkBrokers(t *testing.T, b *kafkatest.Broker) {
	t.Helper()
	p.check(t, func(topic string) string {
		out, errOut, code := hubtest.Run(t, "", "consume", topic, "--brokers", b.Addr)
		if code != 0 {
			t.Fatalf("weir consume %s: exit %d\n%s", topic, code, errOut)
		}
		return out
	})
}
