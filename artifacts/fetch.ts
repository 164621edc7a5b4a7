/** Downloads of what pins are taken from: over https only, with errors for people. */

const TIMEOUT_MS = 30_000;

/**
 * An answer with any status.
 * @throws Error when there is none, or when it came unprotected
 */
export async function ask(name: string, url: URL, init: RequestInit = {}): Promise<Response> {
  requireSecure(name, url);
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
    (error: unknown) => {
      const cause =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw failed(name, url, cause);
    },
  );
  requireSecure(name, new URL(response.url));
  return response;
}

/** As {@link ask}, for an answer that must be good. */
export async function download(name: string, url: URL, init: RequestInit = {}): Promise<Response> {
  const response = await ask(name, url, init);
  if (!response.ok) throw failed(name, url, `HTTP ${response.status}`);
  return response;
}

function failed(name: string, url: URL, why: string): Error {
  return new Error(`${name}: ${url} can't be downloaded: ${why}; try again later`);
}

/** A checksum that came unprotected pins whatever an attacker likes. */
function requireSecure(name: string, url: URL): void {
  if (url.protocol === "https:" || url.hostname === "127.0.0.1") return;
  throw new Error(`${name}: ${url} is not https; checksums are only taken over https`);
}
