package supervise

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func part(t *testing.T, name, script string) Part {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	return Part{Name: name, Path: shell, Args: []string{"-c", script}}
}

func TestTheFirstPartThatEndsIsNamed(t *testing.T) {
	group := NewGroup()
	for _, p := range []Part{part(t, "stays", "exec sleep 60"), part(t, "goes", "echo no disk; exit 3")} {
		if err := group.Start(p); err != nil {
			t.Fatal(err)
		}
	}
	reason := (<-group.Ended()).Error()
	if !strings.Contains(reason, "goes ended: exit status 3") || !strings.Contains(reason, "no disk") {
		t.Errorf("got %s", reason)
	}
	group.Stop(context.Background(), [][]string{{"stays"}}, time.Minute)
	if err := group.Start(part(t, "late", "true")); err == nil {
		t.Error("a part was started after the stop")
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	group := NewGroup()
	if err := group.Start(part(t, "deaf", `trap "" TERM; while :; do sleep 1; done`)); err != nil {
		t.Fatal(err)
	}
	pid := group.running[0].cmd.Process.Pid
	group.Stop(context.Background(), [][]string{{"deaf"}}, 200*time.Millisecond)
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("it still runs")
	}
}
