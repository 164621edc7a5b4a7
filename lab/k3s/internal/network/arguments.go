// Package network is the pods' network: flannel, its CNI configuration, and the network policy controller.
package network

import (
	"flag"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"gardenos.internal/lab/k3s/internal/paths"
)

// arguments are the command lines of the parts of this package.
type arguments struct {
	node, nodeIP, iface, serviceCIDR, clusterCIDR string
}

func parse(name string) arguments {
	var o arguments
	flags := flag.NewFlagSet(name, flag.ExitOnError)
	flags.StringVar(&o.node, "node", "", "name of this node")
	flags.StringVar(&o.nodeIP, "node-ip", "", "its address")
	flags.StringVar(&o.iface, "iface", "", "interface between the nodes")
	flags.StringVar(&o.serviceCIDR, "service-cidr", "", "range of Service addresses")
	flags.StringVar(&o.clusterCIDR, "cluster-cidr", "", "range of pod addresses")
	_ = flags.Parse(os.Args[1:])
	klog.LogToStderr(true)
	// Libraries of both parts look here first for the node's name.
	_ = os.Setenv("NODE_NAME", o.node)
	return o
}

func kubeconfig() string { return paths.Agent("k3scontroller.kubeconfig") }

func newClient() (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig())
	if err != nil {
		return nil, err
	}
	config.Timeout = 0 // watches
	config.QPS, config.Burst = 50, 100
	return kubernetes.NewForConfig(config)
}

const retryPause = 500 * time.Millisecond

func fail(what string, err error) {
	klog.ErrorS(err, what)
	klog.Flush()
	os.Exit(1)
}
