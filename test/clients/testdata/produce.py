"""produce.py BOOTSTRAP TOPIC CODEC: each line of standard input becomes a record, its first word the key (librdkafka)."""
import sys

from confluent_kafka import Producer

bootstrap, topic, codec = sys.argv[1:]
failed = []


def delivered(err, _):
    if err is not None:
        failed.append(str(err))


p = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": codec, "linger.ms": 5})
for line in sys.stdin:
    line = line.rstrip("\n")
    while True:
        try:
            p.produce(topic, key=line.split()[0], value=line, on_delivery=delivered)
            break
        except BufferError:
            p.poll(0.1)
    p.poll(0)
if p.flush(60) or failed:
    sys.exit("not delivered: %s" % failed[:3])
