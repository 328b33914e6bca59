"""consumer_protocol.py BOOTSTRAP TOPIC GROUP: consume.py with the protocol of KIP-848 (librdkafka); a topic that begins with ^ is an expression."""
import sys

from confluent_kafka import Consumer

bootstrap, topic, group = sys.argv[1:]
c = Consumer({
    "bootstrap.servers": bootstrap, "group.id": group, "group.protocol": "consumer", "auto.offset.reset": "earliest",
    "enable.auto.offset.store": False, "auto.commit.interval.ms": 200,
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
