package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	etcd "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"gardenos.internal/lab/k3s/internal/config"
)

// ErrOtherToken is K3s's sentence for a token that is not the cluster's.
var ErrOtherToken = errors.New("bootstrap data already found and encrypted with different token")

const callTimeout = 10 * time.Second

// Store is the part of etcd that the bootstrap data needs.
type Store interface {
	// List returns all bootstrap data by key.
	List(ctx context.Context) (map[string][]byte, error)
	// CreateFirst stores the value if there is no bootstrap data at all, and tells whether it did.
	CreateFirst(ctx context.Context, key string, value []byte) (bool, error)
}

// Reconcile makes the files on disk and the stored data the same. prepare makes the files that are missing, and is
// called only when this server is the first of its cluster.
func Reconcile(ctx context.Context, store Store, token string, files Files, prepare func() error) error {
	for range 3 {
		stored, err := store.List(ctx)
		if err != nil {
			return err
		}
		if len(stored) > 0 {
			return adopt(stored, token, files)
		}
		made := files.missing()
		if err := prepare(); err != nil {
			return err
		}
		packed, err := files.pack()
		if err != nil {
			return err
		}
		sealed, err := encrypt(token, packed)
		if err != nil {
			return err
		}
		first, err := store.CreateFirst(ctx, storageKey(token), sealed)
		if err != nil || first {
			return err
		}
		// Another server was quicker: take what it stored, and not what was made in vain.
		for _, file := range made {
			_ = os.Remove(file)
		}
	}
	return errors.New("bootstrap data neither readable nor writable")
}

func adopt(stored map[string][]byte, token string, files Files) error {
	sealed, mine := stored[storageKey(token)]
	if !mine {
		return ErrOtherToken
	}
	packed, err := decrypt(token, sealed)
	if err != nil {
		return ErrOtherToken
	}
	return files.unpack(packed)
}

// Etcd is the real store.
type Etcd struct{ client *etcd.Client }

// Connect prepares a client; no call is made yet.
func Connect(c *config.Config) (*Etcd, error) {
	tlsInfo := transport.TLSInfo{
		CertFile: c.DatastoreCertFile, KeyFile: c.DatastoreKeyFile, TrustedCAFile: c.DatastoreCAFile,
	}
	tls, err := tlsInfo.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("datastore files: %w", err)
	}
	client, err := etcd.New(etcd.Config{
		Endpoints: c.Endpoints(), TLS: tls, DialTimeout: callTimeout, Logger: zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("datastore-endpoint: %w", err)
	}
	return &Etcd{client}, nil
}

// Close ends the connections.
func (e *Etcd) Close() { _ = e.client.Close() }

// Temporary tells whether waiting may help: etcd did not answer, or had no leader.
func Temporary(err error) bool {
	var call *callError
	return errors.As(err, &call) && !errors.Is(err, rpctypes.ErrPermissionDenied)
}

// callError is a failed call to etcd.
type callError struct{ cause error }

func (e *callError) Error() string { return "etcd: " + e.cause.Error() }
func (e *callError) Unwrap() error { return e.cause }

// List implements [Store].
func (e *Etcd) List(ctx context.Context) (map[string][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := e.client.Get(ctx, keyPrefix, etcd.WithPrefix())
	if err != nil {
		return nil, &callError{err}
	}
	found := map[string][]byte{}
	for _, pair := range answer.Kvs {
		found[string(pair.Key)] = pair.Value
	}
	return found, nil
}

// CreateFirst implements [Store].
func (e *Etcd) CreateFirst(ctx context.Context, key string, value []byte) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	none := etcd.Compare(etcd.CreateRevision(keyPrefix), "=", 0).WithPrefix()
	answer, err := e.client.Txn(ctx).If(none).Then(etcd.OpPut(key, string(value))).Commit()
	if err != nil {
		return false, &callError{err}
	}
	return answer.Succeeded, nil
}
