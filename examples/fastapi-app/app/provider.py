"""The model behind the agents: any endpoint that speaks OpenAI's chat completions."""

import httpx

from .metrics import TOKENS
from .settings import Provider

PROMPTS = {
    "lead_analysis": "Say in one sentence how promising this lead is, and why.",
    "follow_up": "Write a short, polite follow-up message to this lead.",
}


class Model:
    def __init__(self, provider: Provider) -> None:
        self.model = provider.model
        self.client = httpx.AsyncClient(
            base_url=provider.base_url,
            headers={"Authorization": f"Bearer {provider.api_key}"},
            timeout=httpx.Timeout(60, connect=5),
        )

    async def answer(self, kind: str, message: str) -> str:
        """Raises httpx.HTTPError when the provider does not answer, or refuses."""
        messages = [{"role": "system", "content": PROMPTS[kind]}, {"role": "user", "content": message}]
        response = await self.client.post("/chat/completions", json={"model": self.model, "messages": messages})
        response.raise_for_status()
        body = response.json()
        for direction in ("prompt_tokens", "completion_tokens"):
            TOKENS.labels(kind, direction).inc((body.get("usage") or {}).get(direction, 0))
        return body["choices"][0]["message"]["content"]

    async def close(self) -> None:
        await self.client.aclose()
