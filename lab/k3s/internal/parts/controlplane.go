package parts

import (
	"strconv"
	"strings"

	"gardenos.internal/lab/k3s/internal/config"
	"gardenos.internal/lab/k3s/internal/paths"
)

const issuer = "https://kubernetes.default.svc.cluster.local"

// EncryptionConfig is where the apiserver finds how Secrets are encrypted.
func EncryptionConfig() string { return paths.Cred("encryption-config.json") }

// APIServer are the arguments of kube-apiserver. It listens on all addresses itself: where K3s's supervisor port is.
func APIServer(c *config.Config) []string {
	tls := func(name string) string { return paths.TLS(name) }
	args := map[string]string{
		"advertise-address":                  c.AdvertiseAddress,
		"allow-privileged":                   "true",
		"api-audiences":                      issuer + ",k3s",
		"authorization-mode":                 "Node,RBAC",
		"bind-address":                       "0.0.0.0",
		"secure-port":                        strconv.Itoa(c.HTTPSListenPort),
		"client-ca-file":                     tls("client-ca.crt"),
		"enable-admission-plugins":           "NodeRestriction",
		"enable-aggregator-routing":          "false",
		"enable-bootstrap-token-auth":        "true",
		"etcd-cafile":                        c.DatastoreCAFile,
		"etcd-certfile":                      c.DatastoreCertFile,
		"etcd-keyfile":                       c.DatastoreKeyFile,
		"etcd-servers":                       strings.Join(c.Endpoints(), ","),
		"etcd-compaction-interval":           "0", // etcd compacts itself; the user may not
		"kubelet-certificate-authority":      tls("server-ca.crt"),
		"kubelet-client-certificate":         tls("client-kube-apiserver.crt"),
		"kubelet-client-key":                 tls("client-kube-apiserver.key"),
		"kubelet-preferred-address-types":    "InternalIP,ExternalIP,Hostname",
		"profiling":                          "false",
		"proxy-client-cert-file":             tls("client-auth-proxy.crt"),
		"proxy-client-key-file":              tls("client-auth-proxy.key"),
		"requestheader-allowed-names":        "system:auth-proxy",
		"requestheader-client-ca-file":       tls("request-header-ca.crt"),
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-username-headers":     "X-Remote-User",
		"service-account-issuer":             issuer,
		"service-account-key-file":           tls("service.key"),
		"service-account-signing-key-file":   tls("service.current.key"),
		"service-cluster-ip-range":           c.ServiceCIDR,
		"storage-backend":                    "etcd3",
		"tls-cert-file":                      tls("serving-kube-apiserver.crt"),
		"tls-private-key-file":               tls("serving-kube-apiserver.key"),
	}
	if c.SecretsEncryption {
		args["encryption-provider-config"] = EncryptionConfig()
		args["encryption-provider-config-automatic-reload"] = "true"
	}
	return merge(args, c.APIServerArgs)
}

// ControllerManager are the arguments of kube-controller-manager.
func ControllerManager(c *config.Config) []string {
	kubeconfig := paths.Cred("controller.kubeconfig")
	serverCA, serverKey := paths.TLS("server-ca.nochain.crt"), paths.TLS("server-ca.key")
	clientCA, clientKey := paths.TLS("client-ca.nochain.crt"), paths.TLS("client-ca.key")
	return merge(map[string]string{
		"allocate-node-cidrs":       "true",
		"authentication-kubeconfig": kubeconfig,
		"authorization-kubeconfig":  kubeconfig,
		"bind-address":              "127.0.0.1",
		"cluster-cidr":              c.ClusterCIDR,
		"cluster-signing-kube-apiserver-client-cert-file": clientCA,
		"cluster-signing-kube-apiserver-client-key-file":  clientKey,
		"cluster-signing-kubelet-client-cert-file":        clientCA,
		"cluster-signing-kubelet-client-key-file":         clientKey,
		"cluster-signing-kubelet-serving-cert-file":       serverCA,
		"cluster-signing-kubelet-serving-key-file":        serverKey,
		"cluster-signing-legacy-unknown-cert-file":        serverCA,
		"cluster-signing-legacy-unknown-key-file":         serverKey,
		"configure-cloud-routes":                          "false",
		"controllers":                                     "*,tokencleaner",
		"kubeconfig":                                      kubeconfig,
		"node-monitor-grace-period":                       "20s", // K3s leaves upstream's 50 s
		"profiling":                                       "false",
		"root-ca-file":                                    paths.TLS("server-ca.crt"),
		"service-account-private-key-file":                paths.TLS("service.current.key"),
		"service-cluster-ip-range":                        c.ServiceCIDR,
		"use-service-account-credentials":                 "true",
	}, c.ControllerManagerArgs)
}

// Scheduler are the arguments of kube-scheduler.
func Scheduler(c *config.Config) []string {
	kubeconfig := paths.Cred("scheduler.kubeconfig")
	return merge(map[string]string{
		"authentication-kubeconfig": kubeconfig,
		"authorization-kubeconfig":  kubeconfig,
		"bind-address":              "127.0.0.1",
		"kubeconfig":                kubeconfig,
		"profiling":                 "false",
	}, c.SchedulerArgs)
}
