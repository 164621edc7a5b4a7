package server

import (
	"context"
	"fmt"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"gardenos.internal/lab/k3s/internal/network"
	"gardenos.internal/lab/k3s/internal/nodepassword"
	"gardenos.internal/lab/k3s/internal/parts"
	"gardenos.internal/lab/k3s/internal/paths"
	"gardenos.internal/lab/k3s/internal/supervise"
)

const pollPause = 250 * time.Millisecond

// api is the node's own apiserver, as the supervisor talks to it.
type api struct {
	config *rest.Config
	client kubernetes.Interface
}

// startControlPlane returns once the apiserver is ready.
func (s *server) startControlPlane(ctx context.Context) (*api, error) {
	if err := s.run(apiserver, "", parts.APIServer(s.config)...); err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", paths.Cred("supervisor.kubeconfig"))
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	err = poll(ctx, "apiserver", func() error {
		call, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(call).Error()
	})
	if err != nil {
		return nil, err
	}
	if err := s.run(manager, "", parts.ControllerManager(s.config)...); err != nil {
		return nil, err
	}
	return &api{config, client}, s.run(scheduler, "", parts.Scheduler(s.config)...)
}

// checkPassword retries what a busy apiserver may refuse, but never a wrong password.
func (s *server) checkPassword(ctx context.Context, api *api) error {
	var verdict error
	err := poll(ctx, "node password", func() error {
		verdict = nodepassword.Check(ctx, api.client, s.config.NodeName, s.password)
		if nodepassword.Final(verdict) {
			return nil
		}
		return verdict
	})
	if err != nil {
		return err
	}
	return verdict
}

// startNode returns once kubelet has registered the node and the pod network is up.
func (s *server) startNode(ctx context.Context, api *api) error {
	network.ForgetSubnet()
	arguments := parts.NetworkArgs(s.config)
	for _, part := range []struct {
		name string
		args []string
	}{
		{kubelet, parts.Kubelet(s.config)},
		{proxy, parts.Proxy(s.config)},
		{flannel, arguments},
		{policy, arguments},
	} {
		if err := s.run(part.name, "", part.args...); err != nil {
			return err
		}
	}
	if err := network.EnsureServiceRoute(s.config.ServiceCIDR, s.config.ServiceIP(), s.config.NodeIP); err != nil {
		return fmt.Errorf("route to services: %w", err)
	}
	subnet, err := network.WaitForSubnet(ctx)
	if err != nil {
		return err
	}
	err = network.WriteCNIConfig(parts.CNIConfigDir()+"/10-flannel.conflist", subnet, s.config.ClusterCIDR)
	if err != nil {
		return err
	}
	return poll(ctx, "node", func() error { return s.labelNode(ctx, api) })
}

// controlPlaneLabel is what K3s gives its servers; kubelet may not give it to itself.
const controlPlaneLabel = `{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":"true"}}}`

// labelNode fails as long as kubelet has not registered the node.
func (s *server) labelNode(ctx context.Context, api *api) error {
	_, err := api.client.CoreV1().Nodes().Patch(ctx, s.config.NodeName, types.StrategicMergePatchType,
		[]byte(controlPlaneLabel), meta.PatchOptions{FieldManager: "k3s"})
	return err
}

const reportEvery = 15 * time.Second

// poll tries until it works or the run ends; now and then it says what is missing.
func poll(ctx context.Context, what string, try func() error) error {
	reported := time.Now()
	for {
		err := try()
		if err == nil {
			return nil
		}
		if time.Since(reported) > reportEvery {
			supervise.Log("waiting for %s: %v", what, err)
			reported = time.Now()
		}
		if err := pause(ctx, pollPause); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(duration):
		return nil
	}
}
