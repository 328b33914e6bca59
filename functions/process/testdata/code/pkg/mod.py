def fn(event, context):
    return "pkg"
