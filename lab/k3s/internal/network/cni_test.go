package network

import "testing"

func TestParseSubnet(t *testing.T) {
	got, err := parseSubnet("FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\nFLANNEL_MTU=1400\nFLANNEL_IPMASQ=true\n")
	if err != nil || got != (Subnet{"10.42.1.1/24", 1400}) {
		t.Errorf("got %v, %v", got, err)
	}
	if network := networkOf(got.CIDR); network != "10.42.1.0/24" {
		t.Errorf("got %s", network)
	}
	if _, err := parseSubnet("FLANNEL_MTU=1400\n"); err == nil {
		t.Error("half a file was taken")
	}
}
