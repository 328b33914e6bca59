// Package lambdaapi serves AWS Lambda's Runtime API to the code of functions
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), so that runtime interface clients written for Lambda
// work unchanged: awslambdaric, aws-lambda-go, lambda_runtime and the loops that functions/process ships.
//
// It owns paths, headers, status codes and limits. It does not own processes (functions/process) or what answers mean
// (functions).
//
// Types in reading order: Runtime, Invocation.
//
// Invariants:
//  1. A client sees 200 on GET and 202 on POST when all is well, and nothing else: the Go client exits on other codes.
//  2. One invocation at a time; asking for the next one ends the one before.
//  3. An invocation ends exactly once: by an answer, an error, the end of ctx, or Fail.
package lambdaapi
