def fn(event, context):
    return "my-dir"
