// Package pipeline tests pipelines across rooms: the engine and the topic connector on the broker in this process, called
// directly and over a socket, with the power cut while they run.
//
// It owns: tests only. Rooms do not import each other, so what needs two of them is tested here.
package pipeline
