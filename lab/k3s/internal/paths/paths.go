// Package paths names K3s's files and folders.
package paths

import "path/filepath"

const (
	ConfigFile       = "/etc/rancher/k3s/config.yaml"
	Kubeconfig       = "/etc/rancher/k3s/k3s.yaml"
	NodePassword     = "/etc/rancher/node/password"
	DataDir          = "/var/lib/rancher/k3s"
	RunDir           = "/run/k3s"
	ContainerdSocket = RunDir + "/containerd/containerd.sock"
	ContainerdState  = RunDir + "/containerd"
	FlannelSubnet    = "/run/flannel/subnet.env"
	KubeletDir       = "/var/lib/kubelet"
)

// TLS is the folder of the server's keys and certificates.
func TLS(parts ...string) string { return join("server/tls", parts) }

// Cred is the folder of the server's kubeconfigs and the encryption configuration.
func Cred(parts ...string) string { return join("server/cred", parts) }

// Server is the control plane's folder.
func Server(parts ...string) string { return join("server", parts) }

// Agent is the node's folder.
func Agent(parts ...string) string { return join("agent", parts) }

// Data holds the programs that the executable carries.
func Data(parts ...string) string { return join("data", parts) }

func join(folder string, parts []string) string {
	return filepath.Join(append([]string{DataDir, folder}, parts...)...)
}
