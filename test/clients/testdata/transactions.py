"""transactions.py BOOTSTRAP TOPIC: of 10 transactions of 100 records the even ones are committed, the odd ones aborted."""
import sys

from confluent_kafka import Producer

bootstrap, topic = sys.argv[1:]
p = Producer({"bootstrap.servers": bootstrap, "transactional.id": "from-librdkafka", "transaction.timeout.ms": 30000})
p.init_transactions(30)
for n in range(10):
    p.begin_transaction()
    for i in range(100):
        p.produce(topic, key=str(i % 7), value="%d-%d" % (n, i))
    if n % 2 == 0:
        p.commit_transaction(30)
    else:
        p.flush(30)  # the records are in the log before they are aborted
        p.abort_transaction(30)
print("done")
