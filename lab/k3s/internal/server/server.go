// Package server is `k3s server`: it starts the parts in order and ends with the first of them that ends.
package server

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"gardenos.internal/lab/k3s/internal/config"
	"gardenos.internal/lab/k3s/internal/deploy"
	"gardenos.internal/lab/k3s/internal/images"
	"gardenos.internal/lab/k3s/internal/network"
	"gardenos.internal/lab/k3s/internal/nodepassword"
	"gardenos.internal/lab/k3s/internal/parts"
	"gardenos.internal/lab/k3s/internal/paths"
	"gardenos.internal/lab/k3s/internal/supervise"
	"gardenos.internal/lab/k3s/internal/tools"
)

// Names of the parts, as processes and in the log.
const (
	apiserver  = "kube-apiserver"
	manager    = "kube-controller-manager"
	scheduler  = "kube-scheduler"
	kubelet    = "kubelet"
	proxy      = "kube-proxy"
	flannel    = "flanneld"
	policy     = "network-policy-controller"
	containerd = "containerd"
)

// stopWaves let leases and endpoints be given up while the apiserver still answers.
var stopWaves = [][]string{{scheduler, manager, kubelet, proxy, flannel, policy}, {apiserver}, {containerd}}

const stopPatience = 4 * time.Second

// server is one run.
type server struct {
	config   *config.Config
	token    string
	password string
	bin      string // folder of tools
	group    *supervise.Group
}

// Run serves until a signal (nil) or a failure.
func Run(args []string) error {
	c, err := config.Load(args)
	if err != nil {
		return err
	}
	s := &server{config: c}
	if s.token, err = c.Token(); err != nil {
		return err
	}
	if s.password, err = nodepassword.Read(paths.NodePassword); err != nil {
		return err
	}
	if s.bin, err = tools.Extract(); err != nil {
		return err
	}
	signals, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, cancel := context.WithCancelCause(signals)
	s.group = supervise.NewGroup()
	go func() {
		select {
		case reason := <-s.group.Ended():
			cancel(reason)
		case <-ctx.Done():
		}
	}()
	err = s.serve(ctx)
	if reason := context.Cause(ctx); err == nil || errors.Is(err, context.Canceled) {
		err = reason
	}
	if signals.Err() != nil {
		err = nil
	}
	s.stop(err)
	return err
}

func (s *server) stop(reason error) {
	notify("STOPPING=1")
	if reason == nil {
		supervise.Log("stopping")
	}
	s.group.Stop(context.Background(), stopWaves, stopPatience)
	endPodsAtPoweroff()
}

// serve brings everything up and then waits for the end.
func (s *server) serve(ctx context.Context) error {
	if err := network.PrepareHost(); err != nil {
		supervise.Log("%v", err)
	}
	imported, err := s.startRuntime(ctx)
	if err != nil {
		return err
	}
	if err := s.preparePKI(ctx); err != nil {
		return err
	}
	api, err := s.startControlPlane(ctx)
	if err != nil {
		return err
	}
	deployer, err := deploy.New(api.config, paths.Server("manifests"), s.config.NodeName)
	if err != nil {
		return err
	}
	if err := deployer.ApplyChanged(ctx); err != nil {
		supervise.Log("manifests: %v", err) // tried again below
	}
	if err := s.checkPassword(ctx, api); err != nil {
		return err
	}
	if err := receive(ctx, imported); err != nil {
		return err
	}
	if err := s.startNode(ctx, api); err != nil {
		return err
	}
	supervise.Log("ready: node %s", s.config.NodeName)
	notify("READY=1")
	go images.Watch(ctx, paths.ContainerdSocket, paths.Agent("images"))
	deployer.Watch(ctx)
	return context.Cause(ctx)
}

// startRuntime starts containerd; the images come in while the control plane starts.
func (s *server) startRuntime(ctx context.Context) (<-chan error, error) {
	restrict := !parts.MayRaiseOOMScore()
	content, err := parts.ContainerdConfig(s.bin, restrict)
	if err != nil {
		return nil, err
	}
	if err := writeAll(file{parts.ContainerdConfigFile(), content}); err != nil {
		return nil, err
	}
	for _, folder := range []string{paths.Agent("images"), parts.CNIConfigDir(), paths.Agent("pod-manifests")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
	}
	if err := s.run(containerd, s.bin+"/containerd", "--config="+parts.ContainerdConfigFile()); err != nil {
		return nil, err
	}
	imported := make(chan error, 1)
	go func() {
		err := images.WaitServing(ctx, paths.ContainerdSocket)
		if err == nil {
			err = images.Import(ctx, paths.ContainerdSocket, paths.Agent("images"))
		}
		imported <- err
	}()
	return imported, nil
}

// run starts a part; without a program of its own, a part is this executable under another name.
func (s *server) run(name, program string, args ...string) error {
	if program == "" {
		program = "/proc/self/exe"
	}
	return s.group.Start(supervise.Part{Name: name, Path: program, Args: args, Env: parts.Environment(s.bin)})
}

func receive(ctx context.Context, result <-chan error) error {
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
