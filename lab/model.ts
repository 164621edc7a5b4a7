/**
 * A stand-in for an AI provider: OpenAI's chat completions, answered without a model. It checks what a real one checks, so that a service
 * that is configured wrongly fails here, too.
 */
import { once } from "node:events";
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { z } from "zod";
import { LAB_NET } from "./addresses.ts";
import { aiApiKeys } from "./files.ts";

const request = z.object({
  model: z.string().min(1),
  messages: z.array(z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() })).min(1),
});

/** About what a tokenizer would count. */
const tokens = (text: string): number => Math.ceil(text.length / 4);

/** @param keys what clients may show. Secret */
function createModel(keys: () => readonly string[]): Hono {
  const app = new Hono();
  app.use("/v1/*", async (context, next) => {
    const shown = context.req.header("authorization");
    if (keys().some((key) => shown === `Bearer ${key}`)) return next();
    return context.json({ error: { message: "Incorrect API key provided.", code: "invalid_api_key" } }, 401);
  });
  app.post("/v1/chat/completions", async (context) => {
    const parsed = request.safeParse(await context.req.json().catch(() => undefined));
    if (!parsed.success) return context.json({ error: { message: z.prettifyError(parsed.error) } }, 400);
    const { model, messages } = parsed.data;
    const prompt = messages.map(({ content }) => content).join("\n");
    const content = `The lab's stand-in for ${model} has read ${prompt.length} characters.`;
    const [promptTokens, completionTokens] = [tokens(prompt), tokens(content)];
    return context.json({
      id: "chatcmpl-lab",
      object: "chat.completion",
      created: Math.floor(Date.now() / 1000),
      model,
      choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        total_tokens: promptTokens + completionTokens,
      },
    });
  });
  return app;
}

/** Serves it where machines find the rest of the internet. @param keysFile see {@link aiApiKeys}; read at every request */
export async function serveModel(keysFile: string): Promise<Server> {
  const server = serve({
    fetch: createModel(() => aiApiKeys(keysFile)).fetch,
    hostname: LAB_NET.artifactIp,
    port: LAB_NET.modelPort,
  }) as Server;
  await once(server, "listening");
  return server;
}
