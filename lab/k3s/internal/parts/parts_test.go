package parts

import (
	"slices"
	"strings"
	"testing"

	"gardenos.internal/lab/k3s/internal/config"
)

func TestMerge(t *testing.T) {
	ours := map[string]string{"a": "1", "plugins": "NodeRestriction", "z": "last"}
	got := merge(ours, []string{"a=2", "plugins+=EventRateLimit", "--new=x", "new=y", "z-=first"})
	want := []string{"--a=2", "--new=x", "--new=y", "--plugins=NodeRestriction,EventRateLimit", "--z=first,last"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUserArgumentsWin(t *testing.T) {
	c := &config.Config{
		HTTPSListenPort: 6445, ServiceCIDR: "10.43.0.0/16", DatastoreEndpoint: "https://a:2379,https://b:2379",
		ControllerManagerArgs: []string{"node-monitor-grace-period=16s"}, SecretsEncryption: true,
	}
	if got := ControllerManager(c); !slices.Contains(got, "--node-monitor-grace-period=16s") ||
		slices.Contains(got, "--node-monitor-grace-period=20s") {
		t.Errorf("the default is still there: %q", got)
	}
	got := APIServer(c)
	for _, want := range []string{
		"--secure-port=6445", "--etcd-servers=https://a:2379,https://b:2379", "--etcd-compaction-interval=0",
		"--encryption-provider-config=" + EncryptionConfig(),
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing in %q", want, got)
		}
	}
}

func TestEnvironmentHasToolsFirst(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/x")
	got := Environment("/tools")
	if !strings.HasPrefix(got[0], "PATH=/tools:") {
		t.Errorf("got %q", got[0])
	}
	if slices.ContainsFunc(got, func(entry string) bool { return strings.HasPrefix(entry, "NOTIFY_SOCKET=") }) {
		t.Error("a part could tell systemd that it is ready")
	}
}
