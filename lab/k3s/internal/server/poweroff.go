package server

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gardenos.internal/lab/k3s/internal/supervise"
)

const podPatience = 5 * time.Second

// podGroups are where kubelet's pods are, with version 1 or 2 of control groups.
var podGroups = []string{"/sys/fs/cgroup/pids/kubepods", "/sys/fs/cgroup/kubepods"}

// endPodsAtPoweroff ends all containers if the machine is going down. K3s leaves that to systemd, whose units its
// containers are; ours are in control groups that systemd does not know, and a shutdown would wait 90 s for each.
func endPodsAtPoweroff() {
	state, _ := exec.Command("systemctl", "is-system-running").Output()
	if strings.TrimSpace(string(state)) != "stopping" {
		return
	}
	supervise.Log("the machine is going down: ending its pods")
	signalPods(syscall.SIGTERM)
	for deadline := time.Now().Add(podPatience); len(podProcesses()) > 0 && time.Now().Before(deadline); {
		time.Sleep(pollPause)
	}
	signalPods(syscall.SIGKILL)
}

func signalPods(signal syscall.Signal) {
	for _, pid := range podProcesses() {
		_ = syscall.Kill(pid, signal)
	}
}

func podProcesses() []int {
	var pids []int
	for _, group := range podGroups {
		_ = filepath.WalkDir(group, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.Name() != "cgroup.procs" {
				return nil //nolint:nilerr // a group that went meanwhile has no processes
			}
			content, _ := os.ReadFile(path)
			for _, line := range strings.Fields(string(content)) {
				if pid, err := strconv.Atoi(line); err == nil {
					pids = append(pids, pid)
				}
			}
			return nil
		})
	}
	return pids
}
