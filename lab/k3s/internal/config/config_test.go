package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const whole = `
node-name: n1
node-ip: 10.0.1.11
https-listen-port: 6445
flannel-iface: enp7s0
tls-san: [10.0.1.5, "api.lab,10.0.1.6"]
token-file: TOKEN
datastore-endpoint: https://10.0.1.11:2379, https://10.0.1.12:2379
datastore-cafile: /ca
datastore-certfile: /crt
datastore-keyfile: /key
disable: [traefik, servicelb, local-storage, metrics-server]
disable-cloud-controller: true
disable-helm-controller: true
secrets-encryption: true
kubelet-arg: ["eviction-hard=memory.available<100Mi,nodefs.available<1%"]
`

func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	token := filepath.Join(t.TempDir(), "token")
	content = strings.ReplaceAll(content, "TOKEN", token)
	for name, text := range map[string]string{file: content, token: "K10abc::server:secret\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

func TestLoadReadsTheFolderBesideTheFile(t *testing.T) {
	file := write(t, whole)
	if err := os.Mkdir(file+".d", 0o700); err != nil {
		t.Fatal(err)
	}
	card := filepath.Join(file+".d", "card.yaml")
	if err := os.WriteFile(card, []byte("flannel-iface: ens10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load([]string{"--config", file})
	if err != nil {
		t.Fatal(err)
	}
	if c.FlannelIface != "ens10" {
		t.Errorf("a file of the folder must win over the file: got %q", c.FlannelIface)
	}
}

func TestLoad(t *testing.T) {
	c, err := Load([]string{"--config", write(t, whole), "--node-name=N2", "--secrets-encryption"})
	if err != nil {
		t.Fatal(err)
	}
	if c.NodeName != "n2" {
		t.Errorf("an argument must win over the file, in lower case: got %q", c.NodeName)
	}
	if want := []string{"10.0.1.5", "api.lab", "10.0.1.6"}; !slices.Equal(c.TLSSANs, want) {
		t.Errorf("tls-san: got %q, want %q", c.TLSSANs, want)
	}
	if len(c.KubeletArgs) != 1 {
		t.Errorf("commas belong to an argument's value: got %q", c.KubeletArgs)
	}
	if want := []string{"https://10.0.1.11:2379", "https://10.0.1.12:2379"}; !slices.Equal(c.Endpoints(), want) {
		t.Errorf("endpoints: got %q, want %q", c.Endpoints(), want)
	}
	if c.ClusterDNS != "10.43.0.10" || c.ServiceIP() != "10.43.0.1" || c.AdvertiseAddress != "10.0.1.11" {
		t.Errorf("derived: got %s %s %s", c.ClusterDNS, c.ServiceIP(), c.AdvertiseAddress)
	}
	if token, err := c.Token(); err != nil || token != "secret" {
		t.Errorf("of a long token the secret counts: got %q, %v", token, err)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, test := range map[string]struct{ change, want string }{
		"an unknown key":            {"cluster-init: true", "flag provided but not defined: -cluster-init"},
		"a word for a number":       {"https-listen-port: many", `https-listen-port`},
		"a backend it lacks":        {"flannel-backend: wireguard-native", "vxlan only"},
		"a component it lacks":      {"disable: [traefik, servicelb, local-storage]", "must name metrics-server"},
		"an unknown component":      {"disable: [traefik, servicelb, local-storage, metrics-server, x]", `"x" is not a component`},
		"an argument without value": {"kubelet-arg: [v]", `"v" is not of the form name=value`},
		"etcd without TLS":          {"datastore-endpoint: http://10.0.1.11:2379", "want https://"},
		"no address":                {"node-ip: n1", `node-ip: want an address, got "n1"`},
	} {
		key, _, _ := strings.Cut(test.change, ":")
		var lines []string
		for _, line := range strings.Split(whole, "\n") {
			if !strings.HasPrefix(line, key+":") {
				lines = append(lines, line)
			}
		}
		_, err := Load([]string{"--config=" + write(t, strings.Join(append(lines, test.change), "\n"))})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, test.want)
		}
	}
}
