import base64
import json
import os
import subprocess
import sys
import time

CALLS = 0


def keep(event, context):
    kept = []
    for records in event["records"].values():
        for record in records:
            n = json.loads(base64.b64decode(record["value"]))["n"]
            if n is not None and n > 60:
                kept.append(record)
    return kept


def slow(event, context):
    time.sleep(600)


def echo(event, context):
    return event


def count(event, context):
    global CALLS
    CALLS += 1
    return {"calls": CALLS, "pid": os.getpid()}


def describe(event, context):
    left = context.get_remaining_time_in_millis()
    names = ("function_name", "function_version", "memory_limit_in_mb", "invoked_function_arn", "log_group_name")
    return {
        "context": {name: getattr(context, name) for name in names},
        "has_request_id": len(context.aws_request_id) == 36,
        "time_left": 0 < left <= 5000,
        "env": {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "LAMBDA_", "_HANDLER", "TZ", "MINE", "SECRET"))},
        "cwd": os.getcwd(),
    }


class Unhappy(Exception):
    pass


def fail(event, context):
    inner(event)


def inner(event):
    raise Unhappy("grüße %s" % event.get("who"))


def big(event, context):
    return "x" * (event["bytes"] - 2) if event["bytes"] else "ok"


def unserializable(event, context):
    return {"f": print} if event["what"] == "object" else float("nan")


def crash(event, context):
    if event.get("crash"):
        os.kill(os.getpid(), 9)
    return "alive"


def leave(event, context):
    sys.exit(3)


def talk(event, context):
    print("to stdout: ü")
    print("to stderr", file=sys.stderr)
    sys.stdout.write("no end")
    sys.stdout.flush()
    os._exit(0)


def child(event, context):
    p = subprocess.Popen(["sleep", "600"])
    with open(event["file"], "w") as f:
        f.write("%d %d" % (os.getpid(), p.pid))
    time.sleep(600)


def deadly(event, context):
    kept = keep(event, context)
    for record in kept:
        if json.loads(base64.b64decode(record["value"]))["n"] == 666:
            os.kill(os.getpid(), 9)
    return {"records": kept}
