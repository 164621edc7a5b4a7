package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// networkOf is the network of an address with a prefix length: 10.42.1.1/24 → 10.42.1.0/24.
func networkOf(cidr string) string {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return cidr
	}
	return prefix.Masked().String()
}

// modules and settings are those K3s sets; all settings are of this network namespace only.
var (
	modules  = []string{"overlay", "nf_conntrack", "br_netfilter", "vxlan", "ip_set", "xt_set"}
	settings = map[string]string{
		"net/ipv4/conf/all/forwarding":       "1",
		"net/ipv4/conf/default/forwarding":   "1",
		"net/bridge/bridge-nf-call-iptables": "1",
	}
)

// PrepareHost loads kernel modules, if this machine has such, and lets the kernel forward.
func PrepareHost() error {
	for _, module := range modules {
		// Built in, not there, or not allowed: what needs it will say so.
		_ = exec.Command("modprobe", "-q", module).Run()
	}
	var problems []error
	for name, want := range settings {
		file := filepath.Join("/proc/sys", name)
		if got, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(got)) == want {
			continue
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			problems = append(problems, fmt.Errorf("sysctl %s=%s: %w", strings.ReplaceAll(name, "/", "."), want, err))
		}
	}
	return errors.Join(problems...)
}

// EnsureServiceRoute lets host processes reach Services on a machine without a default route: kube-proxy rewrites the
// address only after the kernel has found some route for it. Elsewhere it does nothing.
func EnsureServiceRoute(serviceCIDR, serviceIP, nodeIP string) error {
	if _, err := netlink.RouteGet(net.ParseIP(serviceIP)); err == nil {
		return nil
	} else if !errors.Is(err, unix.ENETUNREACH) && !errors.Is(err, unix.EHOSTUNREACH) {
		return err
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	_, destination, err := net.ParseCIDR(serviceCIDR)
	if err != nil {
		return err
	}
	for _, address := range addresses {
		if address.IP.String() != nodeIP {
			continue
		}
		err := netlink.RouteReplace(&netlink.Route{
			LinkIndex: address.LinkIndex, Dst: destination, Scope: netlink.SCOPE_LINK, Src: address.IP,
		})
		if errors.Is(err, syscall.EEXIST) {
			return nil
		}
		return err
	}
	return fmt.Errorf("node-ip: no interface has the address %s", nodeIP)
}
