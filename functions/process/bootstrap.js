// The loop that runs a Node function: polls AWS Lambda's Runtime API, calls the handler, posts what it returns.
// No dependencies, Node 16 or newer. Handlers are async, return a promise, or take a callback; modules are CommonJS or ES.
"use strict";
const http = require("http");
const path = require("path");
const fs = require("fs");
const url = require("url");

const env = process.env;
const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function request(method, resource, body, headers) {
  return new Promise((resolve, reject) => {
    const data = Buffer.from(body || "");
    const options = { host, port, agent, method, path: "/2018-06-01/runtime/" + resource };
    options.headers = { "Content-Length": data.length, ...headers };
    const req = http.request(options, (res) => {
      const parts = [];
      res.on("data", (d) => parts.push(d));
      res.on("end", () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts) }));
      res.on("error", reject);
    });
    req.on("error", reject);
    req.end(data);
  });
}

function report(error, type) {
  const known = error instanceof Error;
  const errorType = type || (known ? error.name : typeof error);
  const stackTrace = known && error.stack ? error.stack.split("\n") : [];
  return { errorType, errorMessage: known ? error.message : String(error), stackTrace };
}

function post(resource, failure) {
  return request("POST", resource, JSON.stringify(failure), { "Lambda-Runtime-Function-Error-Type": failure.errorType });
}

async function load(handler) {
  const dot = handler.lastIndexOf(".");
  const name = path.resolve(env.LAMBDA_TASK_ROOT, handler.slice(0, dot));
  const file = [".js", ".mjs", ".cjs"].map((ext) => name + ext).find((f) => fs.existsSync(f));
  if (!file) {
    throw Object.assign(new Error(`Cannot find module '${name}'`), { runtimeType: "Runtime.ImportModuleError" });
  }
  let module;
  try {
    module = file.endsWith(".mjs") ? await import(url.pathToFileURL(file).href) : require(file);
  } catch (e) {
    if (e.code === "ERR_REQUIRE_ESM") {
      module = await import(url.pathToFileURL(file).href);
    } else {
      if (e instanceof SyntaxError) e.runtimeType = "Runtime.UserCodeSyntaxError";
      else if (e && e.code === "MODULE_NOT_FOUND") e.runtimeType = "Runtime.ImportModuleError";
      throw e;
    }
  }
  const f = module[handler.slice(dot + 1)] || (module.default && module.default[handler.slice(dot + 1)]);
  if (typeof f !== "function") {
    const e = new Error(`${handler} is undefined or not exported`);
    throw Object.assign(e, { runtimeType: "Runtime.HandlerNotFound" });
  }
  return f;
}

function context(headers, done) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done, succeed: (v) => done(null, v), fail: (e) => done(e || new Error("failed")),
  };
}

function call(f, event, headers) {
  return new Promise((resolve, reject) => {
    const done = (err, value) => (err ? reject(err) : resolve(value));
    const result = f(event, context(headers, done), done);
    if (result && typeof result.then === "function") result.then(resolve, reject);
    else if (result !== undefined && f.length < 3) resolve(result);
    else if (f.length < 2) resolve(result);
  });
}

async function main() {
  let f;
  try {
    f = await load(env._HANDLER);
  } catch (e) {
    await post("init/error", report(e, e && e.runtimeType));
    process.exit(1);
  }
  let current = null;
  const crash = (e) => {
    console.error(e);
    const sent = current ? post(current + "/error", report(e, "Runtime.UnhandledPromiseRejection")) : Promise.resolve();
    sent.finally(() => process.exit(1));
  };
  process.on("unhandledRejection", crash);
  for (;;) {
    const next = await request("GET", "invocation/next");
    if (next.status !== 200) return;
    const id = (current = "invocation/" + next.headers["lambda-runtime-aws-request-id"]);
    try {
      const value = await call(f, JSON.parse(next.body.toString("utf8")), next.headers);
      const text = JSON.stringify(value === undefined ? null : value);
      await request("POST", id + "/response", text, { "Content-Type": "application/json" });
    } catch (e) {
      await post(id + "/error", report(e));
    }
    current = null;
  }
}

main().then(() => process.exit(0), () => process.exit(1)); // an error here: the hub has gone
