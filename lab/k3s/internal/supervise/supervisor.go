// Package supervise runs the parts as children that live and die together.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Part is one child process.
type Part struct {
	Name string // shown before its log lines, and as its process's name
	Path string // program
	Args []string
	Env  []string
	Dir  string
}

// Group starts parts. The first one that ends, ends the group.
type Group struct {
	forks   chan func()
	mutex   sync.Mutex
	running []*child
	ended   chan error
	closing bool
}

type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// NewGroup prepares an empty group.
func NewGroup() *Group {
	g := &Group{forks: make(chan func()), ended: make(chan error, 1)}
	go forkFromOneThread(g.forks)
	return g
}

// Ended receives why the group can't go on: the first part that ended.
func (g *Group) Ended() <-chan error { return g.ended }

// Start runs a part.
func (g *Group) Start(part Part) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.closing {
		return errors.New("stopping")
	}
	cmd := exec.Command(part.Path)
	cmd.Args = append([]string{part.Name}, part.Args...)
	cmd.Env, cmd.Dir = part.Env, part.Dir
	last := &lastLine{}
	cmd.Stderr = newPrefixer(part.Name, last)
	cmd.Stdout = cmd.Stderr
	// Children outlive a lost pipe by no more than this; shims hold copies of containerd's.
	cmd.WaitDelay = time.Second
	// A part must not survive this process, however it dies. Its own group keeps a terminal's ^C from it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	g.forks <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return fmt.Errorf("%s: %w", part.Name, err)
	}
	c := &child{name: part.Name, cmd: cmd, done: make(chan struct{})}
	g.running = append(g.running, c)
	go g.wait(c, last)
	return nil
}

func (g *Group) wait(c *child, last *lastLine) {
	err := c.cmd.Wait()
	close(c.done)
	reason := "exit status 0"
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		reason = err.Error()
	}
	if c.cmd.ProcessState.Exited() { // of its own accord: it mostly says why
		reason += last.suffix()
	}
	message := fmt.Errorf("%s ended: %s", c.name, reason)
	select {
	case g.ended <- message:
	default: // not the first
	}
}

// Stop ends the parts in waves of names, each with its own patience; what is left is killed.
func (g *Group) Stop(ctx context.Context, waves [][]string, patience time.Duration) {
	g.mutex.Lock()
	g.closing = true
	children := g.running
	g.mutex.Unlock()
	for _, names := range waves {
		var wave []*child
		for _, c := range children {
			for _, name := range names {
				if c.name == name {
					wave = append(wave, c)
				}
			}
		}
		signalAll(wave, syscall.SIGTERM)
		deadline, cancel := context.WithTimeout(ctx, patience)
		awaitAll(deadline, wave)
		cancel()
	}
	signalAll(children, syscall.SIGKILL)
	awaitAll(ctx, children)
}

func signalAll(children []*child, signal syscall.Signal) {
	for _, c := range children {
		select {
		case <-c.done:
		default:
			_ = c.cmd.Process.Signal(signal)
		}
	}
}

func awaitAll(ctx context.Context, children []*child) {
	for _, c := range children {
		select {
		case <-c.done:
		case <-ctx.Done():
			return
		}
	}
}
