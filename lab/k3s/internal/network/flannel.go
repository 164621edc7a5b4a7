package network

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/flannel-io/flannel/pkg/backend"
	_ "github.com/flannel-io/flannel/pkg/backend/vxlan" // registers the backend
	"github.com/flannel-io/flannel/pkg/ip"
	"github.com/flannel-io/flannel/pkg/ipmatch"
	"github.com/flannel-io/flannel/pkg/subnet/kube"
	"github.com/flannel-io/flannel/pkg/trafficmngr/iptables"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"gardenos.internal/lab/k3s/internal/paths"
	"gardenos.internal/lab/k3s/internal/pki"
)

const (
	annotationPrefix = "flannel.alpha.coreos.com"
	resyncSeconds    = 30
)

func netConfFile() string { return paths.Agent("etc/flannel/net-conf.json") }

// Flannel connects the pods of all nodes by vxlan, with the node's pod range from Kubernetes: what flanneld does, put
// together from flannel's packages as K3s does.
func Flannel() {
	o := parse("flanneld")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := waitForPodRange(ctx, o.node); err != nil {
		fail("waiting for the node's pod range", err)
	}
	if err := writeNetConf(o); err != nil {
		fail("writing flannel's configuration", err)
	}
	if err := runFlannel(ctx, o); err != nil && ctx.Err() == nil {
		fail("flannel", err)
	}
}

// waitForPodRange returns once kubelet has registered the node and the controller manager has given it a range.
func waitForPodRange(ctx context.Context, name string) error {
	client, err := newClient()
	if err != nil {
		return err
	}
	for {
		node, err := client.CoreV1().Nodes().Get(ctx, name, meta.GetOptions{})
		if err == nil && node.Spec.PodCIDR != "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryPause):
		}
	}
}

func writeNetConf(o arguments) error {
	content, err := json.Marshal(map[string]any{
		"Network": o.clusterCIDR, "EnableIPv4": true, "EnableIPv6": false,
		"Backend": map[string]any{"Type": "vxlan"},
	})
	if err != nil {
		return err
	}
	return pki.WriteFile(netConfFile(), content, 0o644)
}

func runFlannel(ctx context.Context, o arguments) error {
	subnets, err := kube.NewSubnetManager(ctx, "", kubeconfig(), annotationPrefix, netConfFile(), false)
	if err != nil {
		return err
	}
	config, err := subnets.GetNetworkConfig(ctx)
	if err != nil {
		return err
	}
	iface := o.iface
	if iface == "" {
		iface = o.nodeIP
	}
	stack, err := ipmatch.GetIPFamily(true, false)
	if err != nil {
		return err
	}
	external, err := ipmatch.LookupExtIface(iface, "", "", stack, ipmatch.PublicIPOpts{PublicIP: o.nodeIP})
	if err != nil {
		return err
	}
	vxlan, err := backend.NewManager(ctx, subnets, external).GetBackend(config.BackendType)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	network, err := vxlan.RegisterNetwork(ctx, &running, config)
	if err != nil {
		return err
	}
	traffic := &iptables.IPTablesManager{}
	if err := traffic.Init(ctx); err != nil {
		return err
	}
	err = traffic.SetupAndEnsureMasqRules(ctx, config.Network, ip.IP4Net{}, ip.IP4Net{},
		config.IPv6Network, ip.IP6Net{}, ip.IP6Net{}, network.Lease(), resyncSeconds, false)
	if err != nil {
		return err
	}
	traffic.SetupAndEnsureForwardRules(ctx, config.Network, config.IPv6Network, resyncSeconds)
	if err := os.MkdirAll(filepath.Dir(paths.FlannelSubnet), 0o755); err != nil {
		return err
	}
	err = subnets.HandleSubnetFile(paths.FlannelSubnet, config, true, network.Lease().Subnet,
		network.Lease().IPv6Subnet, network.MTU())
	if err != nil {
		return err
	}
	klog.InfoS("Pod network is up", "subnet", network.Lease().Subnet.String(), "mtu", network.MTU())
	network.Run(ctx)
	running.Wait()
	return nil
}
