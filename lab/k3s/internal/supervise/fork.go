package supervise

import "runtime"

// forkFromOneThread makes children from a thread that lives as long as the process: the kernel sends a parent-death
// signal when the *thread* that forked ends, and Go ends threads at will.
func forkFromOneThread(forks <-chan func()) {
	runtime.LockOSThread()
	for fork := range forks {
		fork()
	}
}
