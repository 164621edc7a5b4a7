package nodepassword

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestCheck(t *testing.T) {
	ctx := context.Background()
	client := fake.NewClientset()
	for _, password := range []string{"right", "right"} { // stored, then compared
		if err := Check(ctx, client, "n1", password); err != nil {
			t.Fatal(err)
		}
	}
	if err := Check(ctx, client, "n1", "wrong"); !errors.Is(err, ErrRejected) {
		t.Errorf("got %v", err)
	}
	if err := Check(ctx, client, "n2", "other"); err != nil {
		t.Errorf("another node: %v", err)
	}
	secret, err := client.CoreV1().Secrets("kube-system").Get(ctx, "n1.node-password.k3s", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if hash := string(secret.Data["hash"]); strings.Contains(hash, "right") || !strings.HasPrefix(hash, "$1:") {
		t.Errorf("stored: %s", hash)
	}
}

func TestReadMakesOnePassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node", "password")
	first, err := Read(file)
	if err != nil || len(first) != 32 {
		t.Fatalf("got %q, %v", first, err)
	}
	if second, err := Read(file); err != nil || second != first {
		t.Errorf("got %q, %v", second, err)
	}
}
