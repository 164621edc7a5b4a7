package network

import (
	"context"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cloudnativelabs/kube-router/v2/pkg/controllers/netpol"
	"github.com/cloudnativelabs/kube-router/v2/pkg/healthcheck"
	"github.com/cloudnativelabs/kube-router/v2/pkg/options"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
)

// Policy enforces NetworkPolicies with kube-router's controller, the one K3s embeds.
func Policy() {
	o := parse("network-policy-controller")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	client, err := newClient()
	if err != nil {
		fail("kubeconfig", err)
	}
	if err := waitForNode(ctx, client, o.node); err != nil {
		return
	}
	if err := runPolicy(ctx, client, o); err != nil {
		fail("network policy controller", err)
	}
}

func waitForNode(ctx context.Context, client kubernetes.Interface, name string) error {
	for {
		if _, err := client.CoreV1().Nodes().Get(ctx, name, meta.GetOptions{}); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryPause):
		}
	}
}

func runPolicy(ctx context.Context, client kubernetes.Interface, o arguments) error {
	config := options.NewKubeRouterConfig()
	config.ClusterIPCIDRs = []string{o.serviceCIDR}
	config.EnableIPv4, config.EnableIPv6 = true, false
	config.HostnameOverride = o.node
	config.RunFirewall = true

	factory := informers.NewSharedInformerFactory(client, 0)
	pods := factory.Core().V1().Pods().Informer()
	namespaces := factory.Core().V1().Namespaces().Informer()
	policies := factory.Networking().V1().NetworkPolicies().Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	tables, sets, err := netpol.NewIPTablesHandlers(config)
	if err != nil {
		return err
	}
	controller, err := netpol.NewNetworkPolicyController(client, config, pods, policies, namespaces,
		&sync.Mutex{}, tables, sets)
	if err != nil {
		return err
	}
	if _, err := pods.AddEventHandler(controller.PodEventHandler); err != nil {
		return err
	}
	if _, err := namespaces.AddEventHandler(controller.NamespaceEventHandler); err != nil {
		return err
	}
	if _, err := policies.AddEventHandler(controller.NetworkPolicyEventHandler); err != nil {
		return err
	}
	heartbeats := make(chan *healthcheck.ControllerHeartbeat)
	go func() { // nobody reads them; the supervisor watches the process
		for range heartbeats {
		}
	}()
	var running sync.WaitGroup
	running.Add(1)
	controller.Run(heartbeats, ctx.Done(), &running)
	return nil
}
