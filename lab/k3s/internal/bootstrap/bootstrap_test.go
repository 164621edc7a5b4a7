package bootstrap

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gardenos.internal/lab/k3s/internal/pki"
)

// memory is etcd as far as this package needs it.
type memory struct {
	data   map[string][]byte
	before func() // runs before a create: another server that is quicker
}

func (m *memory) List(context.Context) (map[string][]byte, error) { return m.data, nil }

func (m *memory) CreateFirst(_ context.Context, key string, value []byte) (bool, error) {
	if before := m.before; before != nil {
		m.before = nil
		before()
	}
	if len(m.data) > 0 {
		return false, nil
	}
	m.data = map[string][]byte{key: value}
	return true, nil
}

func newServer(t *testing.T) (Files, string) {
	folder := t.TempDir()
	return Files{
		"ServerCA": filepath.Join(folder, "server-ca.crt"), "ServerCAKey": filepath.Join(folder, "server-ca.key"),
	}, folder
}

func reconcile(store Store, token string, files Files, folder string) error {
	return Reconcile(context.Background(), store, token, files, func() error { return pki.CreateMissing(folder) })
}

func TestSecondServerGetsTheFirstOnesFiles(t *testing.T) {
	store := &memory{}
	first, firstDir := newServer(t)
	second, secondDir := newServer(t)
	if err := reconcile(store, "token", first, firstDir); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and at its next start finds nothing to do
		if err := reconcile(store, "token", second, secondDir); err != nil {
			t.Fatal(err)
		}
	}
	for name := range first {
		a, _ := os.ReadFile(first[name])
		b, err := os.ReadFile(second[name])
		if err != nil || string(a) != string(b) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
	if info, _ := os.Stat(second["ServerCAKey"]); info.Mode() != 0o600 {
		t.Errorf("key's mode: %s", info.Mode())
	}
	for _, value := range store.data {
		if strings.Contains(string(value), "PRIVATE") {
			t.Error("a key is stored in clear text")
		}
	}
}

func TestTheSlowerOfTwoAdopts(t *testing.T) {
	quick, quickDir := newServer(t)
	slow, slowDir := newServer(t)
	store := &memory{}
	store.before = func() {
		if err := reconcile(store, "token", quick, quickDir); err != nil {
			t.Fatal(err)
		}
	}
	// It has made an authority of its own by then, which nobody must ever see.
	if err := reconcile(store, "token", slow, slowDir); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(quick["ServerCAKey"])
	if b, err := os.ReadFile(slow["ServerCAKey"]); err != nil || string(a) != string(b) {
		t.Errorf("two authorities: %v", err)
	}
}

func TestOtherTokenIsRefused(t *testing.T) {
	store := &memory{}
	first, firstDir := newServer(t)
	if err := reconcile(store, "token", first, firstDir); err != nil {
		t.Fatal(err)
	}
	second, secondDir := newServer(t)
	if err := reconcile(store, "other", second, secondDir); !errors.Is(err, ErrOtherToken) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(second["ServerCAKey"]); err == nil {
		t.Error("it made or took a key all the same")
	}
	// The same key of etcd, but what it holds was sealed with another token.
	store.data = map[string][]byte{storageKey("other"): store.data[storageKey("token")]}
	if err := reconcile(store, "other", second, secondDir); !errors.Is(err, ErrOtherToken) {
		t.Errorf("got %v", err)
	}
}

func TestOtherAuthorityIsRefused(t *testing.T) {
	store := &memory{}
	first, firstDir := newServer(t)
	if err := reconcile(store, "token", first, firstDir); err != nil {
		t.Fatal(err)
	}
	second, secondDir := newServer(t)
	if err := pki.CreateMissing(secondDir); err != nil {
		t.Fatal(err)
	}
	err := reconcile(store, "token", second, secondDir)
	if err == nil || !strings.Contains(err.Error(), second["ServerCA"]) || !strings.Contains(err.Error(), second["ServerCAKey"]) {
		t.Errorf("want both files named, got %v", err)
	}
}

func TestTamperedDataIsNotOpened(t *testing.T) {
	sealed, err := encrypt("token", []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := decrypt("token", sealed); err != nil || string(opened) != "data" {
		t.Errorf("got %q, %v", opened, err)
	}
	sealed[len(sealed)-6] ^= 1
	if _, err := decrypt("token", sealed); err == nil {
		t.Error("tampered data was opened")
	}
}
