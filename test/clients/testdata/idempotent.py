"""idempotent.py BOOTSTRAP TOPIC N: sends the numbers below N, a thousand a second at most; prints each that is acknowledged."""
import sys
import time

from confluent_kafka import Producer

bootstrap, topic, n = sys.argv[1:]
failed = []


def delivered(err, msg):
    if err is not None:
        failed.append(str(err))
    else:
        print(msg.value().decode(), flush=True)


p = Producer({
    "bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 1, "batch.num.messages": 50,
    "message.timeout.ms": 60000, "reconnect.backoff.max.ms": 500, "retry.backoff.max.ms": 200,
})
for i in range(int(n)):
    p.produce(topic, value=str(i), on_delivery=delivered)
    time.sleep(0.001)
    p.poll(0)
if p.flush(60) or failed:
    sys.exit("not delivered: %s" % failed[:3])
