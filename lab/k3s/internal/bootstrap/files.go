package bootstrap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"gardenos.internal/lab/k3s/internal/pki"
)

// Files maps K3s's names for what servers share to where it lies on disk.
type Files map[string]string

// entry is one shared file, in K3s's form.
type entry struct {
	Timestamp time.Time
	Content   []byte
}

// pack reads all files that exist.
func (f Files) pack() ([]byte, error) {
	data := map[string]entry{}
	for name, file := range f {
		content, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		data[name] = entry{Timestamp: info.ModTime(), Content: content}
	}
	return json.Marshal(data)
}

// missing are the files that are not on disk.
func (f Files) missing() []string {
	var absent []string
	for _, file := range f {
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			absent = append(absent, file)
		}
	}
	return absent
}

// unpack writes what the disk lacks. What it has must be equal: another authority on one server would split the cluster.
func (f Files) unpack(packed []byte) error {
	var data map[string]entry
	if err := json.Unmarshal(packed, &data); err != nil {
		return fmt.Errorf("bootstrap data: %w", err)
	}
	var different, absent []string
	for name, file := range f {
		stored, known := data[name]
		onDisk, err := os.ReadFile(file)
		switch {
		case errors.Is(err, os.ErrNotExist):
			if known {
				absent = append(absent, name)
			}
		case err != nil:
			return err
		case known && !bytes.Equal(bytes.TrimSpace(onDisk), bytes.TrimSpace(stored.Content)):
			different = append(different, file)
		}
	}
	if len(different) > 0 {
		slices.Sort(different)
		return fmt.Errorf("%s differ from the datastore and could cause a cluster outage. "+
			"Remove the file(s) from disk and restart to be recreated from datastore", strings.Join(different, ", "))
	}
	for _, name := range absent {
		mode := os.FileMode(0o600)
		if strings.HasSuffix(f[name], ".crt") {
			mode = 0o644
		}
		if err := pki.WriteFile(f[name], data[name].Content, mode); err != nil {
			return err
		}
	}
	return nil
}
