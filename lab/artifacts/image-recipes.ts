/** What is in each of the lab's images: upstream's names, paths, users and ports, as far as a pod can tell. */
import { VERSIONS } from "../../plan/versions.ts";
import type { Busybox } from "./busybox.ts";
import type { GoProgram } from "./go-program.ts";
import type { ImageConfig, ImageFiles, ImageSource } from "./oci-image.ts";

/** An image around one program. */
export interface ProgramImage {
  /** In full, with tag. */
  readonly name: string;
  readonly program: GoProgram;
  /** Path of the program in the image. */
  readonly path: string;
  /** File capabilities of the program; see `oci-image.ts`. */
  readonly capabilities?: string;
  /** Where the sources are. @default - in this repository */
  readonly source?: string;
  readonly config: ImageConfig;
}

/** The tag stands for what K3s asks for; the program is the lab's own. */
const PAUSE_TAG = "3.6";

/** Not only for a shell: a pod's `command` without a slash is looked up in it. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Images of programs from the Go module proxy, in the order in which they are built: quick ones first. */
export const PROGRAM_IMAGES = {
  pause: {
    name: `docker.io/rancher/mirrored-pause:${PAUSE_TAG}`,
    program: {
      name: "pause",
      version: PAUSE_TAG,
      main: ".",
      stamps: { "main.version": `${PAUSE_TAG}-gardenos-lab` },
      duration: "seconds",
    },
    path: "pause",
    config: { entrypoint: ["/pause"], user: "65535:65535" },
  },
  localPathProvisioner: {
    name: `docker.io/rancher/local-path-provisioner:v${VERSIONS.localPathProvisionerLab}`,
    program: {
      name: "local-path-provisioner",
      version: VERSIONS.localPathProvisionerLab,
      module: "github.com/rancher/local-path-provisioner",
      main: "github.com/rancher/local-path-provisioner",
      stamps: { "main.VERSION": `v${VERSIONS.localPathProvisionerLab}` },
      duration: "5 s; 1-2 min with an empty Go cache",
    },
    path: "usr/bin/local-path-provisioner",
    source: "https://github.com/rancher/local-path-provisioner",
    config: { cmd: ["local-path-provisioner"], env: { PATH } },
  },
  metricsServer: {
    name: `registry.k8s.io/metrics-server/metrics-server:v${VERSIONS.metricsServer}`,
    program: {
      name: "metrics-server",
      version: VERSIONS.metricsServer,
      module: "sigs.k8s.io/metrics-server",
      main: "sigs.k8s.io/metrics-server/cmd/metrics-server",
      stamps: { "k8s.io/client-go/pkg/version.gitVersion": `v${VERSIONS.metricsServer}` },
      duration: "10 s; 2-5 min with an empty Go cache",
    },
    path: "metrics-server",
    source: "https://github.com/kubernetes-sigs/metrics-server",
    config: { entrypoint: ["/metrics-server"], user: "65534", workingDir: "/" },
  },
  coredns: {
    name: `docker.io/rancher/mirrored-coredns-coredns:${VERSIONS.coredns}`,
    program: {
      name: "coredns",
      version: VERSIONS.coredns,
      module: "github.com/coredns/coredns",
      main: "github.com/coredns/coredns",
      tags: ["grpcnotrace"],
      duration: "10 s; 2-4 min with an empty Go cache",
    },
    path: "coredns",
    // As upstream: its user is not root and port 53 is privileged.
    capabilities: "cap_net_bind_service=+ep",
    source: "https://github.com/coredns/coredns",
    config: {
      entrypoint: ["/coredns"],
      user: "65532:65532",
      workingDir: "/",
      exposedPorts: ["53/tcp", "53/udp"],
    },
  },
  traefik: {
    name: `docker.io/library/traefik:v${VERSIONS.traefik}`,
    program: {
      name: "traefik",
      version: VERSIONS.traefik,
      module: "github.com/traefik/traefik/v3",
      main: "github.com/traefik/traefik/v3/cmd/traefik",
      stamps: {
        "github.com/traefik/traefik/v3/pkg/version.Version": VERSIONS.traefik,
        "github.com/traefik/traefik/v3/pkg/version.Codename": "ramequin",
        "github.com/traefik/traefik/v3/pkg/version.BuildDate": "unknown",
      },
      duration: "15 s; 4-14 min with an empty Go cache",
    },
    path: "usr/local/bin/traefik",
    source: "https://github.com/traefik/traefik",
    config: {
      entrypoint: ["/usr/local/bin/traefik"],
      env: { PATH },
      exposedPorts: ["80/tcp"],
    },
  },
} as const satisfies Readonly<Record<string, ProgramImage>>;

/** The image of a program that lies at `executable` on this machine. */
export function programImage(image: ProgramImage, executable: string): ImageSource {
  const { name, path, capabilities, config, program } = image;
  const file = { executable, ...(capabilities ? { capabilities } : {}) };
  return {
    name,
    files: { ...baseFiles("/"), tmp: { folder: 0o1777 }, [path]: file },
    config: { ...config, labels: labels(program.name, program.version, image.source) },
  };
}

/** As Docker's `busybox`: every applet in `/bin`, root, a shell by default. */
export function busyboxImage({
  version,
  file,
  applets,
}: Busybox): ImageSource & { readonly files: ImageFiles } {
  const links = applets.filter((name) => name !== "busybox");
  return {
    name: `docker.io/library/busybox:${version}`,
    files: {
      ...baseFiles("/bin/sh"),
      "bin/busybox": { executable: file },
      ...Object.fromEntries(links.map((name) => [`bin/${name}`, { link: "busybox" }])),
      root: { folder: 0o700 },
      tmp: { folder: 0o1777 },
      "usr/bin/env": { link: "/bin/env" },
    },
    config: { cmd: ["sh"], env: { PATH }, labels: labels("busybox", version) },
  };
}

/** Names for the users that pods and images give by number, and names looked up in files before DNS. */
function baseFiles(rootShell: string): ImageFiles {
  const passwd = [
    `root:x:0:0:root:/root:${rootShell}`,
    "nobody:x:65534:65534:nobody:/:/",
    "nonroot:x:65532:65532:nonroot:/:/",
  ];
  const group = ["root:x:0:", "nobody:x:65534:", "nonroot:x:65532:"];
  return {
    "etc/passwd": { text: `${passwd.join("\n")}\n` },
    "etc/group": { text: `${group.join("\n")}\n` },
    "etc/nsswitch.conf": { text: "hosts: files dns\n" },
  };
}

/** Says whose image it is: these are not upstream's. */
function labels(title: string, version: string, source?: string): Readonly<Record<string, string>> {
  return {
    "org.opencontainers.image.title": title,
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.vendor": "gardenos lab",
    ...(source ? { "org.opencontainers.image.source": source } : {}),
  };
}
