/** The few calls that lab commands make to the emulated API themselves. Runs inside the lab's network. */
import { z } from "zod";
import { LAB_NET } from "./addresses.ts";

const serverSchema = z.object({
  id: z.number(),
  name: z.string(),
  status: z.string(),
  labels: z.record(z.string(), z.string()),
});

export type Server = z.output<typeof serverSchema>;

async function call(token: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${LAB_NET.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}

export async function listServers(token: string): Promise<readonly Server[]> {
  const answer = await call(token, "GET", "/servers?per_page=50");
  return z.object({ servers: z.array(serverSchema) }).parse(answer).servers;
}

/** Deletes a server as a person would in Hetzner's console: lifts the protection, then deletes. */
export async function destroyServer(token: string, id: number): Promise<void> {
  await call(token, "POST", `/servers/${id}/actions/change_protection`, { delete: false, rebuild: false });
  await waitUntil(async () => {
    try {
      await call(token, "DELETE", `/servers/${id}`);
      return true;
    } catch (error) {
      // 423: the change of protection is still under way.
      if (String(error).includes(": 423 ")) return false;
      throw error;
    }
  });
  await waitUntil(async () => !(await listServers(token)).some((server) => server.id === id));
}

async function waitUntil(done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error("the server is still there after a minute");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
