package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gardenos.internal/lab/k3s/internal/bootstrap"
	"gardenos.internal/lab/k3s/internal/config"
	"gardenos.internal/lab/k3s/internal/deploy"
	"gardenos.internal/lab/k3s/internal/parts"
	"gardenos.internal/lab/k3s/internal/paths"
	"gardenos.internal/lab/k3s/internal/pki"
	"gardenos.internal/lab/k3s/internal/supervise"
)

const (
	datastorePatience = 60 * time.Second
	retryPause        = time.Second
)

// shared are the files that all servers have alike, by K3s's names.
func shared() bootstrap.Files {
	return bootstrap.Files{
		"ServerCA": paths.TLS("server-ca.crt"), "ServerCAKey": paths.TLS("server-ca.key"),
		"ClientCA": paths.TLS("client-ca.crt"), "ClientCAKey": paths.TLS("client-ca.key"),
		"RequestHeaderCA": paths.TLS("request-header-ca.crt"), "RequestHeaderCAKey": paths.TLS("request-header-ca.key"),
		"ServiceKey": paths.TLS("service.key"), "EncryptionConfig": parts.EncryptionConfig(),
	}
}

// preparePKI agrees with the other servers on keys, and writes all that the parts read.
func (s *server) preparePKI(ctx context.Context) error {
	if err := s.reconcile(ctx); err != nil {
		return err
	}
	if s.config.SecretsEncryption && !exists(parts.EncryptionConfig()) {
		return errors.New("secrets-encryption: this cluster was begun without, and cannot be changed to it")
	}
	tree, err := pki.Load(paths.TLS())
	if err != nil {
		return err
	}
	node := pki.Node{
		Name: s.config.NodeName, Addresses: []string{s.config.NodeIP, s.config.AdvertiseAddress},
		ServiceIP: s.config.ServiceIP(), ExtraSANs: s.config.TLSSANs,
	}
	issued, err := tree.Issue(paths.TLS(), paths.Agent(), node, time.Now())
	if err != nil {
		return err
	}
	if len(issued) > 0 {
		supervise.Log("issued certificates: %s", strings.Join(issued, ", "))
	}
	if err := s.writeKubeconfigs(tree); err != nil {
		return err
	}
	kubelet, err := parts.KubeletConfig(s.config)
	if err != nil {
		return err
	}
	token := config.LongToken(s.token, tree.Server.Bundle) + "\n"
	return errors.Join(
		writeAll(file{parts.KubeletConfigDir() + "/00-k3s-defaults.conf", kubelet}),
		pki.WriteFile(paths.Server("token"), []byte(token), 0o600),
		deploy.Stage(s.config, paths.Server("manifests")),
	)
}

// reconcile waits for etcd, but not for what will not change by waiting.
func (s *server) reconcile(ctx context.Context) error {
	store, err := bootstrap.Connect(s.config)
	if err != nil {
		return err
	}
	defer store.Close()
	prepare := func() error {
		if err := pki.CreateMissing(paths.TLS()); err != nil {
			return err
		}
		if !s.config.SecretsEncryption || exists(parts.EncryptionConfig()) {
			return nil
		}
		content, err := newEncryptionConfig()
		if err != nil {
			return err
		}
		return pki.WriteFile(parts.EncryptionConfig(), content, 0o600)
	}
	deadline := time.Now().Add(datastorePatience)
	for {
		err := bootstrap.Reconcile(ctx, store, s.token, shared(), prepare)
		if err == nil || !bootstrap.Temporary(err) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("datastore not reachable for %s: %w", datastorePatience, err)
		}
		supervise.Log("waiting for the datastore: %v", err)
		if err := pause(ctx, retryPause); err != nil {
			return err
		}
	}
}

// newEncryptionConfig is K3s's: AES-CBC, and clear text readable for what was stored before.
func newEncryptionConfig() ([]byte, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	type object = map[string]any
	return json.Marshal(object{
		"kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1",
		"resources": []object{{
			"resources": []string{"secrets"},
			"providers": []object{
				{"aescbc": object{"keys": []object{{"name": "aescbckey", "secret": base64.StdEncoding.EncodeToString(secret)}}}},
				{"identity": object{}},
			},
		}},
	})
}

func (s *server) writeKubeconfigs(tree *pki.Tree) error {
	api := s.config.LocalAPI()
	mode, err := s.config.KubeconfigMode()
	if err != nil {
		return err
	}
	var problems []error
	for file, leaf := range map[string]string{
		paths.Cred("admin.kubeconfig"):          paths.TLS("client-admin"),
		paths.Cred("supervisor.kubeconfig"):     paths.TLS("client-supervisor"),
		paths.Cred("controller.kubeconfig"):     paths.TLS("client-controller"),
		paths.Cred("scheduler.kubeconfig"):      paths.TLS("client-scheduler"),
		paths.Agent("kubelet.kubeconfig"):       paths.Agent("client-kubelet"),
		paths.Agent("kubeproxy.kubeconfig"):     paths.Agent("client-kube-proxy"),
		paths.Agent("k3scontroller.kubeconfig"): paths.Agent("client-k3s-controller"),
	} {
		problems = append(problems, pki.WriteKubeconfig(file, api, paths.Agent("server-ca.crt"), leaf))
	}
	problems = append(problems,
		pki.WriteAdminKubeconfig(paths.Kubeconfig, api, paths.TLS("client-admin"), tree.Server, mode))
	return errors.Join(problems...)
}

// file is one to be written for everybody to read.
type file struct {
	name    string
	content []byte
}

func writeAll(files ...file) error {
	var problems []error
	for _, f := range files {
		problems = append(problems, pki.WriteFile(f.name, f.content, 0o644))
	}
	return errors.Join(problems...)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
