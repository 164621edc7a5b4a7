/** A cloud on a free port with a recording hypervisor, and a client that speaks plain HTTP. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect } from "vitest";
import { z } from "zod";
import { type Cloud, type CloudOptions, startCloud } from "../../../lab/cloud/server.ts";
import { RecordingBalancers } from "./recording-balancers.ts";
import { RecordingHypervisor } from "./recording-hypervisor.ts";

export const TOKEN = "lab-token";
export const READ_ONLY = "read-only-token";

const PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0nF8oR7mW5mC0o1f3k0Zl1xY0m2b4v6n8p0r2t4v6x";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

const withId = z.object({ id: z.number() });
const action = z.object({ id: z.number(), status: z.string(), command: z.string(), error: z.unknown() });
const withActions = z.object({
  action: action.nullish(),
  actions: z.array(action).nullish(),
  next_actions: z.array(action).nullish(),
});

export type Action = z.infer<typeof action>;

const running: Lab[] = [];
afterEach(async () => {
  for (const lab of running.splice(0)) await lab.end();
});

export class Lab {
  readonly hypervisor: RecordingHypervisor;
  readonly balancers: RecordingBalancers;
  readonly dir: string;
  /** What the cloud has said since its first start. */
  readonly log: readonly string[];
  #cloud: Cloud;

  private constructor(parts: Pick<Lab, "hypervisor" | "balancers" | "dir" | "cloud" | "log">) {
    this.balancers = parts.balancers;
    this.hypervisor = parts.hypervisor;
    this.dir = parts.dir;
    this.log = parts.log;
    this.#cloud = parts.cloud;
  }

  static async start(options: Partial<CloudOptions> = {}): Promise<Lab> {
    const dir = mkdtempSync(join(tmpdir(), "cloud-"));
    const hypervisor = new RecordingHypervisor();
    const balancers = new RecordingBalancers();
    const log: string[] = [];
    const keep = (line: string): void => {
      log.push(line);
    };
    const cloud = await startCloud(optionsFor(dir, hypervisor, { balancers, log: keep, ...options }));
    const lab = new Lab({ hypervisor, balancers, dir, cloud, log });
    running.push(lab);
    return lab;
  }

  get cloud(): Cloud {
    return this.#cloud;
  }

  get stateFile(): string {
    return join(this.dir, "cloud.json");
  }

  /** Stops the API and starts it again on the same records, as a new daemon does. */
  async restart(hypervisor: RecordingHypervisor = this.hypervisor): Promise<void> {
    await this.#cloud.close();
    this.#cloud = await startCloud(optionsFor(this.dir, hypervisor, { balancers: this.balancers }));
  }

  async end(): Promise<void> {
    this.hypervisor.releaseAll();
    await this.#cloud.close();
    rmSync(this.dir, { recursive: true });
  }

  async call(method: string, path: string, body?: unknown, token = TOKEN): Promise<Answer> {
    const response = await fetch(this.#cloud.endpoint + path, {
      method,
      headers: { authorization: `Bearer ${token}` },
      body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? null : JSON.parse(text),
    };
  }

  get(path: string): Promise<Answer> {
    return this.call("GET", path);
  }

  post(path: string, body?: unknown): Promise<Answer> {
    return this.call("POST", path, body);
  }

  /** The one thing a GET is about. */
  async one(collection: string, id: number): Promise<unknown> {
    const { body } = await this.get(`/${collection}/${id}`);
    return Object.values(z.record(z.string(), z.unknown()).parse(body))[0];
  }

  /** Waits for all actions of an answer and returns them as they ended. */
  async finished(answer: Answer): Promise<readonly Action[]> {
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    await this.#cloud.settled();
    const started = actionsOf(answer);
    const { body } = await this.get(`/actions?${started.map(({ id }) => `id=${id}`).join("&")}`);
    return z.object({ actions: z.array(action) }).parse(body).actions;
  }

  /** Creates a thing, waits for its actions and returns its id. */
  async make(collection: string, body: unknown): Promise<number> {
    const answer = await this.post(`/${collection}`, body);
    if (actionsOf(answer).length > 0) await this.finished(answer);
    return idOf(answer);
  }

  sshKey(name = "key"): Promise<number> {
    return this.make("ssh_keys", { name, public_key: PUBLIC_KEY });
  }

  /** A network with a subnet in eu-central. */
  async network(name = "net"): Promise<number> {
    const id = await this.make("networks", { name, ip_range: "10.0.0.0/16" });
    const subnet = { type: "cloud", ip_range: "10.0.1.0/24", network_zone: "eu-central" };
    await this.finished(await this.post(`/networks/${id}/actions/add_subnet`, subnet));
    return id;
  }

  firewall(name = "fw", source = "0.0.0.0/0"): Promise<number> {
    const rules = [{ direction: "in", protocol: "tcp", port: "22", source_ips: [source] }];
    return this.make("firewalls", { name, rules });
  }

  server(name = "n1", extra: object = {}): Promise<number> {
    return this.make("servers", serverOrder(name, extra));
  }
}

/** A server as the provider orders it. */
export function serverOrder(name: string, extra: object = {}): object {
  return {
    name,
    server_type: "cx33",
    image: 310557660,
    location: "fsn1",
    user_data: "#cloud-config\n",
    ...extra,
  };
}

export function actionsOf(answer: Answer): readonly Action[] {
  const parsed = withActions.parse(answer.body ?? {});
  return [
    ...(parsed.action ? [parsed.action] : []),
    ...(parsed.actions ?? []),
    ...(parsed.next_actions ?? []),
  ];
}

/** Id of what a POST has made: the one member of the answer that has one and is no action. */
export function idOf(answer: Answer): number {
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  const { action: _, ...rest } = z.record(z.string(), z.unknown()).parse(answer.body);
  const found = Object.values(rest).find((value) => withId.safeParse(value).success);
  return withId.parse(found).id;
}

/** What an error answers, for `toMatchObject`. */
export function problem(status: number, code: string, message?: string): object {
  return { status, body: { error: { code, ...(message === undefined ? {} : { message }) } } };
}

function optionsFor(
  dir: string,
  hypervisor: RecordingHypervisor,
  extra: Partial<CloudOptions>,
): CloudOptions {
  const stateFile = join(dir, "cloud.json");
  return { port: 0, token: TOKEN, readOnlyToken: READ_ONLY, stateFile, hypervisor, ...extra };
}
