package images

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAnArchiveIsChangedUntilItIsRememberedAsItIs(t *testing.T) {
	folder := t.TempDir()
	archive := filepath.Join(folder, "gardenos.tar")
	expect := func(what string, seen *cache, want int) {
		t.Helper()
		if got := len(seen.changed(folder)); got != want {
			t.Errorf("%s: %d changed, want %d", what, got, want)
		}
	}
	write(t, archive, "first")
	write(t, filepath.Join(folder, ".gardenos.tar.new"), "half a download")
	seen := loadCache(folder)
	expect("new", seen, 1)
	for _, info := range seen.changed(folder) {
		seen.remember(info, []string{"example:1"})
	}
	expect("remembered", seen, 0)
	if err := seen.save(); err != nil {
		t.Fatal(err)
	}
	expect("after a restart", loadCache(folder), 0)

	replacement := filepath.Join(folder, "download")
	write(t, replacement, "other")
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(replacement, later, later); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(replacement, archive); err != nil {
		t.Fatal(err)
	}
	expect("replaced by one of the same size", seen, 1)
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
