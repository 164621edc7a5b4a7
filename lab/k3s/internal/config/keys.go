package config

import (
	"fmt"
	"strconv"
	"strings"
)

// keys are the options that the program's configuration uses; each sets one field.
var keys = map[string]func(c *Config, values []string) error{
	"node-name":                   text(func(c *Config) *string { return &c.NodeName }),
	"node-ip":                     text(func(c *Config) *string { return &c.NodeIP }),
	"advertise-address":           text(func(c *Config) *string { return &c.AdvertiseAddress }),
	"https-listen-port":           number(func(c *Config) *int { return &c.HTTPSListenPort }),
	"flannel-iface":               text(func(c *Config) *string { return &c.FlannelIface }),
	"flannel-backend":             text(func(c *Config) *string { return &c.FlannelBackend }),
	"cluster-cidr":                text(func(c *Config) *string { return &c.ClusterCIDR }),
	"service-cidr":                text(func(c *Config) *string { return &c.ServiceCIDR }),
	"cluster-dns":                 text(func(c *Config) *string { return &c.ClusterDNS }),
	"tls-san":                     list(func(c *Config) *[]string { return &c.TLSSANs }),
	"token-file":                  text(func(c *Config) *string { return &c.TokenFile }),
	"datastore-endpoint":          text(func(c *Config) *string { return &c.DatastoreEndpoint }),
	"datastore-cafile":            text(func(c *Config) *string { return &c.DatastoreCAFile }),
	"datastore-certfile":          text(func(c *Config) *string { return &c.DatastoreCertFile }),
	"datastore-keyfile":           text(func(c *Config) *string { return &c.DatastoreKeyFile }),
	"disable":                     list(func(c *Config) *[]string { return &c.Disable }),
	"disable-cloud-controller":    flag(func(c *Config) *bool { return &c.DisableCloudController }),
	"disable-helm-controller":     flag(func(c *Config) *bool { return &c.DisableHelmController }),
	"secrets-encryption":          flag(func(c *Config) *bool { return &c.SecretsEncryption }),
	"write-kubeconfig-mode":       text(func(c *Config) *string { return &c.WriteKubeconfigMode }),
	"protect-kernel-defaults":     flag(func(c *Config) *bool { return &c.ProtectKernelDefaults }),
	"kube-apiserver-arg":          arguments(func(c *Config) *[]string { return &c.APIServerArgs }),
	"kube-controller-manager-arg": arguments(func(c *Config) *[]string { return &c.ControllerManagerArgs }),
	"kube-scheduler-arg":          arguments(func(c *Config) *[]string { return &c.SchedulerArgs }),
	"kubelet-arg":                 arguments(func(c *Config) *[]string { return &c.KubeletArgs }),
	"kube-proxy-arg":              arguments(func(c *Config) *[]string { return &c.ProxyArgs }),
}

func text(field func(*Config) *string) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		value, err := single(values)
		*field(c) = value
		return err
	}
}

func number(field func(*Config) *int) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		value, err := single(values)
		if err != nil {
			return err
		}
		parsed, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is not a number", value)
		}
		*field(c) = parsed
		return nil
	}
}

func flag(field func(*Config) *bool) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		value, err := single(values)
		if err != nil {
			return err
		}
		parsed, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", value)
		}
		*field(c) = parsed
		return nil
	}
}

// list accepts several values and, like K3s, commas within one.
func list(field func(*Config) *[]string) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		var all []string
		for _, value := range values {
			for _, item := range strings.Split(value, ",") {
				if item = strings.TrimSpace(item); item != "" {
					all = append(all, item)
				}
			}
		}
		*field(c) = all
		return nil
	}
}

// arguments keeps commas: they belong to the argument's value.
func arguments(field func(*Config) *[]string) func(*Config, []string) error {
	return func(c *Config, values []string) error {
		for _, value := range values {
			if name, _, ok := strings.Cut(value, "="); !ok || name == "" {
				return fmt.Errorf("%q is not of the form name=value", value)
			}
		}
		*field(c) = values
		return nil
	}
}

func single(values []string) (string, error) {
	if len(values) != 1 {
		return "", fmt.Errorf("takes one value, got %d", len(values))
	}
	return values[0], nil
}
