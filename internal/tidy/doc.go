// Package tidy holds the rules of the code as tests: which way imports point, how large files and functions may grow, which
// names are banned, and that each package has its map. It has no code of its own.
package tidy
