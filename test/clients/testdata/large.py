"""large.py BOOTSTRAP TOPIC N: reads N records with a fetch size far below the first one's and prints their sizes (librdkafka)."""
import sys

from confluent_kafka import Consumer

bootstrap, topic, n = sys.argv[1:]
c = Consumer({
    "bootstrap.servers": bootstrap, "group.id": "large", "auto.offset.reset": "earliest", "fetch.message.max.bytes": 1024,
    "fetch.max.bytes": 1024, "message.max.bytes": 1000, "receive.message.max.bytes": 20000000,
})
c.subscribe([topic])
read = 0
while read < int(n):
    m = c.poll(1)
    if m is None:
        continue
    if m.error():
        sys.exit(str(m.error()))
    read += 1
    print(len(m.value()))
