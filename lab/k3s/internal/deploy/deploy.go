// Package deploy applies the manifests of server/manifests: those this program ships, and any other that lies there.
package deploy

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"gardenos.internal/lab/k3s/internal/config"
	"gardenos.internal/lab/k3s/internal/pki"
	"gardenos.internal/lab/k3s/internal/supervise"
)

//go:embed manifests/*.yaml
var packaged embed.FS

// scanPeriod is K3s's.
const scanPeriod = 15 * time.Second

// Stage writes the packaged manifests to the folder.
func Stage(c *config.Config, folder string) error {
	entries, err := packaged.ReadDir("manifests")
	if err != nil {
		return err
	}
	values := strings.NewReplacer("%{CLUSTER_DNS}", c.ClusterDNS, "%{FORWARD}", forward())
	for _, entry := range entries {
		file := filepath.Join(folder, entry.Name())
		if slices.Contains(c.Disable, strings.TrimSuffix(entry.Name(), ".yaml")) {
			_ = os.Remove(file)
			continue
		}
		content, err := packaged.ReadFile("manifests/" + entry.Name())
		if err != nil {
			return err
		}
		if err := pki.WriteFile(file, []byte(values.Replace(string(content))), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// forward is CoreDNS's line for other names; without a name server on this machine it would refuse to start.
func forward() string {
	for _, file := range []string{"/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"} {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(content), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "nameserver ") {
				return "forward . /etc/resolv.conf"
			}
		}
		break
	}
	return "# no forward: this machine has no DNS server"
}

// Deployer applies files.
type Deployer struct {
	folder, manager string
	client          dynamic.Interface
	mapper          *restmapper.DeferredDiscoveryRESTMapper
	applied         map[string]time.Time
}

// New prepares a deployer that acts as `deploy@NODE`, K3s's name.
func New(config *rest.Config, folder, node string) (*Deployer, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	return &Deployer{folder, "deploy@" + node, client, mapper, map[string]time.Time{}}, nil
}

// Watch applies what is new or changed until the context ends.
func (d *Deployer) Watch(ctx context.Context) {
	for {
		if err := d.ApplyChanged(ctx); err != nil && ctx.Err() == nil {
			supervise.Log("manifests: %v", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(scanPeriod):
		}
	}
}

// ApplyChanged applies every file that is newer than at the last call. A file that fails is tried again next time.
func (d *Deployer) ApplyChanged(ctx context.Context) error {
	entries, err := os.ReadDir(d.folder)
	if err != nil {
		return err
	}
	var problems []error
	for _, entry := range entries {
		info, err := entry.Info()
		name := entry.Name()
		isManifest := slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
		if err != nil || !info.Mode().IsRegular() || !isManifest || strings.HasPrefix(name, ".") {
			continue
		}
		if d.applied[name].Equal(info.ModTime()) || d.skipped(name) {
			continue
		}
		if err := d.applyFile(ctx, filepath.Join(d.folder, name)); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		d.applied[name] = info.ModTime()
	}
	return errors.Join(problems...)
}

// skipped honours K3s's NAME.skip files.
func (d *Deployer) skipped(name string) bool {
	_, err := os.Stat(filepath.Join(d.folder, name+".skip"))
	return err == nil
}

func (d *Deployer) applyFile(ctx context.Context, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if len(object.Object) == 0 {
			continue
		}
		if err := d.applyObject(ctx, object); err != nil {
			return fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}

func (d *Deployer) applyObject(ctx context.Context, object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := d.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		d.mapper.Reset() // a CRD may have come meanwhile
		return err
	}
	var resource dynamic.ResourceInterface = d.client.Resource(mapping.Resource)
	if mapping.Scope.Name() == "namespace" {
		namespace := object.GetNamespace()
		if namespace == "" {
			namespace = meta.NamespaceDefault
		}
		resource = d.client.Resource(mapping.Resource).Namespace(namespace)
	}
	_, err = resource.Apply(ctx, object.GetName(), object, meta.ApplyOptions{FieldManager: d.manager, Force: true})
	return err
}
