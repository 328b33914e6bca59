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
	t.Run("killed", func(t *testing.T) { killedOnKafka(t, "", 3, 200*time.Millisecond, time.Second) })
}

// The whole year on a real Apache Kafka, killed 10 times.
func TestKilledYearOnApacheKafka(t *testing.T) {
	peers.Long(t)
	killedOnKafka(t, peers.Year(t), 10, 500*time.Millisecond, 5*time.Second)
}

// killedOnKafka runs the example on a Kafka with kills between the moments first and last after each start. A run that ends
// before its kill is checked, and the kills go on with a new Kafka.
func killedOnKafka(t *testing.T, csv string, kills int, first, last time.Duration) {
	broker, p := kafkatest.Start(t), example(t, csv)
	for struck := 0; struck < kills; {
		h := hubtest.Start(t, "run", p.file, "--data", p.data, "--brokers", broker.Addr)
		life := first + rand.N(last-first)
		switch code, out := h.Wait(life); {
		case code > 0:
			t.Fatalf("weir run after %d kills: exit %d\n%s", struck, code, out)
		case code == 0:
			t.Logf("a run ended by itself after %d kills", struck)
			p.checkBrokers(t, broker)
			broker.Kill()
			broker, p = kafkatest.Start(t), example(t, csv)
		default:
			h.Kill()
			struck++
			t.Logf("killed after %s", life)
		}
	}
	p.run(t, "--brokers", broker.Addr)
	p.checkBrokers(t, broker)
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
