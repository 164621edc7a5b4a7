/** An HTTP server on loopback that answers from a script, for what an emulator should not have to do. */
import { createServer } from "node:http";

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface RecordedApi {
  readonly endpoint: string;
  /** `METHOD /path` of each call, and the body where there was one. */
  readonly calls: string[];
  stop(): Promise<void>;
}

/** Answers of the error form. */
export function apiError(status: number, code: string, message: string): Answer {
  return { status, body: { error: { code, message } } };
}

/** `answers` holds what each `METHOD /path` answers, in turn; the last one stays. */
export async function startRecordedApi(
  answers: Readonly<Record<string, readonly Answer[]>>,
): Promise<RecordedApi> {
  const calls: string[] = [];
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const call = `${request.method} ${request.url}`;
      calls.push(body === "" ? call : `${call} ${body}`);
      const turn = counts.get(call) ?? 0;
      counts.set(call, turn + 1);
      const list = answers[call] ?? [apiError(404, "not_found", "nothing recorded")];
      const answer = list[Math.min(turn, list.length - 1)] ?? {};
      response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
      response.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}/v1`,
    calls,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
