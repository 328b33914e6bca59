import os, time
def f(event, context):
    return "ok"
os._exit(7)
