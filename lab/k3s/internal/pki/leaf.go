package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	leafLifetime = 365 * 24 * time.Hour
	// RenewBefore is how early a certificate is renewed at a start.
	RenewBefore = 90 * 24 * time.Hour
)

// Leaf describes one certificate with its key: FILE.crt and FILE.key.
type Leaf struct {
	File  string // without the ending
	CN    string
	Orgs  []string
	Names []string // DNS names and addresses: makes it a serving certificate
}

// Ensure issues the certificate unless a good one is there. It tells whether it did.
func (l Leaf) Ensure(ca *Authority, now time.Time) (bool, error) {
	certFile, keyFile := l.File+".crt", l.File+".key"
	if l.current(ca, now) {
		return false, nil
	}
	key, err := loadKey(keyFile)
	if err != nil {
		if key, err = newKey(keyFile); err != nil {
			return false, err
		}
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: l.CN, Organization: l.Orgs},
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     earliest(now.Add(leafLifetime), ca.Cert.NotAfter),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(l.Names) > 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		template.DNSNames, template.IPAddresses = l.split()
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Cert, key.Public(), ca.Key)
	if err != nil {
		return false, err
	}
	return true, WriteFile(certFile, append(encodeCert(der), ca.intermediates()...), 0o644)
}

// current tells whether the files hold what Ensure would issue, for long enough.
func (l Leaf) current(ca *Authority, now time.Time) bool {
	content, err := os.ReadFile(l.File + ".crt")
	if err != nil {
		return false
	}
	certs, err := parseCertificates(content)
	if err != nil {
		return false
	}
	key, err := loadKey(l.File + ".key")
	if err != nil || !samePublicKey(certs[0].PublicKey, key.Public()) {
		return false
	}
	cert := certs[0]
	names, addresses := l.split()
	sameAddresses := slices.EqualFunc(cert.IPAddresses, addresses, net.IP.Equal)
	return cert.CheckSignatureFrom(ca.Cert) == nil &&
		bytes.Equal(cert.RawIssuer, ca.Cert.RawSubject) &&
		cert.Subject.CommonName == l.CN &&
		slices.Equal(cert.Subject.Organization, l.Orgs) &&
		slices.Equal(cert.DNSNames, names) && sameAddresses &&
		now.After(cert.NotBefore) && cert.NotAfter.Sub(now) > RenewBefore
}

func (l Leaf) split() (names []string, addresses []net.IP) {
	seen := map[string]bool{}
	for _, name := range l.Names {
		if name = strings.TrimSpace(name); name == "" || seen[name] {
			continue
		}
		seen[name] = true
		if address := net.ParseIP(name); address != nil {
			addresses = append(addresses, address)
		} else {
			names = append(names, name)
		}
	}
	return names, addresses
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
