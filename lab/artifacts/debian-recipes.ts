/** The program's own images, the sample application's and two of the lab's: Debian packages and a few files, from lists that Dockerfiles use, too. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { repositoryPath } from "../../lib/repository-file.ts";
import { IMAGE_NAMES, VERSIONS } from "../../plan/versions.ts";
import type { ImageConfig } from "./oci-image.ts";

/** Lists and scripts, one folder for each image. */
export const IMAGES_DIR = repositoryPath("images");

const REPOSITORY = repositoryPath(".");

/** One of the images. */
export interface DebianImage {
  /** In full, with tag: production's. */
  readonly name: string;
  /** Folder with its lists and files. */
  readonly recipe: string;
  /** Further files and folders of the recipe, and where they are in the image. */
  readonly content?: Readonly<Record<string, string>>;
  /** The user that is 65532 in it, and its home. */
  readonly user: readonly [name: string, home: string];
  readonly config: ImageConfig;
}

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const USER = "65532:65532";

/** What the lab's services run: no product of ours, and in no registry. */
const SAMPLE_APP = "gardenos.example/fastapi-app:1";

/** As the Dockerfiles say; a test compares them. */
export const DEBIAN_IMAGES = {
  postgres: {
    name: IMAGE_NAMES.postgres,
    recipe: join(IMAGES_DIR, "postgres"),
    user: ["postgres", "/var/lib/postgresql"],
    config: {
      cmd: ["patroni", "/etc/patroni/patroni.yml"],
      user: USER,
      env: { PATH: `/usr/lib/postgresql/${VERSIONS.postgres}/bin:${SYSTEM_PATH}`, LANG: "C.UTF-8" },
    },
  },
  pgbouncer: {
    name: IMAGE_NAMES.pgbouncer,
    recipe: join(IMAGES_DIR, "pgbouncer"),
    user: ["postgres", "/var/lib/postgresql"],
    config: {
      cmd: ["pgbouncer", "/etc/pgbouncer/pgbouncer.ini"],
      user: USER,
      env: { PATH: SYSTEM_PATH, LANG: "C.UTF-8" },
    },
  },
  haproxy: {
    name: IMAGE_NAMES.haproxy,
    recipe: join(IMAGES_DIR, "haproxy"),
    user: ["nonroot", "/var/lib/haproxy"],
    config: {
      cmd: ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"],
      user: USER,
      env: { PATH: SYSTEM_PATH, LANG: "C.UTF-8" },
    },
  },
  fastapiApp: {
    name: SAMPLE_APP,
    recipe: repositoryPath("examples/fastapi-app"),
    content: { app: "app/app", migrations: "app/migrations", "alembic.ini": "app/alembic.ini" },
    user: ["nonroot", "/home/nonroot"],
    config: {
      cmd: ["python3", "-m", "uvicorn", "app.api:app", "--host", "0.0.0.0", "--port", "8000"],
      user: USER,
      env: { PATH: SYSTEM_PATH, LANG: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1" },
      workingDir: "/app",
    },
  },
  envoy: {
    name: `docker.io/envoyproxy/envoy:v${VERSIONS.envoyLab}`,
    recipe: repositoryPath("lab/images/envoy"),
    user: ["envoy", "/home/envoy"],
    config: { cmd: ["envoy"], user: USER, env: { PATH: SYSTEM_PATH } },
  },
  supabaseStandIn: {
    name: "gardenos.example/supabase-stand-in:1",
    recipe: repositoryPath("lab/images/stand-in"),
    content: { stand_in: "app/stand_in" },
    user: ["nonroot", "/home/nonroot"],
    config: {
      // What a pod gives as arguments is for the service that it stands in for.
      entrypoint: ["python3", "-m", "stand_in"],
      user: USER,
      env: { PATH: SYSTEM_PATH, LANG: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1" },
      workingDir: "/app",
    },
  },
} as const satisfies Readonly<Record<string, DebianImage>>;

export type DebianImageName = keyof typeof DEBIAN_IMAGES;

/** The packages of an image's list: one a line, `#` starts a comment. */
export function imagePackages(name: DebianImageName): readonly string[] {
  const text = readFileSync(join(DEBIAN_IMAGES[name].recipe, "packages.txt"), "utf8");
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "");
}

/** What is not in the image. */
const NO_INGREDIENTS = /\/(Dockerfile|README\.md|__pycache__\/.*|tests\/.*)$/;

/** Path and text of each file that decides what is in the image; the Dockerfile is not one of them. */
export function recipeFiles(name: DebianImageName): readonly string[] {
  const { recipe } = DEBIAN_IMAGES[name];
  const own = readdirSync(recipe, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !NO_INGREDIENTS.test(join(entry.parentPath, entry.name)))
    .map((entry) => join(entry.parentPath, entry.name));
  const scripts = ["prepare.sh", "finish.sh"].map((script) => join(IMAGES_DIR, script));
  return [...own, ...scripts]
    .sort()
    .flatMap((path) => [relative(REPOSITORY, path), readFileSync(path, "utf8")]);
}
