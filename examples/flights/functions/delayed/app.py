"""Keeps the flights that arrived more than an hour late.

The handler has AWS Lambda's signature and takes Lambda's `aws:kafka` event, so it runs on Lambda as it stands: each
record's value is base64, here a JSON object with one flight.
"""
import base64
import json

LATE_MINUTES = 60


def handler(event, context):
    late = []
    for records in event["records"].values():
        for record in records:
            flight = json.loads(base64.b64decode(record["value"]))
            delay = flight["arr_delay"]  # null when the flight was cancelled or diverted
            if delay is not None and delay > LATE_MINUTES:
                late.append(record)
    return {"records": late}
