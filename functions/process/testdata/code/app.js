exports.keep = async (event) => {
  const kept = [];
  for (const records of Object.values(event.records)) {
    for (const record of records) {
      const { n } = JSON.parse(Buffer.from(record.value, "base64").toString("utf8"));
      if (typeof n === "string") throw new TypeError("n is text");
      if (n !== null && n > 60) kept.push(record);
    }
  }
  return { records: kept };
};

exports.slow = () => new Promise(() => setTimeout(() => {}, 600000));

exports.callback = (event, context, callback) => callback(null, { id: context.awsRequestId.length, n: context.functionName });

exports.fail = async () => {
  throw new RangeError("out of range");
};

exports.stray = async () => {
  setTimeout(() => Promise.reject(new Error("nobody waits")), 1);
  await new Promise(() => {});
};
