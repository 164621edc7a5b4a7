package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Endpoints are etcd's addresses in the order given: the node's own member first.
func (c *Config) Endpoints() []string {
	var all []string
	for _, endpoint := range strings.Split(c.DatastoreEndpoint, ",") {
		if endpoint = strings.TrimSpace(endpoint); endpoint != "" {
			all = append(all, endpoint)
		}
	}
	return all
}

// ServiceIP is the address of the `kubernetes` Service.
func (c *Config) ServiceIP() string {
	prefix, _ := netip.ParsePrefix(c.ServiceCIDR)
	return nth(prefix, 1).String()
}

// LocalAPI is the node's own apiserver.
func (c *Config) LocalAPI() string {
	return fmt.Sprintf("https://127.0.0.1:%d", c.HTTPSListenPort)
}

// KubeconfigMode is the mode of k3s.yaml.
func (c *Config) KubeconfigMode() (os.FileMode, error) {
	mode, err := strconv.ParseUint(c.WriteKubeconfigMode, 8, 32)
	return os.FileMode(mode), err
}

// Token reads the shared secret; of K3s's long form (`K10<hash>::server:<secret>`) the secret alone.
func (c *Config) Token() (string, error) {
	content, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("token-file: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if _, rest, long := strings.Cut(token, "::"); long && strings.HasPrefix(token, "K10") {
		token = rest
	}
	token = strings.TrimPrefix(token, "server:")
	if token == "" {
		return "", errors.New("token-file: " + c.TokenFile + " is empty")
	}
	return token, nil
}

// LongToken is the token as K3s writes it to server/token: with the hash of the CA that a joining node must meet.
func LongToken(token string, serverCA []byte) string {
	sum := sha256.Sum256(bytes.TrimSpace(serverCA))
	return "K10" + hex.EncodeToString(sum[:]) + "::server:" + token
}

func nth(prefix netip.Prefix, n int) netip.Addr {
	address := prefix.Masked().Addr()
	for range n {
		address = address.Next()
	}
	return address
}
