"""What Prometheus reads at /metrics."""

from prometheus_client import Counter, Gauge

REQUESTS = Counter("app_requests_total", "Requests by method and status.", ["method", "status"])
TASKS = Counter("app_tasks_total", "Tasks that an agent has ended, by kind and outcome.", ["kind", "outcome"])
QUEUE = Gauge("app_queue_tasks", "Tasks in the queue, by kind and state.", ["kind", "state"])
TOKENS = Counter("app_model_tokens_total", "Tokens that the provider has counted: what it costs.", ["kind", "direction"])
