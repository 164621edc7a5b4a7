// Command k3s is the lab's stand-in for K3s: its command line and files, in front of upstream Kubernetes.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"k8s.io/component-base/version"

	"gardenos.internal/lab/k3s/internal/network"
	"gardenos.internal/lab/k3s/internal/paths"
	"gardenos.internal/lab/k3s/internal/pki"
	"gardenos.internal/lab/k3s/internal/server"
	"gardenos.internal/lab/k3s/internal/tools"
	"gardenos.internal/lab/k3s/internal/upstream"
)

const usage = `usage: k3s COMMAND

  server             run a server (--config FILE, or any key of the configuration as a flag)
  kubectl            Kubernetes' command line
  ctr                containerd's command line
  certificate check  what expires when (--output table|json)
  --version
`

// own are the parts of this program's own making; like Kubernetes', they run under their name.
var own = map[string]func(){
	"flanneld":                  network.Flannel,
	"network-policy-controller": network.Policy,
}

func main() {
	name := filepath.Base(os.Args[0])
	for _, programs := range []map[string]func(){upstream.Programs, own} {
		if run, known := programs[name]; known {
			// Else `ps` and /proc would call every part "exe", after the link that it is started through.
			_ = os.WriteFile("/proc/self/comm", []byte(name), 0o644)
			run()
			return
		}
	}
	if name != "kubectl" && name != "ctr" {
		if len(os.Args) < 2 {
			fmt.Fprint(os.Stderr, usage)
			os.Exit(2)
		}
		os.Args = os.Args[1:]
		name = os.Args[0]
	}
	if err := command(name, os.Args[1:]); err != nil {
		// One line, as K3s prints it.
		fmt.Fprintf(os.Stderr, "k3s: fatal: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

func command(name string, args []string) error {
	switch name {
	case "server":
		return server.Run(args)
	case "kubectl":
		upstream.Kubectl()
		return nil
	case "ctr":
		return ctr(args)
	case "certificate":
		return certificate(args)
	case "--version", "-v", "version":
		fmt.Printf("k3s version %s (lab)\ngo version %s\n", version.Get().GitVersion, runtime.Version())
		return nil
	case "--help", "-h", "help":
		fmt.Print(usage)
		return nil
	}
	return fmt.Errorf("no such command: %s", name)
}

// ctr becomes containerd's client, set to this machine's containerd and Kubernetes' namespace as K3s does.
func ctr(args []string) error {
	bin, err := tools.Extract()
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"CONTAINERD_ADDRESS": paths.ContainerdSocket, "CONTAINERD_NAMESPACE": "k8s.io",
	} {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value)
		}
	}
	return syscall.Exec(filepath.Join(bin, "ctr"), append([]string{"ctr"}, args...), os.Environ())
}

func certificate(args []string) error {
	if len(args) == 0 || args[0] != "check" {
		return errors.New("certificate: the only command is check")
	}
	format := "table"
	for i := 1; i < len(args); i++ {
		name, value, given := strings.Cut(args[i], "=")
		if !given && i+1 < len(args) {
			i++
			value = args[i]
		}
		if name != "--output" && name != "-o" || value != "table" && value != "json" {
			return fmt.Errorf("certificate check: want --output table or json, got %q", strings.Join(args[1:], " "))
		}
		format = value
	}
	certificates, err := pki.Check(time.Now(), paths.TLS(), paths.Agent())
	if err != nil {
		return err
	}
	return pki.PrintCertificates(os.Stdout, certificates, format)
}
