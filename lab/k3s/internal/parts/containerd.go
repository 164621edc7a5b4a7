package parts

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"text/template"

	"gardenos.internal/lab/k3s/internal/paths"
)

// PauseImage is K3s's sandbox image.
const PauseImage = "docker.io/rancher/mirrored-pause:3.6"

// Paths hold no quotes: literal strings of TOML are enough.
var containerdConfig = template.Must(template.New("containerd").Parse(`# Made by k3s at every start.
version = 3
root = '{{.Root}}'
state = '{{.State}}'
disabled_plugins = ['io.containerd.internal.v1.opt', 'io.containerd.nri.v1.nri', 'io.containerd.internal.v1.tracing',
  'io.containerd.tracing.processor.v1.otlp']

[grpc]
  address = '{{.Socket}}'

[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = '{{.Pause}}'

[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = {{.RestrictOOM}}
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  device_ownership_from_security_context = false
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['{{.Bin}}']
    conf_dir = '{{.CNI}}'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = '{{.Bin}}/runc'
      SystemdCgroup = false
`))

// ContainerdConfigFile is K3s's.
func ContainerdConfigFile() string { return paths.Agent("etc/containerd/config.toml") }

// CNIConfigDir is K3s's.
func CNIConfigDir() string { return paths.Agent("etc/cni/net.d") }

// ContainerdConfig renders containerd's configuration.
func ContainerdConfig(binDir string, restrictOOM bool) ([]byte, error) {
	var out bytes.Buffer
	err := containerdConfig.Execute(&out, map[string]any{
		"Root": paths.Agent("containerd"), "State": paths.ContainerdState, "Socket": paths.ContainerdSocket,
		"Pause": PauseImage, "RestrictOOM": restrictOOM, "Bin": binDir, "CNI": CNIConfigDir(),
	})
	return out.Bytes(), err
}

const capSysResource = 24

// MayRaiseOOMScore tells whether this process may give others a lower oom_score_adj than its own. Root of some virtual
// machines may not; without containerd's restriction no pod would start there.
func MayRaiseOOMScore() bool {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	for _, line := range strings.Split(string(status), "\n") {
		if value, found := strings.CutPrefix(line, "CapEff:"); found {
			mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return err == nil && mask&(1<<capSysResource) != 0
		}
	}
	return false
}
