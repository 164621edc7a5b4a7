// Package images puts the images of agent/images into containerd's store, as K3s does at every start and when one changes.
package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"gardenos.internal/lab/k3s/internal/supervise"
)

const (
	namespace   = "k8s.io"
	snapshotter = "overlayfs"
	dialTimeout = 2 * time.Second
	pollPause   = 100 * time.Millisecond
	// scanPeriod stands for K3s's inotify, whose instances are scarce where nodes share a host.
	scanPeriod = 2 * time.Second
)

// labels keep kubelet's garbage collection away from images that no registry could bring back.
var labels = map[string]string{
	"io.cri-containerd.image":  "managed",
	"io.cri-containerd.pinned": "pinned",
}

// Import brings every archive of the folder into the store, unless it did so before.
func Import(ctx context.Context, socket, folder string) error {
	archives, err := find(folder)
	if err != nil || len(archives) == 0 {
		return err
	}
	client, err := containerd.New(socket, containerd.WithDefaultNamespace(namespace))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx = namespaces.WithNamespace(ctx, namespace)
	cache := loadCache(folder)
	for _, archive := range archives {
		info, err := os.Stat(archive)
		if err != nil {
			return err
		}
		if names, done := cache.lookup(info); done && present(ctx, client, names) {
			continue
		}
		names, err := importArchive(ctx, client, archive)
		if err != nil {
			return fmt.Errorf("image archive %s: %w", archive, err)
		}
		supervise.Log("imported %s: %s", filepath.Base(archive), strings.Join(names, " "))
		cache.remember(info, names)
	}
	return cache.save()
}

// Watch imports archives that are new or changed until the context ends. One that fails is tried again when it changes.
func Watch(ctx context.Context, socket, folder string) {
	seen := loadCache(folder)
	for {
		if changed := seen.changed(folder); len(changed) > 0 && ctx.Err() == nil {
			if err := Import(ctx, socket, folder); err != nil {
				supervise.Log("%v", err)
			}
			for _, info := range changed {
				seen.remember(info, nil)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(scanPeriod):
		}
	}
}

// WaitServing returns once containerd answers.
func WaitServing(ctx context.Context, socket string) error {
	for {
		if serving(ctx, socket) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollPause):
		}
	}
}

func serving(ctx context.Context, socket string) bool {
	client, err := containerd.New(socket, containerd.WithTimeout(dialTimeout))
	if err != nil {
		return false
	}
	defer client.Close()
	ready, err := client.IsServing(ctx)
	return err == nil && ready
}

func find(folder string) ([]string, error) {
	var archives []string
	for _, pattern := range []string{"*.tar", "*.tar.gz", "*.tgz", "*.tar.zst"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, err
		}
		archives = append(archives, found...)
	}
	slices.Sort(archives)
	return archives, nil
}

// present tells whether the store still has all of them: it may have been wiped.
func present(ctx context.Context, client *containerd.Client, names []string) bool {
	for _, name := range names {
		if _, err := client.ImageService().Get(ctx, name); err != nil {
			return false
		}
	}
	return true
}

// importArchive returns the names that the archive's images got: those of the archive, and NAME@DIGEST for each, which
// is what kubelet looks for when a pod asks for NAME:TAG@DIGEST.
func importArchive(ctx context.Context, client *containerd.Client, file string) ([]string, error) {
	stream, err := open(file)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	imported, err := client.Import(ctx, stream, containerd.WithImageLabels(labels),
		containerd.WithImportPlatform(platforms.Default()), containerd.WithSkipMissing())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, image := range imported {
		all, err := name(ctx, client, image)
		if err != nil {
			return nil, err
		}
		names = append(names, all...)
	}
	if len(names) == 0 {
		return nil, errors.New("no image with a name in it (annotation io.containerd.image.name)")
	}
	return names, nil
}

func name(ctx context.Context, client *containerd.Client, image images.Image) ([]string, error) {
	named, err := reference.ParseDockerRef(image.Name)
	if err != nil {
		return nil, err
	}
	digested := reference.TrimNamed(named).Name() + "@" + image.Target.Digest.String()
	if err := tag(ctx, client, digested, image); err != nil {
		return nil, err
	}
	unpack := containerd.NewImage(client, image)
	if err := unpack.Unpack(ctx, snapshotter); err != nil {
		return nil, fmt.Errorf("%s: %w", image.Name, err)
	}
	return []string{image.Name, digested}, nil
}

func tag(ctx context.Context, client *containerd.Client, name string, image images.Image) error {
	alias := images.Image{Name: name, Target: image.Target, Labels: labels}
	_, err := client.ImageService().Create(ctx, alias)
	if errdefs.IsAlreadyExists(err) {
		_, err = client.ImageService().Update(ctx, alias, "target", "labels")
	}
	return err
}

func open(file string) (io.ReadCloser, error) {
	stream, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.HasSuffix(file, ".zst"):
		reader, err := zstd.NewReader(stream)
		if err != nil {
			stream.Close()
			return nil, err
		}
		return reader.IOReadCloser(), nil
	case strings.HasSuffix(file, "gz"):
		return gzip.NewReader(stream)
	}
	return stream, nil
}
