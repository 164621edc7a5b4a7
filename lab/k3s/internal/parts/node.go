package parts

import (
	"os"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubelet "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"

	"gardenos.internal/lab/k3s/internal/config"
	"gardenos.internal/lab/k3s/internal/paths"
)

// KubeletConfigDir is K3s's folder of kubelet configuration.
func KubeletConfigDir() string { return paths.Agent("etc/kubelet.conf.d") }

// KubeletConfig renders kubelet's configuration file.
func KubeletConfig(c *config.Config) ([]byte, error) {
	yes, no := true, false
	off := func(percent int32) *int32 { return &percent }
	// Without its kind, the folder's reader takes the file for something else.
	return yaml.Marshal(&kubelet.KubeletConfiguration{
		TypeMeta: meta.TypeMeta{APIVersion: "kubelet.config.k8s.io/v1beta1", Kind: "KubeletConfiguration"},
		Address:  "0.0.0.0",
		Authentication: kubelet.KubeletAuthentication{
			Anonymous: kubelet.KubeletAnonymousAuthentication{Enabled: &no},
			Webhook:   kubelet.KubeletWebhookAuthentication{Enabled: &yes, CacheTTL: meta.Duration{Duration: 2 * time.Minute}},
			X509:      kubelet.KubeletX509Authentication{ClientCAFile: paths.Agent("client-ca.crt")},
		},
		Authorization: kubelet.KubeletAuthorization{
			Mode: kubelet.KubeletAuthorizationModeWebhook,
			Webhook: kubelet.KubeletWebhookAuthorization{
				CacheAuthorizedTTL:   meta.Duration{Duration: 5 * time.Minute},
				CacheUnauthorizedTTL: meta.Duration{Duration: 30 * time.Second},
			},
		},
		CgroupDriver:                "cgroupfs", // the lab's machines have cgroup v1 without systemd's help
		ClusterDNS:                  []string{c.ClusterDNS},
		ClusterDomain:               "cluster.local",
		ContainerRuntimeEndpoint:    "unix://" + paths.ContainerdSocket,
		EvictionHard:                map[string]string{"imagefs.available": "5%", "nodefs.available": "5%"},
		EvictionMinimumReclaim:      map[string]string{"imagefs.available": "10%", "nodefs.available": "10%"},
		FailCgroupV1:                &no,
		FailSwapOn:                  &no,
		ImageGCHighThresholdPercent: off(100), // images come from files: nothing could pull them again
		NodeStatusUpdateFrequency:   meta.Duration{Duration: 5 * time.Second},
		ProtectKernelDefaults:       c.ProtectKernelDefaults,
		ResolverConfig:              resolvConf(),
		SerializeImagePulls:         &no,
		StaticPodPath:               paths.Agent("pod-manifests"),
		SyncFrequency:               meta.Duration{Duration: 30 * time.Second},
		TLSCertFile:                 paths.Agent("serving-kubelet.crt"),
		TLSPrivateKeyFile:           paths.Agent("serving-kubelet.key"),
	})
}

// resolvConf is the file whose servers pods with dnsPolicy Default ask: K3s prefers systemd-resolved's real list.
func resolvConf() *string {
	file := "/etc/resolv.conf"
	if _, err := os.Stat("/run/systemd/resolve/resolv.conf"); err == nil {
		file = "/run/systemd/resolve/resolv.conf"
	}
	return &file
}

// Kubelet are the arguments of kubelet; what it can read from a file is in [KubeletConfig].
func Kubelet(c *config.Config) []string {
	return merge(map[string]string{
		"config-dir":        KubeletConfigDir(),
		"hostname-override": c.NodeName,
		"kubeconfig":        paths.Agent("kubelet.kubeconfig"),
		"node-ip":           c.NodeIP,
		"root-dir":          paths.KubeletDir,
	}, c.KubeletArgs)
}

// Proxy are the arguments of kube-proxy, in K3s's mode.
func Proxy(c *config.Config) []string {
	return merge(map[string]string{
		"cluster-cidr":                      c.ClusterCIDR,
		"healthz-bind-address":              "127.0.0.1",
		"hostname-override":                 c.NodeName,
		"kubeconfig":                        paths.Agent("kubeproxy.kubeconfig"),
		"proxy-mode":                        "iptables",
		"conntrack-max-per-core":            "0", // the table's size is the host's business
		"conntrack-min":                     "0",
		"conntrack-tcp-timeout-close-wait":  "0s",
		"conntrack-tcp-timeout-established": "0s",
	}, c.ProxyArgs)
}

// Environment of the parts: their tools first in the path.
func Environment(binDir string) []string {
	env := []string{"PATH=" + binDir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if name != "PATH" && name != "NOTIFY_SOCKET" && name != "KUBECONFIG" {
			env = append(env, entry)
		}
	}
	return env
}

// NetworkArgs are what our own network parts get.
func NetworkArgs(c *config.Config) []string {
	return []string{
		"--node=" + c.NodeName, "--node-ip=" + c.NodeIP, "--iface=" + c.FlannelIface,
		"--service-cidr=" + c.ServiceCIDR, "--cluster-cidr=" + c.ClusterCIDR,
	}
}
