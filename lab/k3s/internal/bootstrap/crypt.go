// Package bootstrap shares the authorities' keys and the encryption configuration among servers, through etcd, as K3s does.
package bootstrap

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

const (
	keyPrefix  = "/bootstrap/"
	iterations = 4096
	keyBytes   = 32
	saltBytes  = 8
)

// storageKey is etcd's key for the data of a token.
func storageKey(token string) string {
	sum := sha256.Sum256([]byte(token))
	return keyPrefix + hex.EncodeToString(sum[:])[:12]
}

// encrypt seals data with a key made from the token: `salt:base64(nonce + ciphertext)`.
func encrypt(token string, data []byte) ([]byte, error) {
	raw := make([]byte, saltBytes)
	if _, err := rand.Read(raw); err != nil {
		return nil, err
	}
	salt := hex.EncodeToString(raw)
	gcm, err := newGCM(token, salt)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	sealed := gcm.Seal(nonce, nonce, data, nil)
	return []byte(salt + ":" + base64.StdEncoding.EncodeToString(sealed)), nil
}

func decrypt(token string, stored []byte) ([]byte, error) {
	salt, encoded, ok := strings.Cut(string(stored), ":")
	if !ok {
		return nil, errors.New("invalid cipher text, not : delimited")
	}
	sealed, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	gcm, err := newGCM(token, salt)
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, errors.New("invalid cipher text, too short")
	}
	return gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
}

func newGCM(token, salt string) (cipher.AEAD, error) {
	// The derivation K3s uses; SHA-1 is not weak in it.
	key, err := pbkdf2.Key(sha1.New, token, []byte(salt), iterations, keyBytes)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
