package pki

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Certificate is one line of `k3s certificate check`.
type Certificate struct {
	Filename     string    `json:"filename"`
	Subject      string    `json:"subject"`
	Issuer       string    `json:"issuer"`
	Usages       []string  `json:"usages"`
	ExpiryTime   time.Time `json:"expiryTime"`
	ResidualTime string    `json:"residualTime"`
	Status       string    `json:"status"`
}

const day = 24 * time.Hour

// Check reads the first certificate of every file in the folders.
func Check(now time.Time, folders ...string) ([]Certificate, error) {
	var found []Certificate
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.crt"))
		if err != nil {
			return nil, err
		}
		slices.Sort(files)
		for _, file := range files {
			if strings.HasSuffix(file, ".nochain.crt") {
				continue
			}
			entry, err := checkFile(file, now)
			if err != nil {
				return nil, err
			}
			found = append(found, entry)
		}
	}
	return found, nil
}

func checkFile(file string, now time.Time) (Certificate, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Certificate{}, err
	}
	certs, err := parseCertificates(content)
	if err != nil {
		return Certificate{}, fmt.Errorf("%s: %w", file, err)
	}
	cert := certs[0]
	left := cert.NotAfter.Sub(now)
	entry := Certificate{
		Filename: filepath.Base(file), Subject: cert.Subject.CommonName, Issuer: cert.Issuer.CommonName,
		ExpiryTime: cert.NotAfter, ResidualTime: fmt.Sprintf("%d days", int(left/day)), Status: "OK",
	}
	for _, usage := range cert.ExtKeyUsage {
		entry.Usages = append(entry.Usages, usage.String())
	}
	if cert.IsCA {
		entry.Usages = append(entry.Usages, "CertSign")
	}
	switch {
	case left <= 0:
		entry.Status = "EXPIRED"
	case left <= RenewBefore:
		entry.Status = "WARNING"
	}
	return entry, nil
}

// PrintCertificates writes a table or, for other programs, JSON.
func PrintCertificates(out io.Writer, certificates []Certificate, format string) error {
	if format == "json" {
		return json.NewEncoder(out).Encode(certificates)
	}
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "FILENAME\tSUBJECT\tUSAGES\tEXPIRES\tRESIDUAL TIME\tSTATUS")
	for _, c := range certificates {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Filename, c.Subject, strings.Join(c.Usages, ","),
			c.ExpiryTime.Format("Jan 02, 2006 15:04 MST"), c.ResidualTime, c.Status)
	}
	return table.Flush()
}
