// Package config reads K3s's configuration file and command line, as far as the program uses them.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"gardenos.internal/lab/k3s/internal/paths"
)

// Config is what `k3s server` was told.
type Config struct {
	NodeName, NodeIP, AdvertiseAddress    string
	HTTPSListenPort                       int
	FlannelIface, FlannelBackend          string
	ClusterCIDR, ServiceCIDR, ClusterDNS  string
	TLSSANs                               []string
	TokenFile                             string
	DatastoreEndpoint, DatastoreCAFile    string
	DatastoreCertFile, DatastoreKeyFile   string
	Disable                               []string
	DisableCloudController                bool
	DisableHelmController                 bool
	SecretsEncryption                     bool
	WriteKubeconfigMode                   string
	ProtectKernelDefaults                 bool
	APIServerArgs, ControllerManagerArgs  []string
	SchedulerArgs, KubeletArgs, ProxyArgs []string
}

// notShipped are K3s's components that the lab's k3s lacks: a configuration that wants them is refused.
var notShipped = []string{"traefik", "servicelb", "local-storage", "metrics-server"}

// Load merges the file with the arguments after `k3s server`; arguments win, as in K3s.
func Load(args []string) (*Config, error) {
	flags, file, err := parseArgs(args)
	if err != nil {
		return nil, err
	}
	sources, err := readFiles(file)
	if err != nil {
		return nil, err
	}
	c := defaults()
	for _, each := range append(sources, source{"command line", flags}) {
		if err := c.apply(each.name, each.values); err != nil {
			return nil, err
		}
	}
	return c, c.complete()
}

// source is a set of options with the place it comes from.
type source struct {
	name   string
	values map[string][]string
}

// readFiles reads the file and then those in the folder beside it, `config.yaml.d/*.yaml`, in order of their names.
// A later one replaces an earlier one's value, as in K3s.
func readFiles(file string) ([]source, error) {
	additions, err := filepath.Glob(filepath.Join(file+".d", "*.yaml"))
	if err != nil {
		return nil, err
	}
	var sources []source
	for _, name := range append([]string{file}, additions...) {
		values, err := readFile(name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source{name, values})
	}
	return sources, nil
}

func defaults() *Config {
	return &Config{
		HTTPSListenPort:     6443,
		FlannelBackend:      "vxlan",
		ClusterCIDR:         "10.42.0.0/16",
		ServiceCIDR:         "10.43.0.0/16",
		WriteKubeconfigMode: "0600",
	}
}

func (c *Config) apply(source string, values map[string][]string) error {
	var problems []error
	for _, name := range sorted(values) {
		set, known := keys[name]
		if !known {
			// K3s's own words, plus where it stands.
			problems = append(problems, fmt.Errorf("flag provided but not defined: -%s (%s)", name, source))
		} else if err := set(c, values[name]); err != nil {
			problems = append(problems, fmt.Errorf("%s (%s): %w", name, source, err))
		}
	}
	return errors.Join(problems...)
}

// complete checks what was given and derives the rest.
func (c *Config) complete() error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	if c.NodeName == "" {
		c.NodeName, _ = os.Hostname()
	}
	c.NodeName = strings.ToLower(c.NodeName)
	need(net.ParseIP(c.NodeIP) != nil, "node-ip: want an address, got %q", c.NodeIP)
	if c.AdvertiseAddress == "" {
		c.AdvertiseAddress = c.NodeIP
	}
	need(net.ParseIP(c.AdvertiseAddress) != nil, "advertise-address: want an address, got %q", c.AdvertiseAddress)
	need(c.FlannelBackend == "vxlan", "flannel-backend: the lab's k3s has vxlan only, got %q", c.FlannelBackend)
	_, err := netip.ParsePrefix(c.ClusterCIDR)
	need(err == nil, "cluster-cidr: want a prefix, got %q", c.ClusterCIDR)
	if service, err := netip.ParsePrefix(c.ServiceCIDR); err != nil {
		need(false, "service-cidr: want a prefix, got %q", c.ServiceCIDR)
	} else if c.ClusterDNS == "" {
		c.ClusterDNS = nth(service, 10).String()
	}
	need(net.ParseIP(c.ClusterDNS) != nil, "cluster-dns: want an address, got %q", c.ClusterDNS)
	need(c.TokenFile != "", "token-file: missing; it holds the secret that all servers share")
	for _, endpoint := range c.Endpoints() {
		need(strings.HasPrefix(endpoint, "https://"), "datastore-endpoint: want https:// addresses of etcd, got %q", endpoint)
	}
	need(c.DatastoreEndpoint != "", "datastore-endpoint: missing; the lab's k3s has no datastore of its own")
	need(c.DatastoreCAFile != "" && c.DatastoreCertFile != "" && c.DatastoreKeyFile != "",
		"datastore-cafile, datastore-certfile, datastore-keyfile: all three are needed")
	for _, component := range c.Disable {
		known := component == "coredns" || slices.Contains(notShipped, component)
		need(known, "disable: %q is not a component", component)
	}
	for _, component := range notShipped {
		need(slices.Contains(c.Disable, component), "disable: must name %s, which the lab's k3s does not ship", component)
	}
	need(c.DisableCloudController, "disable-cloud-controller: must be true, the lab's k3s has none")
	need(c.DisableHelmController, "disable-helm-controller: must be true, the lab's k3s has none")
	_, err = c.KubeconfigMode()
	need(err == nil, "write-kubeconfig-mode: want an octal mode, got %q", c.WriteKubeconfigMode)
	return errors.Join(problems...)
}

// parseArgs understands `--name value`, `--name=value` and, for booleans, a bare `--name`.
func parseArgs(args []string) (map[string][]string, string, error) {
	file, flags := paths.ConfigFile, map[string][]string{}
	for i := 0; i < len(args); i++ {
		name, value, given := strings.Cut(strings.TrimLeft(args[i], "-"), "=")
		if !strings.HasPrefix(args[i], "-") || name == "" {
			return nil, "", fmt.Errorf("unexpected argument %q", args[i])
		}
		if name == "c" {
			name = "config"
		}
		if !given {
			value = "true"
			if i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
				i++
				value = args[i]
			}
		}
		if name == "config" {
			file = value
			continue
		}
		flags[name] = append(flags[name], value)
	}
	return flags, file, nil
}

func readFile(file string) (map[string][]string, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) && file == paths.ConfigFile {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var raw map[string]any
	if err := yaml.UnmarshalStrict(content, &raw); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	values := map[string][]string{}
	for name, value := range raw {
		items, isList := value.([]any)
		if !isList {
			items = []any{value}
		}
		values[name] = []string{}
		for _, item := range items {
			values[name] = append(values[name], fmt.Sprint(item))
		}
	}
	return values, nil
}

func sorted(values map[string][]string) []string {
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
