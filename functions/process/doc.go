// Package process runs functions in child processes that speak AWS Lambda's Runtime API.
//
// It owns finding the program of a runtime, the children's environment, their start, their end and what they print, and
// the loops for Python and Node that the binary carries (bootstrap.py, bootstrap.js). It does not own the API
// (functions/lambdaapi), batches or retries (functions).
//
// Types in reading order: Options, Open, runtime, instance.
//
// Invariants:
//  1. A child runs in a process group of its own and is killed with it; on Linux the kernel kills it when this
//     process dies, elsewhere its loop ends as soon as it asks for the next event.
//  2. A child sees the variables that Lambda sets, those of its declaration, and of this process's only the names in
//     inherited: the hub's secrets are not the functions'.
//  3. Close returns after the child has been waited for and its output has been read.
package process
