// Package nodepassword keeps another machine from taking a node's name.
package nodepassword

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/scrypt"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"gardenos.internal/lab/k3s/internal/paths"
	"gardenos.internal/lab/k3s/internal/pki"
)

// ErrRejected is K3s's sentence for a node whose password is not the one of its first registration.
var ErrRejected = errors.New("Node password rejected, duplicate hostname or contents of '" + paths.NodePassword +
	"' may not match server node-passwd entry") //nolint:staticcheck // K3s's spelling

var errForm = errors.New("node password: the stored hash is of an unknown form")

const (
	hashVersion = "$1"
	scryptN     = 15 // a power of two
	scryptR     = 8
	scryptP     = 1
	hashBytes   = 64
)

// Read returns the node's password; without a file it makes one.
func Read(file string) (string, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		raw := make([]byte, 16)
		if _, err := rand.Read(raw); err != nil {
			return "", err
		}
		content = []byte(hex.EncodeToString(raw) + "\n")
		err = pki.WriteFile(file, content, 0o600)
	}
	if err != nil {
		return "", err
	}
	password := strings.TrimSpace(string(content))
	if password == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return password, nil
}

// Check compares the password with the stored hash, or stores it at the first registration of the name.
func Check(ctx context.Context, client kubernetes.Interface, node, password string) error {
	secrets := client.CoreV1().Secrets(meta.NamespaceSystem)
	name := node + ".node-password.k3s"
	for {
		secret, err := secrets.Get(ctx, name, meta.GetOptions{})
		if err == nil {
			return verify(string(secret.Data["hash"]), password)
		}
		if !apierrors.IsNotFound(err) {
			return err
		}
		hash, err := newHash(password)
		if err != nil {
			return err
		}
		immutable := true
		_, err = secrets.Create(ctx, &core.Secret{
			ObjectMeta: meta.ObjectMeta{Name: name},
			Immutable:  &immutable,
			Data:       map[string][]byte{"hash": []byte(hash)},
		}, meta.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
}

func newHash(password string) (string, error) {
	salt := make([]byte, 8)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	sum, err := scrypt.Key([]byte(password), salt, 1<<scryptN, scryptR, scryptP, hashBytes)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s:%x:%d:%d:%d:%s", hashVersion, salt, scryptN, scryptR, scryptP,
		base64.RawStdEncoding.EncodeToString(sum)), nil
}

func verify(hash, password string) error {
	var n, r, p int
	fields := strings.Split(hash, ":")
	if len(fields) != 6 || fields[0] != hashVersion {
		return errForm
	}
	if _, err := fmt.Sscanf(strings.Join(fields[2:5], " "), "%d %d %d", &n, &r, &p); err != nil || n < 1 || n > 20 {
		return errForm
	}
	salt, err := hex.DecodeString(fields[1])
	if err != nil {
		return fmt.Errorf("node password: %w", err)
	}
	sum, err := scrypt.Key([]byte(password), salt, 1<<n, r, p, hashBytes)
	if err != nil {
		return fmt.Errorf("node password: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(base64.RawStdEncoding.EncodeToString(sum)), []byte(fields[5])) != 1 {
		return ErrRejected
	}
	return nil
}

// Final tells whether trying again can't change a verdict.
func Final(verdict error) bool {
	return verdict == nil || errors.Is(verdict, ErrRejected) || errors.Is(verdict, errForm)
}
