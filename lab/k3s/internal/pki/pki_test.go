package pki

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var node = Node{Name: "n1", Addresses: []string{"10.0.1.11"}, ServiceIP: "10.43.0.1", ExtraSANs: []string{"api.lab"}}

func newTree(t *testing.T) (tree *Tree, tls, agent string) {
	t.Helper()
	tls, agent = t.TempDir(), t.TempDir()
	if err := CreateMissing(tls); err != nil {
		t.Fatal(err)
	}
	tree, err := Load(tls)
	if err != nil {
		t.Fatal(err)
	}
	return tree, tls, agent
}

func read(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	certs, err := parseCertificates(content)
	if err != nil {
		t.Fatal(err)
	}
	return certs[0]
}

func TestIssue(t *testing.T) {
	tree, tls, agent := newTree(t)
	now := time.Now()
	issued, err := tree.Issue(tls, agent, node, now)
	if err != nil || len(issued) != 11 {
		t.Fatalf("first start: issued %q, %v", issued, err)
	}
	serving := read(t, filepath.Join(tls, "serving-kube-apiserver.crt"))
	roots := x509.NewCertPool()
	roots.AddCert(tree.Server.Cert)
	for _, name := range []string{"127.0.0.1", "10.0.1.11", "10.43.0.1", "kubernetes.default.svc", "n1", "api.lab"} {
		if _, err := serving.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("apiserver as %s: %v", name, err)
		}
	}
	kubelet := read(t, filepath.Join(agent, "client-kubelet.crt"))
	if kubelet.Subject.CommonName != "system:node:n1" || kubelet.Subject.Organization[0] != "system:nodes" {
		t.Errorf("kubelet's subject: %s", kubelet.Subject)
	}
	if issued, err = tree.Issue(tls, agent, node, now); err != nil || len(issued) != 0 {
		t.Errorf("second start: issued %q, %v", issued, err)
	}
}

func TestIssueRenews(t *testing.T) {
	tree, tls, agent := newTree(t)
	now := time.Now()
	if _, err := tree.Issue(tls, agent, node, now); err != nil {
		t.Fatal(err)
	}
	later := now.Add(leafLifetime - RenewBefore + time.Hour)
	if issued, err := tree.Issue(tls, agent, node, later); err != nil || len(issued) != 11 {
		t.Errorf("less than 90 days left: issued %q, %v", issued, err)
	}
	moved := node
	moved.Addresses = []string{"10.0.1.12"}
	issued, err := tree.Issue(tls, agent, moved, later)
	if err != nil || strings.Join(issued, " ") != "serving-kube-apiserver serving-kubelet" {
		t.Errorf("another address: issued %q, %v", issued, err)
	}
}

func TestLeafCarriesIntermediates(t *testing.T) {
	tree, tls, agent := newTree(t)
	bundle := tree.Client.Bundle
	chained := *tree.Client
	chained.Bundle = append(bytes.Clone(bundle), tree.Server.Bundle...)
	leaf := Leaf{File: filepath.Join(agent, "x"), CN: "x"}
	if _, err := leaf.Ensure(&chained, time.Now()); err != nil {
		t.Fatal(err)
	}
	content, _ := os.ReadFile(leaf.File + ".crt")
	if count := bytes.Count(content, []byte("BEGIN")); count != 1 {
		t.Errorf("roots do not belong in a leaf's file: %d certificates", count)
	}
	if _, err := os.Stat(filepath.Join(tls, "client-ca.key")); err != nil {
		t.Error(err)
	}
}

func TestCreateMissingRefusesHalfAPair(t *testing.T) {
	_, tls, _ := newTree(t)
	if err := os.Remove(filepath.Join(tls, "client-ca.key")); err != nil {
		t.Fatal(err)
	}
	if err := CreateMissing(tls); err == nil || !strings.Contains(err.Error(), "client-ca.key") {
		t.Errorf("got %v", err)
	}
}

func TestLoadRefusesAForeignKey(t *testing.T) {
	_, tls, _ := newTree(t)
	other, err := os.ReadFile(filepath.Join(tls, "server-ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tls, "client-ca.key"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(tls); err == nil || !strings.Contains(err.Error(), "client-ca.key does not hold the key") {
		t.Errorf("got %v", err)
	}
}

func TestCheck(t *testing.T) {
	tree, tls, agent := newTree(t)
	now := time.Now()
	if _, err := tree.Issue(tls, agent, node, now); err != nil {
		t.Fatal(err)
	}
	status := func(at time.Time) map[string]string {
		found, err := Check(at, tls, agent)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, c := range found {
			all[c.Filename] = c.Status
		}
		return all
	}
	if got := status(now)["client-kubelet.crt"]; got != "OK" {
		t.Errorf("new: %s", got)
	}
	if got := status(now.Add(300 * day))["client-kubelet.crt"]; got != "WARNING" {
		t.Errorf("65 days before the end: %s", got)
	}
	if got := status(now.Add(366 * day)); got["client-kubelet.crt"] != "EXPIRED" || got["client-ca.crt"] != "OK" {
		t.Errorf("after a year: %v", got)
	}
}
