"""kinesis.py ENDPOINT STREAM N: puts N records with boto3, 500 a request, reads each shard from its start and compares.

What it checks: every record is accepted, has the shard of its key's MD5 hash, comes back from that shard with its data and
sequence number, in the order of the puts, once. Prints one line with the count of each shard.
"""
import hashlib
import sys

import boto3

endpoint, stream, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
k = boto3.client("kinesis", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="s")
k.get_waiter("stream_exists").wait(StreamName=stream)

shards = k.list_shards(StreamName=stream)["Shards"]


def shard_of(key):
    h = int(hashlib.md5(key.encode()).hexdigest(), 16)
    for s in shards:
        r = s["HashKeyRange"]
        if int(r["StartingHashKey"]) <= h <= int(r["EndingHashKey"]):
            return s["ShardId"]
    sys.exit("no shard for hash %d" % h)


want = {s["ShardId"]: [] for s in shards}
for first in range(0, n, 500):
    batch = [{"PartitionKey": "device-%d" % (i % 97), "Data": b"\x00\xff %d" % i} for i in range(first, min(first + 500, n))]
    answer = k.put_records(StreamName=stream, Records=batch)
    if answer["FailedRecordCount"] or len(answer["Records"]) != len(batch):
        sys.exit("not all accepted: %s" % answer)
    for sent, got in zip(batch, answer["Records"]):
        if got["ShardId"] != shard_of(sent["PartitionKey"]):
            sys.exit("%s went to %s" % (sent["PartitionKey"], got["ShardId"]))
        want[got["ShardId"]].append((sent["PartitionKey"], sent["Data"], got["SequenceNumber"]))

for shard, records in want.items():
    it = k.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    got = []
    while True:
        answer = k.get_records(ShardIterator=it, Limit=3000)
        got += [(r["PartitionKey"], r["Data"], r["SequenceNumber"]) for r in answer["Records"]]
        it = answer["NextShardIterator"]
        if not answer["Records"] and answer["MillisBehindLatest"] == 0:
            break
    if got != records:
        sys.exit("%s: %d records came back, %d were put; equal up to %d" % (
            shard, len(got), len(records), next((i for i, (a, b) in enumerate(zip(got, records)) if a != b), -1)))
    numbers = [int(r[2]) for r in got]
    if numbers != sorted(set(numbers)):
        sys.exit("%s: sequence numbers do not rise" % shard)
    # An iterator in the middle goes on behind its record.
    middle = got[len(got) // 2]
    it = k.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=middle[2])["ShardIterator"]
    after = k.get_records(ShardIterator=it, Limit=1)["Records"][0]
    if after["SequenceNumber"] != got[len(got) // 2 + 1][2]:
        sys.exit("%s: the iterator behind %s gives %s" % (shard, middle[2], after["SequenceNumber"]))
print(" ".join("%s:%d" % (s, len(r)) for s, r in want.items()))
