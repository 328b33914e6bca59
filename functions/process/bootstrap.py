# The loop that runs a Python function: polls AWS Lambda's Runtime API, calls the handler, posts what it returns.
# Standard library only, Python 3.8 or newer. Where the awslambdaric package is installed it runs the function instead.
import importlib
import importlib.util
import json
import logging
import os
import socket
import sys
import time
import traceback

API = "/2018-06-01/runtime/"


class Connection:
    """HTTP/1.1 over one socket, as far as this API needs it: every answer has a Content-Length."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.address = address
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def request(self, method, path, body=b"", headers=()):
        head = "%s %s%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n" % (method, API, path, self.address, len(body))
        for name, value in headers:
            head += "%s: %s\r\n" % (name, value)
        self.socket.sendall(head.encode("latin-1", "replace") + b"\r\n" + body)
        return self.response()

    def response(self):
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end >= 0:
                break
            self.receive(65536)
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        body = self.buffer[end + 4:end + 4 + length]
        self.buffer = self.buffer[end + 4 + length:]
        if len(body) < length:
            parts, missing = [body], length - len(body)
            while missing:
                part = self.socket.recv(min(missing, 1 << 20))
                if not part:
                    raise EOFError
                parts.append(part)
                missing -= len(part)
            body = b"".join(parts)
        return int(lines[0].split(" ", 2)[1]), headers, body

    def receive(self, size):
        part = self.socket.recv(size)
        if not part:
            raise EOFError
        self.buffer += part


class Context:
    def __init__(self, headers):
        env = os.environ.get
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME")
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.client_context = None
        self.identity = None
        self._deadline = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


class LogFormatter(logging.Formatter):
    """Lambda's: [LEVEL] time request-id message."""

    converter = time.gmtime
    request_id = ""

    def format(self, record):
        record.aws_request_id = LogFormatter.request_id
        return super().format(record)


def report(error_type, message, stack):
    return error_type, json.dumps(
        {"errorMessage": message, "errorType": error_type, "requestId": LogFormatter.request_id, "stackTrace": stack},
        ensure_ascii=False).encode("utf-8", "replace")


def report_exception(error, skip=0):
    frames = traceback.extract_tb(error.__traceback__)[skip:]
    return report(type(error).__name__, str(error), traceback.format_list(frames))


def load(handler):
    """The handler's function, or None and the report of why not."""
    module_name, _, function_name = handler.rpartition(".")
    module_name = module_name.replace("/", ".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as e:
        return None, report("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, e), user_frames(e))
    except SyntaxError as e:
        where = '  File "%s" Line %s\n    %s' % (e.filename, e.lineno, (e.text or "").strip())
        return None, report("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, e), [where])
    except BaseException as e:
        return None, report(type(e).__name__, str(e), user_frames(e))
    function = getattr(module, function_name, None)
    if not callable(function):
        return None, report("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name), [])
    return function, None


def user_frames(error):
    frames = [f for f in traceback.extract_tb(error.__traceback__)
              if f.filename != "weir-bootstrap.py" and "importlib" not in f.filename]
    return traceback.format_list(frames)


def encode_default(value):
    import decimal
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def invoke(function, headers, body):
    """(True, answer) or (False, report)."""
    LogFormatter.request_id = headers["lambda-runtime-aws-request-id"]
    if "lambda-runtime-trace-id" in headers:
        os.environ["_X_AMZN_TRACE_ID"] = headers["lambda-runtime-trace-id"]
    try:
        event = json.loads(body)
    except ValueError as e:
        return False, report("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % e, [])
    try:
        answer = function(event, Context(headers))
    except Exception as e:
        return False, report_exception(e, skip=1)
    except SystemExit as e:  # as Lambda: the instance ends
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(e.code if isinstance(e.code, int) else 1)
    try:
        text = json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=encode_default)
        return True, text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as e:
        return False, report("Runtime.MarshalError", "Unable to marshal response: %s" % e, [])


def main():
    sys.stdout.reconfigure(line_buffering=True)
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    handler, address = os.environ["_HANDLER"], os.environ["AWS_LAMBDA_RUNTIME_API"]
    if os.environ.get("WEIR_PYTHON_LOOP") != "builtin" and importlib.util.find_spec("awslambdaric") is not None:
        from awslambdaric.__main__ import main as ric
        ric(["awslambdaric", handler])
        return
    log = logging.StreamHandler(sys.stdout)
    log.setFormatter(LogFormatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"))
    logging.getLogger().addHandler(log)
    connection = Connection(address)
    function, failure = load(handler)
    if failure:
        error_type, body = failure
        connection.request("POST", "init/error", body, [("Lambda-Runtime-Function-Error-Type", error_type)])
        sys.exit(1)
    while True:
        status, headers, body = connection.request("GET", "invocation/next")
        if status != 200:
            return
        path = "invocation/" + headers["lambda-runtime-aws-request-id"]
        ok, answer = invoke(function, headers, body)
        if ok:
            connection.request("POST", path + "/response", answer, [("Content-Type", "application/json")])
        else:
            error_type, text = answer
            connection.request("POST", path + "/error", text, [("Lambda-Runtime-Function-Error-Type", error_type)])


try:
    main()
except (EOFError, ConnectionError, KeyboardInterrupt):
    pass  # the hub has gone
