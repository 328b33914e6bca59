package process

import "syscall"

// childAttributes put the child into a group of its own and let the kernel kill it when this process dies, however it dies.
// The kernel watches the thread that started the child, not the process (prctl(2), PR_SET_PDEATHSIG): see instance.run.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
