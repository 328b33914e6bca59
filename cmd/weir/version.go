package main

import (
	"runtime/debug"
	"strings"
)

// release is the version of the source tree; a tagged build's module version wins over it.
const release = "0.1.0-dev"

// version names the build: its release, and the commit it was made from where the build recorded one.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	if v := info.Main.Version; v != "" && v != "(devel)" && !strings.HasPrefix(v, "v0.0.0-") {
		return strings.TrimPrefix(v, "v")
	}
	return release
}
