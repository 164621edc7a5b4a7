package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"gardenos.internal/lab/k3s/internal/paths"
	"gardenos.internal/lab/k3s/internal/pki"
)

// Subnet is what flannel got for this node.
type Subnet struct {
	CIDR string
	MTU  int
}

// WaitForSubnet reads flannel's file once it is there.
func WaitForSubnet(ctx context.Context) (Subnet, error) {
	for {
		content, err := os.ReadFile(paths.FlannelSubnet)
		if err == nil {
			return parseSubnet(string(content))
		}
		if !errors.Is(err, os.ErrNotExist) {
			return Subnet{}, err
		}
		select {
		case <-ctx.Done():
			return Subnet{}, ctx.Err()
		case <-time.After(retryPause / 2):
		}
	}
}

// ForgetSubnet removes flannel's file of an earlier run, so that waiting means this one.
func ForgetSubnet() { _ = os.Remove(paths.FlannelSubnet) }

// parseSubnet reads FLANNEL_SUBNET (the bridge's address in the node's range) and FLANNEL_MTU.
func parseSubnet(content string) (Subnet, error) {
	values := map[string]string{}
	for _, line := range strings.Split(content, "\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = value
	}
	mtu, err := strconv.Atoi(values["FLANNEL_MTU"])
	if err != nil || values["FLANNEL_SUBNET"] == "" {
		return Subnet{}, fmt.Errorf("%s: no subnet or MTU in it", paths.FlannelSubnet)
	}
	return Subnet{CIDR: values["FLANNEL_SUBNET"], MTU: mtu}, nil
}

// WriteCNIConfig writes what K3s leaves to flannel's own plugin, which delegates to the same bridge and host-local.
func WriteCNIConfig(file string, subnet Subnet, clusterCIDR string) error {
	content, err := json.MarshalIndent(map[string]any{
		"name": "cbr0", "cniVersion": "1.0.0",
		"plugins": []any{
			map[string]any{
				"type": "bridge", "bridge": "cni0", "mtu": subnet.MTU,
				"isGateway": true, "isDefaultGateway": true, "hairpinMode": true, "ipMasq": false, "forceAddress": true,
				"ipam": map[string]any{
					"type": "host-local", "dataDir": "/var/lib/cni/networks",
					"ranges": []any{[]any{map[string]any{"subnet": networkOf(subnet.CIDR)}}},
					"routes": []any{map[string]any{"dst": clusterCIDR}},
				},
			},
			map[string]any{"type": "portmap", "capabilities": map[string]any{"portMappings": true}},
		},
	}, "", "  ")
	if err != nil {
		return err
	}
	return pki.WriteFile(file, append(content, '\n'), 0o644)
}
