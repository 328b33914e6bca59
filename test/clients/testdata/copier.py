"""copier.py BOOTSTRAP FROM TO N: copies records exactly once (librdkafka): what is read and where it came from are one transaction.

Prints a line for each transaction that is committed; ends when TO's committed end is reached by N records, counted by the
group's offsets.
"""
import sys

from confluent_kafka import Consumer, Producer, TopicPartition

bootstrap, source, sink, n = sys.argv[1:]
c = Consumer({
    "bootstrap.servers": bootstrap, "group.id": "copier", "auto.offset.reset": "earliest", "enable.auto.commit": False,
    "isolation.level": "read_committed", "session.timeout.ms": 6000, "heartbeat.interval.ms": 500,
    "group.instance.id": "one",  # a copier that starts anew takes the place of the killed one at once
})
p = Producer({"bootstrap.servers": bootstrap, "transactional.id": "copier", "transaction.timeout.ms": 20000, "linger.ms": 1})
p.init_transactions(60)  # fences a copier before this one and ends what it left open
c.subscribe([source])
partitions = None
while True:
    messages = [m for m in c.consume(200, 0.2)]
    for m in messages:
        if m.error():
            sys.exit(str(m.error()))
    if messages:
        p.begin_transaction()
        for m in messages:
            p.produce(sink, key=m.key(), value=m.value())
        p.send_offsets_to_transaction(c.position(c.assignment()), c.consumer_group_metadata(), 60)
        p.commit_transaction(60)
        print(len(messages), flush=True)
    elif c.assignment():
        partitions = partitions or [TopicPartition(source, i) for i in c.list_topics(source, 30).topics[source].partitions]
        if sum(max(o.offset, 0) for o in c.committed(partitions, 30)) == int(n):
            break
c.close()
