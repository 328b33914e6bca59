"""Talks to the front as any program with boto3 does; every assertion is about AWS's documented behaviour."""
import collections
import datetime
import hashlib
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

k = boto3.client("kinesis", endpoint_url=sys.argv[1], region_name="eu-north-1", aws_access_key_id="a", aws_secret_access_key="b",
                 config=Config(retries={"max_attempts": 0}))


def refused(kind, f, **kw):
    try:
        f(**kw)
    except ClientError as e:
        assert e.response["Error"]["Code"] == kind, (kind, e.response["Error"])
        return
    raise AssertionError(f"{f.__name__} was not refused with {kind}")


def shard_of(key, shards):
    h = int(hashlib.md5(key.encode()).hexdigest(), 16)
    for s in shards:
        if int(s["HashKeyRange"]["StartingHashKey"]) <= h <= int(s["HashKeyRange"]["EndingHashKey"]):
            return s["ShardId"]


def read(stream, shard, limit=10000, **start):
    it = k.get_shard_iterator(StreamName=stream, ShardId=shard, **(start or {"ShardIteratorType": "TRIM_HORIZON"}))["ShardIterator"]
    out = []
    while True:
        r = k.get_records(ShardIterator=it, Limit=limit)
        out += r["Records"]
        assert r["NextShardIterator"] != it
        it = r["NextShardIterator"]
        if r["MillisBehindLatest"] == 0:
            return out


# Streams.
k.create_stream(StreamName="t", ShardCount=3)
k.get_waiter("stream_exists").wait(StreamName="t")
refused("ResourceInUseException", k.create_stream, StreamName="t", ShardCount=1)
refused("ResourceNotFoundException", k.describe_stream, StreamName="nope")
refused("ValidationException", k.create_stream, StreamName="bad name", ShardCount=1)
assert "t" in k.list_streams()["StreamNames"]
d = k.describe_stream(StreamName="t")["StreamDescription"]
shards = d["Shards"]
assert [s["ShardId"] for s in shards] == [f"shardId-{i:012d}" for i in range(3)]
assert shards[0]["HashKeyRange"]["StartingHashKey"] == "0" and int(shards[-1]["HashKeyRange"]["EndingHashKey"]) == 2**128 - 1
for a, b in zip(shards, shards[1:]):
    assert int(a["HashKeyRange"]["EndingHashKey"]) + 1 == int(b["HashKeyRange"]["StartingHashKey"])
assert d["RetentionPeriodHours"] == 24 and d["StreamARN"] == "arn:aws:kinesis:eu-north-1:000000000000:stream/t"
s = k.describe_stream_summary(StreamARN=d["StreamARN"])["StreamDescriptionSummary"]
assert s["OpenShardCount"] == 3 and s["StreamStatus"] == "ACTIVE"
page = k.list_shards(StreamName="t", MaxResults=2)
assert len(page["Shards"]) == 2 and len(k.list_shards(NextToken=page["NextToken"])["Shards"]) == 1

# 10,000 records by put_records; each shard gives back its own, in order, with the numbers that were answered.
want = collections.defaultdict(list)
start = datetime.datetime.now(datetime.timezone.utc)
for n in range(0, 10000, 500):
    batch = [{"PartitionKey": f"k{i % 97}", "Data": b"\x00\xff%d" % i} for i in range(n, n + 500)]
    r = k.put_records(StreamName="t", Records=batch)
    assert r["FailedRecordCount"] == 0 and len(r["Records"]) == 500
    for e, a in zip(batch, r["Records"]):
        assert a["ShardId"] == shard_of(e["PartitionKey"], shards)
        want[a["ShardId"]].append((a["SequenceNumber"], e["PartitionKey"], e["Data"]))
for shard in [s["ShardId"] for s in shards]:
    got = read("t", shard, limit=777)
    assert [(r["SequenceNumber"], r["PartitionKey"], r["Data"]) for r in got] == want[shard], shard
    numbers = [int(r["SequenceNumber"]) for r in got]
    assert numbers == sorted(set(numbers))
    assert all(abs((r["ApproximateArrivalTimestamp"] - start).total_seconds()) < 60 for r in got)
    # Iterators: at, after, at a time, at the end.
    third = want[shard][2][0]
    at = dict(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=third)
    assert read("t", shard, **at)[0]["SequenceNumber"] == third
    at["ShardIteratorType"] = "AFTER_SEQUENCE_NUMBER"
    assert read("t", shard, **at)[0]["SequenceNumber"] == want[shard][3][0]
    assert read("t", shard, ShardIteratorType="AT_TIMESTAMP", Timestamp=start - datetime.timedelta(hours=1)) == got
    assert read("t", shard, ShardIteratorType="LATEST") == []
    first = next(s for s in shards if s["ShardId"] == shard)["SequenceNumberRange"]["StartingSequenceNumber"]
    at = dict(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=first)
    assert read("t", shard, **at)[0]["SequenceNumber"] == want[shard][0][0]
refused("InvalidArgumentException", k.get_records, ShardIterator="x" * 40)
refused("InvalidArgumentException", k.get_shard_iterator, StreamName="t", ShardId=shards[0]["ShardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=want[shards[1]["ShardId"]][0][0])
refused("ResourceNotFoundException", k.get_shard_iterator, StreamName="t", ShardId="shardId-000000000009", ShardIteratorType="LATEST")

# Explicit hash keys are exact; what is malformed or out of range is refused and writes nothing.
k.create_stream(StreamName="h", ShardCount=2)
put = lambda **kw: k.put_record(StreamName="h", PartitionKey=kw.pop("PartitionKey", "same"), Data=kw.pop("Data", b"x"), **kw)
for key, shard in [("0", 0), (str(2**127 - 1), 0), (str(2**127), 1), (str(2**128 - 1), 1)]:
    assert put(ExplicitHashKey=key)["ShardId"] == f"shardId-{shard:012d}", key
refused("InvalidArgumentException", put, ExplicitHashKey=str(2**128))
for key in ["007", "-1", "abc", ""]:
    refused("ValidationException", put, ExplicitHashKey=key)
big = boto3.client("kinesis", endpoint_url=sys.argv[1], region_name="eu-north-1", aws_access_key_id="a", aws_secret_access_key="b",
                   config=Config(retries={"max_attempts": 0}, parameter_validation=False))
for key in ["", "x" * 257]:
    refused("ValidationException", big.put_record, StreamName="h", PartitionKey=key, Data=b"x")
assert put(PartitionKey="\U0001f600" * 256)["ShardId"]
count = lambda: sum(len(read("h", f"shardId-{i:012d}")) for i in range(2))
assert count() == 5

# Sizes count decoded data and the key's bytes.
MiB = 1 << 20
put(PartitionKey="k", Data=b"x" * (MiB - 1))
refused("ValidationException", put, PartitionKey="k", Data=b"x" * MiB)
put(PartitionKey="é" * 100, Data=b"x" * (MiB - 200))
refused("ValidationException", put, PartitionKey="é" * 100, Data=b"x" * (MiB - 199))
full = {"PartitionKey": "k", "Data": b"x" * (MiB - 1)}
many = lambda records: big.put_records(StreamName="h", Records=records)
assert many([full] * 10)["FailedRecordCount"] == 0
refused("InvalidArgumentException", many, records=[full] * 11)
small = {"PartitionKey": "k", "Data": b"x"}
assert many([small] * 500)["FailedRecordCount"] == 0
before = count()
for records in [[small] * 501, [], [small] * 499 + [{"PartitionKey": "k", "Data": b"x" * MiB}], [small, dict(small, ExplicitHashKey="abc")]]:
    refused("ValidationException", many, records=records)
assert count() == before

k.delete_stream(StreamName="h")
refused("ResourceNotFoundException", k.describe_stream, StreamName="h")
refused("ResourceNotFoundException", put)
print("ok")
