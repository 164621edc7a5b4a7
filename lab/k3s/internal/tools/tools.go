// Package tools unpacks the programs that this executable carries, as K3s does.
package tools

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gardenos.internal/lab/k3s/internal/paths"
)

// archive is empty in the repository; the build lays the real one over it (`go build -overlay`).
//
//go:embed tools.tar.gz
var archive []byte

// ErrNone is what a program built without its tools says.
var ErrNone = errors.New("this k3s was built without its tools: build it with lab/artifacts/k3s.ts")

// Extract makes data/HASH/bin if needed and returns its path. Programs still running from another version's folder
// keep it.
func Extract() (string, error) {
	if len(archive) == 0 {
		return "", ErrNone
	}
	sum := sha256.Sum256(archive)
	folder := paths.Data(hex.EncodeToString(sum[:]))
	if _, err := os.Stat(folder); err != nil {
		if err := unpackWhole(folder); err != nil {
			return "", fmt.Errorf("unpacking tools: %w", err)
		}
	}
	return filepath.Join(folder, "bin"), pointTo(folder)
}

// unpackWhole fills a folder under another name first: one that is there is complete.
func unpackWhole(folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(filepath.Dir(folder), ".unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := unpack(temporary); err != nil {
		return err
	}
	if err := os.Chmod(temporary, 0o755); err != nil {
		return err
	}
	if err := os.Rename(temporary, folder); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func unpack(folder string) error {
	zipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return err
	}
	reader := tar.NewReader(zipped)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		target := filepath.Join(folder, header.Name)
		if !strings.HasPrefix(target, folder) {
			return fmt.Errorf("%s leaves the folder", header.Name)
		}
		if err := extractEntry(header, reader, target); err != nil {
			return err
		}
	}
}

func extractEntry(header *tar.Header, content io.Reader, target string) error {
	switch header.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(target, 0o755)
	case tar.TypeSymlink:
		return os.Symlink(header.Linkname, target)
	case tar.TypeReg:
		file, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, os.FileMode(header.Mode)&0o755)
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, content); err != nil {
			file.Close()
			return err
		}
		return file.Close()
	}
	return fmt.Errorf("%s: unexpected entry in the archive", header.Name)
}

// pointTo keeps data/current at the version in use.
func pointTo(folder string) error {
	link, next := paths.Data("current"), paths.Data(".current.new")
	if now, err := os.Readlink(link); err == nil && now == folder {
		return nil
	}
	_ = os.Remove(next)
	if err := os.Symlink(folder, next); err != nil {
		return err
	}
	return os.Rename(next, link)
}
