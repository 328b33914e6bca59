package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/weirhub/weir/test/peers"
)

// clockTicks is USER_HZ, in which /proc counts CPU time; Linux has kept it at 100 for all its platforms.
const clockTicks = 100

// processCPU is the CPU time, user and system, that a process has used.
func processCPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the command in parentheses and may hold spaces: count from its end. utime and stime are fields 14 and 15.
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(f) < 13 {
		return 0, fmt.Errorf("read /proc/%d/stat: %q", pid, text)
	}
	user, err := strconv.ParseInt(f[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(f[12], 10, 64)
	if err != nil {
		return 0, err
	}
	return time.Duration(user+system) * time.Second / clockTicks, nil
}

// threadsCPU is the same to the nanosecond, but only of the threads that are there now.
func threadsCPU(pid int) (total time.Duration, err error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has just ended
		}
		var ns int64
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			return 0, fmt.Errorf("read %s: %w", f, err)
		}
		total += time.Duration(ns)
	}
	return total, nil
}

// brokerCPU is a reading of both clocks.
type brokerCPU struct{ process, threads time.Duration }

func readCPU(pid int) (c brokerCPU, err error) {
	if c.threads, err = threadsCPU(pid); err != nil {
		return c, err
	}
	c.process, err = processCPU(pid)
	return c, err
}

// since is the time between two readings: the fine clock's, unless threads that ended took their time with them.
func (c brokerCPU) since(before brokerCPU) time.Duration {
	fine, coarse := c.threads-before.threads, c.process-before.process
	if fine < coarse-2*time.Second/clockTicks {
		return coarse
	}
	return fine
}

// ownCPU is the same of this process, garbage collection included.
func ownCPU() time.Duration {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic("BUG: getrusage of this process: " + err.Error())
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// residentBytes is how much of a process is in memory now.
func residentBytes(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("read /proc/%d/status: no VmRSS", pid)
}

// busy is the CPU time that the whole machine has worked so far, whoever for.
func busy() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	f := strings.Fields(line) // cpu user nice system idle iowait irq softirq steal
	var ticks int64
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		if i < len(f) {
			n, _ := strconv.ParseInt(f[i], 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / clockTicks
}

// describeMachine is one line for the pages.
func describeMachine() string {
	model, memory := "unknown processor", ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			model = strings.TrimSpace(strings.TrimLeft(line, "\t :"))
		}
	}
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		if f := strings.Fields(string(text)); len(f) > 1 {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			memory = fmt.Sprintf(", %d GiB", kib>>20)
		}
	}
	kernel := ""
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel = ", Linux " + strings.TrimSpace(string(text))
	}
	return fmt.Sprintf("%s; %d CPUs (%s)%s%s, %s", time.Now().Format("2 January 2006"), runtime.NumCPU(), model, memory, kernel, runtime.Version())
}

// settle writes out what earlier loads have left in the page cache: whoever waits for an fsync would pay for what the
// other has written before and not waited for.
func settle() { syscall.Sync() }

// scratch is an empty folder on the disk of the checkout: a temporary folder may be memory, where an fsync costs nothing.
func scratch() (string, error) {
	cache := filepath.Join(peers.Root(), ".cache")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	return os.MkdirTemp(cache, "bench-")
}
