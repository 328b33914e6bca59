"""consume.py BOOTSTRAP TOPIC GROUP: a group member that prints values, a line each, and stores what it has printed (librdkafka)."""
import sys

from confluent_kafka import Consumer

bootstrap, topic, group = sys.argv[1:]
c = Consumer({
    "bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 1000, "enable.auto.offset.store": False, "auto.commit.interval.ms": 200,
})
c.subscribe([topic])
while True:
    messages = c.consume(500, 0.2)
    for m in messages:
        if m.error():
            sys.exit(str(m.error()))
        print(m.value().decode())
    sys.stdout.flush()
    for m in messages:
        c.store_offsets(message=m)
