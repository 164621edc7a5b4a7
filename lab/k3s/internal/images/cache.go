package images

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gardenos.internal/lab/k3s/internal/pki"
)

// cacheFile lies where K3s has its own.
const cacheFile = ".cache.json"

// cache remembers archives that are in the store, by name, size and time of change.
type cache struct {
	file    string
	Entries map[string]cached
}

type cached struct {
	Size   int64
	Time   time.Time
	Images []string
}

func loadCache(folder string) *cache {
	c := &cache{file: filepath.Join(folder, cacheFile)}
	if content, err := os.ReadFile(c.file); err == nil {
		_ = json.Unmarshal(content, &c.Entries) // unreadable: import again
	}
	if c.Entries == nil {
		c.Entries = map[string]cached{}
	}
	return c
}

func (c *cache) lookup(info os.FileInfo) ([]string, bool) {
	entry, known := c.Entries[info.Name()]
	same := known && entry.Size == info.Size() && entry.Time.Equal(info.ModTime())
	return entry.Images, same
}

// changed lists the archives that are not as remembered. One that goes away meanwhile is none.
func (c *cache) changed(folder string) []os.FileInfo {
	archives, _ := find(folder)
	var changed []os.FileInfo
	for _, archive := range archives {
		info, err := os.Stat(archive)
		if err != nil {
			continue
		}
		if _, same := c.lookup(info); !same {
			changed = append(changed, info)
		}
	}
	return changed
}

func (c *cache) remember(info os.FileInfo, names []string) {
	c.Entries[info.Name()] = cached{Size: info.Size(), Time: info.ModTime(), Images: slices.Clone(names)}
}

func (c *cache) save() error {
	content, err := json.Marshal(c.Entries)
	if err != nil {
		return err
	}
	return pki.WriteFile(c.file, content, 0o600)
}
