"""odd.py BOOTSTRAP TOPIC: records that have nulls, empties and odd headers, one by one, in the order that the test expects."""
import sys

from confluent_kafka import Producer

bootstrap, topic = sys.argv[1:]
p = Producer({"bootstrap.servers": bootstrap, "message.max.bytes": 4000000})
records = [
    {"key": None, "value": b"v"},
    {"key": b"", "value": b"v"},
    {"key": b"k", "value": None},
    {"key": b"k", "value": b""},
    {"headers": [("h", None)]},
    {"headers": [("h", b"")]},
    {"headers": [("h", b"1"), ("h", b"2"), ("h", b"1")]},
    {"headers": []},
    {"headers": [("h", b"\xff\x00")]},
    {"headers": [("h", b"%d" % i) for i in range(10000)]},
]
for r in records:
    p.produce(topic, **({"key": b"k", "value": b"v"} | r))
    p.flush(30)
