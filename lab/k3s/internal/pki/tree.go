package pki

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Tree is the cluster's authorities and this node's certificates.
type Tree struct {
	Server, Client, RequestHeader *Authority
}

// Node is what certificates say about this node.
type Node struct {
	Name      string
	Addresses []string // node-ip, advertise-address
	ServiceIP string
	ExtraSANs []string // tls-san
}

// Authorities are the names of K3s's authorities: server/tls/NAME-ca.crt and .key.
var Authorities = []string{"server", "client", "request-header"}

// CreateMissing makes the authorities and the service account key that are not there. Half a pair is an error:
// making the other half would be another authority.
func CreateMissing(tls string) error {
	for _, name := range Authorities {
		cert, key := filepath.Join(tls, name+"-ca.crt"), filepath.Join(tls, name+"-ca.key")
		haveCert, haveKey := exists(cert), exists(key)
		if haveCert != haveKey {
			return fmt.Errorf("%s and %s: one of them is missing", cert, key)
		}
		if haveCert {
			continue
		}
		if err := createAuthority(name, cert, key); err != nil {
			return err
		}
	}
	if file := filepath.Join(tls, "service.key"); !exists(file) {
		return createServiceKey(file)
	}
	return nil
}

// Load reads the authorities of server/tls.
func Load(tls string) (*Tree, error) {
	tree := &Tree{}
	targets := map[string]**Authority{"server": &tree.Server, "client": &tree.Client, "request-header": &tree.RequestHeader}
	for name, target := range targets {
		ca, err := LoadAuthority(filepath.Join(tls, name+"-ca.crt"), filepath.Join(tls, name+"-ca.key"))
		if err != nil {
			return nil, err
		}
		if time.Now().After(ca.Cert.NotAfter) {
			return nil, fmt.Errorf("%s expired on %s", ca.File, ca.Cert.NotAfter.Format(time.DateOnly))
		}
		*target = ca
	}
	return tree, nil
}

// leafOf is a certificate and who signs it.
type leafOf struct {
	Leaf
	ca *Authority
}

// leaves lists every certificate of a server, by K3s's file names and subjects.
func (t *Tree) leaves(tls, agent string, node Node) []leafOf {
	masters := []string{"system:masters"}
	client := func(dir, file, cn string, orgs ...string) leafOf {
		return leafOf{Leaf{File: filepath.Join(dir, file), CN: cn, Orgs: orgs}, t.Client}
	}
	apiNames := append([]string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		"localhost", node.Name, "127.0.0.1", "::1", node.ServiceIP,
	}, append(node.Addresses, node.ExtraSANs...)...)
	kubeletNames := append([]string{node.Name, "localhost", "127.0.0.1"}, node.Addresses...)
	return []leafOf{
		client(tls, "client-admin", "system:admin", masters...),
		client(tls, "client-supervisor", "system:k3s-supervisor", masters...),
		client(tls, "client-controller", "system:kube-controller-manager"),
		client(tls, "client-scheduler", "system:kube-scheduler"),
		client(tls, "client-kube-apiserver", "system:apiserver", masters...),
		{Leaf{File: filepath.Join(tls, "serving-kube-apiserver"), CN: "kube-apiserver", Names: apiNames}, t.Server},
		{Leaf{File: filepath.Join(tls, "client-auth-proxy"), CN: "system:auth-proxy"}, t.RequestHeader},
		client(agent, "client-kube-proxy", "system:kube-proxy"),
		client(agent, "client-k3s-controller", "system:k3s-controller"),
		client(agent, "client-kubelet", "system:node:"+node.Name, "system:nodes"),
		{Leaf{File: filepath.Join(agent, "serving-kubelet"), CN: node.Name, Names: kubeletNames}, t.Server},
	}
}

// Issue makes or renews what is needed and writes the copies of the authorities that parts read.
// It returns the names of the certificates it issued.
func (t *Tree) Issue(tls, agent string, node Node, now time.Time) ([]string, error) {
	var issued []string
	for _, leaf := range t.leaves(tls, agent, node) {
		fresh, err := leaf.Ensure(leaf.ca, now)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", leaf.File, err)
		}
		if fresh {
			issued = append(issued, filepath.Base(leaf.File))
		}
	}
	service, err := os.ReadFile(filepath.Join(tls, "service.key"))
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		WriteFile(filepath.Join(tls, "service.current.key"), service, 0o600),
		WriteFile(filepath.Join(tls, "server-ca.nochain.crt"), t.Server.NoChain(), 0o644),
		WriteFile(filepath.Join(tls, "client-ca.nochain.crt"), t.Client.NoChain(), 0o644),
		WriteFile(filepath.Join(agent, "server-ca.crt"), t.Server.Bundle, 0o644),
		WriteFile(filepath.Join(agent, "client-ca.crt"), t.Client.Bundle, 0o644),
	)
	return issued, err
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
