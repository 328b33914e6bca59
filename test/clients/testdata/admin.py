"""admin.py BOOTSTRAP: what librdkafka's admin client and a consumer's questions answer on a fresh hub; ends at the first wrong one."""
import sys
import time

from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, Producer
from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType

bootstrap = sys.argv[1]
a = AdminClient({"bootstrap.servers": bootstrap})


def equal(what, got, want):
    if got != want:
        sys.exit("%s: %r, want %r" % (what, got, want))


def only(futures):
    return next(iter(futures.values())).result(30)


def error_of(future):
    try:
        future.result(30)
    except KafkaException as e:
        return e.args[0].name()
    return None


# Topics and their configuration.
only(a.create_topics([NewTopic("t", 2, 1, config={"retention.ms": "1000000"})]))
equal("create again", error_of(a.create_topics([NewTopic("t", 2, 1)])["t"]), "TOPIC_ALREADY_EXISTS")
equal("a bad name", error_of(a.create_topics([NewTopic("a/b", 1, 1)])["a/b"]), "TOPIC_EXCEPTION")
equal("a bad config", error_of(a.create_topics([NewTopic("u", 1, 1, config={"retention.ms": "soon"})])["u"]), "INVALID_CONFIG")
equal("three replicas", error_of(a.create_topics([NewTopic("u", 1, 3)])["u"]), "INVALID_REPLICATION_FACTOR")
only(a.create_partitions([NewPartitions("t", 3)]))
equal("fewer partitions", error_of(a.create_partitions([NewPartitions("t", 1)])["t"]), "INVALID_PARTITIONS")
described = only(a.describe_topics(TopicCollection(["t"])))
equal("partitions", len(described.partitions), 3)
resource = ConfigResource(ResourceType.TOPIC, "t")
equal("retention.ms", only(a.describe_configs([resource]))["retention.ms"].value, "1000000")
resource.add_incremental_config(ConfigEntry("max.message.bytes", "2000000", incremental_operation=AlterConfigOpType.SET))
resource.add_incremental_config(ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE))
only(a.incremental_alter_configs([resource]))
configs = only(a.describe_configs([ConfigResource(ResourceType.TOPIC, "t")]))
equal("changed configs", (configs["max.message.bytes"].value, configs["retention.ms"].value), ("2000000", "604800000"))
cluster = a.describe_cluster().result(30)
equal("nodes", [n.id for n in cluster.nodes], [cluster.controller.id])

# Records with times 1000, 2000, ... in partition 0.
p = Producer({"bootstrap.servers": bootstrap})
for i in range(1, 11):
    p.produce("t", partition=0, value=b"%d" % i, timestamp=1000 * i)
p.flush(30)
tp = TopicPartition("t", 0)
for what, spec, want in [("earliest", OffsetSpec.earliest(), 0), ("latest", OffsetSpec.latest(), 10), ("time", OffsetSpec.for_timestamp(4500), 4),
                         ("greatest time", OffsetSpec.max_timestamp(), 9)]:
    equal("offset of " + what, only(a.list_offsets({tp: spec}, isolation_level=IsolationLevel.READ_COMMITTED)).offset, want)

# A consumer's questions, seek and pause.
c = Consumer({"bootstrap.servers": bootstrap, "group.id": "g", "auto.offset.reset": "earliest", "enable.auto.commit": False,
              "session.timeout.ms": 6000, "partition.assignment.strategy": "cooperative-sticky", "group.instance.id": "one"})
for at, want in [(4500, 4), (5000, 4), (99000, -1)]:
    equal("offset for time %d" % at, c.offsets_for_times([TopicPartition("t", 0, at)], 30)[0].offset, want)
equal("watermarks", c.get_watermark_offsets(tp, 30), (0, 10))
c.subscribe(["t"])


def read(n):
    out = []
    while len(out) < n:
        m = c.poll(1)
        if m is not None:
            if m.error():
                sys.exit(str(m.error()))
            out.append(m.value())
    return out


equal("values", read(10), [b"%d" % i for i in range(1, 11)])
c.seek(TopicPartition("t", 0, 7))
equal("values behind the seek", read(3), [b"8", b"9", b"10"])
c.commit(offsets=[TopicPartition("t", 0, 8)], asynchronous=False)
equal("committed", [o.offset for o in c.committed([tp, TopicPartition("t", 1)], 30)], [8, -1001])

# The group as the admin client sees it.
equal("groups", [g.group_id for g in a.list_consumer_groups(states={ConsumerGroupState.STABLE}).result(30).valid], ["g"])
g = only(a.describe_consumer_groups(["g"]))
equal("group", (g.state, g.partition_assignor, [m.group_instance_id for m in g.members], len(g.members[0].assignment.topic_partitions)),
      (ConsumerGroupState.STABLE, "cooperative-sticky", ["one"], 3))
equal("delete a group with members", error_of(a.delete_consumer_groups(["g"])["g"]), "NON_EMPTY_GROUP")
c.close()  # a static member does not leave: its session has to end
deadline = time.time() + 30
while only(a.describe_consumer_groups(["g"])).state != ConsumerGroupState.EMPTY:
    if time.time() > deadline:
        sys.exit("the group does not empty")
    time.sleep(0.2)
only(a.alter_consumer_group_offsets([ConsumerGroupTopicPartitions("g", [TopicPartition("t", 0, 3)])]))
equal("altered offset", only(a.list_consumer_group_offsets([ConsumerGroupTopicPartitions("g", [tp])])).topic_partitions[0].offset, 3)
only(a.delete_consumer_groups(["g"]))

# Deleting records and topics.
equal("low watermark", only(a.delete_records([TopicPartition("t", 0, 6)])).low_watermark, 6)
equal("earliest", only(a.list_offsets({tp: OffsetSpec.earliest()})).offset, 6)
only(a.delete_topics(["t"]))
equal("delete again", error_of(a.delete_topics(["t"])["t"]), "UNKNOWN_TOPIC_OR_PART")
print("all as it should be")
