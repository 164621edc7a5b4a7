package pki

import (
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// WriteKubeconfig writes a kubeconfig that names files: a renewed certificate needs no new one.
func WriteKubeconfig(file, server, caFile, leaf string) error {
	cluster := &api.Cluster{Server: server, CertificateAuthority: caFile}
	user := &api.AuthInfo{ClientCertificate: leaf + ".crt", ClientKey: leaf + ".key"}
	return writeConfig(file, "local", cluster, user, 0o600)
}

// WriteAdminKubeconfig writes k3s.yaml, which holds everything itself so that it can be copied.
func WriteAdminKubeconfig(file, server, leaf string, ca *Authority, mode os.FileMode) error {
	cert, err := os.ReadFile(leaf + ".crt")
	if err != nil {
		return err
	}
	key, err := os.ReadFile(leaf + ".key")
	if err != nil {
		return err
	}
	cluster := &api.Cluster{Server: server, CertificateAuthorityData: ca.Bundle}
	user := &api.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	return writeConfig(file, "default", cluster, user, mode)
}

func writeConfig(file, name string, cluster *api.Cluster, user *api.AuthInfo, mode os.FileMode) error {
	config := api.NewConfig()
	config.Clusters[name] = cluster
	config.AuthInfos[name] = user
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	content, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	return WriteFile(file, content, mode)
}
