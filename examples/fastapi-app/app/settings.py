"""What the service reads from its environment. The platform sets all of it: see FastApiServices."""

import os
import ssl
from dataclasses import dataclass
from typing import Mapping

KINDS = ("lead_analysis", "follow_up")


class SettingsError(Exception):
    """Variables that are missing or wrong; names them all, and no value."""


@dataclass(frozen=True)
class Database:
    host: str
    port: int
    name: str
    user: str
    password: str
    ca_file: str | None

    @property
    def url(self) -> str:
        """For SQLAlchemy. Passwords of the platform have no character that a URL would need escaped."""
        return f"postgresql+asyncpg://{self.user}:{self.password}@{self.host}:{self.port}/{self.name}"

    def tls(self) -> ssl.SSLContext | bool:
        """Verifies name and authority; plain text only where no authority is given, as in a test on loopback."""
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else False


@dataclass(frozen=True)
class Provider:
    """An OpenAI-compatible endpoint."""

    base_url: str
    api_key: str
    model: str


@dataclass(frozen=True)
class Settings:
    database: Database
    provider: Provider | None
    agents: Mapping[str, int]


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        value = self.environment.get(name, "")
        if not value:
            self.problems.append(f"{name} is not set")
        return value

    def number(self, name: str, default: int | None = None) -> int:
        value = self.environment.get(name, "") or ("" if default is None else str(default))
        if value.isdigit():
            return int(value)
        self.problems.append(f"{name} is not a whole number" if value else f"{name} is not set")
        return 0


    def done(self) -> None:
        if self.problems:
            raise SettingsError("; ".join(self.problems))


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises SettingsError with everything that is wrong."""
    reader = _Reader(environment)
    database = _database(reader)
    agents = {kind: reader.number(f"AGENTS_{kind.upper()}", 0) for kind in KINDS}
    provider = None
    if any(agents.values()):
        provider = Provider(
            base_url=reader.text("OPENAI_BASE_URL").rstrip("/"),
            api_key=reader.text("OPENAI_API_KEY"),
            model=reader.text("OPENAI_MODEL"),
        )
    reader.done()
    return Settings(database, provider, agents)


def read_database(environment: Mapping[str, str] = os.environ) -> Database:
    """For migrations, which need nothing else. Raises SettingsError."""
    reader = _Reader(environment)
    database = _database(reader)
    reader.done()
    return database


def _database(reader: _Reader) -> Database:
    return Database(
        host=reader.text("DATABASE_HOST"),
        port=reader.number("DATABASE_PORT", 5432),
        name=reader.text("DATABASE_NAME"),
        user=reader.text("DATABASE_USER"),
        password=reader.text("DATABASE_PASSWORD"),
        ca_file=reader.environment.get("DATABASE_CA_FILE") or None,
    )
