"""The Lambda function that answers with the event it got, one new record for each record of it."""
import json


def handler(event, context):
    records = [r for partition in event["records"].values() for r in partition]
    return {"records": [{"value": json.dumps(r)} for r in records]}
