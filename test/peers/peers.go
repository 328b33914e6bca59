// Package peers finds the real programs that tests run beside the hub: Python with its packages, Apache Kafka's jars.
//
// It owns: where `make peers` puts them, and what a test does where one is missing: it skips and says why, or fails when
// WEIR_REQUIRE_PEERS=1 (CI). It does not own: the programs' versions (requirements.txt, pom.xml).
package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// Root is the repository's root folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// Python is the interpreter that has the packages of requirements.txt.
func Python(t testing.TB) string {
	t.Helper()
	p := filepath.Join(Root(), ".cache", "python", "bin", "python")
	if _, err := os.Stat(p); err != nil {
		lack(t, "Python packages are not installed: run `make peers`")
	}
	return p
}

// KafkaClasspath is the class path of Apache Kafka's server, clients and tools; java is on PATH.
func KafkaClasspath(t testing.TB) string {
	t.Helper()
	lib := filepath.Join(Root(), ".cache", "kafka")
	if _, err := os.Stat(lib); err != nil {
		lack(t, "Apache Kafka's jars are not installed: run `make peers`")
	}
	if _, err := exec.LookPath("java"); err != nil {
		lack(t, "java is not installed")
	}
	return filepath.Join(lib, "*")
}

// Long skips a test that takes minutes unless WEIR_LONG=1 (`make test-long`).
func Long(t testing.TB) {
	t.Helper()
	if os.Getenv("WEIR_LONG") != "1" {
		t.Skip("takes minutes: `make test-long` runs it")
	}
}

// Slow skips a test that takes many seconds under `go test -short` (`make test-fast`).
func Slow(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds: `make test` runs it")
	}
}

func lack(t testing.TB, msg string) {
	t.Helper()
	if os.Getenv("WEIR_REQUIRE_PEERS") == "1" {
		t.Fatal(msg)
	}
	t.Skip(msg)
}
