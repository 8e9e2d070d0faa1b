"""Settings: from the command line, else ``OFFHOOK_<NAME>``, else ``offhook.toml``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from offhook.delivery.attempt_log import Attempts
from offhook.delivery.guard import Network, parse_networks
from offhook.model.errors import FieldError, Invalid
from offhook.store.keyring import read_keys

_OPTIONS = frozenset({"data", "database", "role", "host", "port"})
_SECRET = frozenset({"bootstrap_key", "database", "redis", "secret_key"})


_Days = Annotated[
    int, BeforeValidator(lambda days: 0 if days == "none" else days), Field(ge=0, le=36_500)
]
"""How long something is kept; 0, or ``none``, is for ever."""


class Role(StrEnum):
    """What a process does."""

    ALL = "all"
    API = "api"
    """Takes calls in and answers; sends nothing."""
    ENGINE = "engine"
    """Follows the log and sends; answers only how it does."""


class Settings(BaseSettings):
    """All that can be set of a server. Everything it keeps is in the folder ``data``, or in the
    ``database`` where there is one."""

    model_config = SettingsConfigDict(
        env_prefix="OFFHOOK_",
        env_ignore_empty=True,
        toml_file="offhook.toml",
        extra="forbid",
        frozen=True,
    )

    data: Path = Path("offhook-data")
    database: str | None = None
    partitions: Annotated[int, Field(ge=1, le=1024)] = 16
    role: Role = Role.ALL
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    bootstrap_key: Annotated[str, Field(min_length=32, max_length=512)] | None = None
    secret_key: str | None = None
    allow_targets: str = ""
    allow_http: bool = False
    redis: str | None = None
    rate_limit_per_s: Annotated[int, Field(ge=0, le=100_000)] = 100
    max_streams: Annotated[int, Field(ge=0, le=100_000)] = 1_000
    retention_events_days: _Days = 90
    retention_attempts_days: _Days = 30
    retention_failed_days: _Days = 90
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str | None = None
    log_attempts: Attempts = Attempts.ALL
    log_format: Literal["auto", "json", "console"] = "auto"

    @field_validator("allow_targets")
    @classmethod
    def _networks(cls, text: str) -> str:
        try:
            parse_networks(text)
        except Invalid as error:
            raise PydanticCustomError("networks", "{why}", {"why": error.detail[:-1]}) from error
        return text

    @field_validator("secret_key")
    @classmethod
    def _secret_keys(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                read_keys(text)
            except ValueError as error:
                raise PydanticCustomError("secret_key", "{why}", {"why": str(error)}) from error
        return text

    @field_validator("otlp_endpoint")
    @classmethod
    def _collector_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise PydanticCustomError(
                "otlp_endpoint",
                "this is no URL of a collector that takes OTLP over HTTP, such as "
                "http://localhost:4318",
            )
        return url

    @field_validator("redis")
    @classmethod
    def _redis_url(cls, url: str | None) -> str | None:
        if url is not None and not _is_redis_url(url):
            raise PydanticCustomError(
                "redis_url",
                "this is no URL of a Redis, such as redis://:password@host:6379/0, the same with "
                "rediss:// for TLS, or unix:///path/of/a/socket",
            )
        return url

    @field_validator("database")
    @classmethod
    def _database_url(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("postgresql://", "postgres://")):
            raise PydanticCustomError(
                "database_url",
                "this is no URL of a PostgreSQL database, such as "
                "postgresql://user:password@host:5432/offhook",
            )
        return url

    @field_validator("role")
    @classmethod
    def _one_process_owns_a_folder(cls, role: Role, info: ValidationInfo) -> Role:
        # A database that is refused itself is not there at all.
        if role is not Role.ALL and info.data.get("database", "refused") is None:
            raise PydanticCustomError(
                "role",
                "this is one of several processes over a database, and a data folder belongs to "
                "one: give --database postgresql://..., or leave --role out",
            )
        return role

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks that deliveries may go to although they are not public."""
        return parse_networks(self.allow_targets)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of precedence: what is given, the environment, the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


_SHOWN = frozenset(Settings.model_fields) - _SECRET


def _is_redis_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        if parts.scheme == "unix":
            return parts.path != ""
        database = parts.path.removeprefix("/")
        return (
            parts.scheme in {"redis", "rediss"}
            and parts.hostname is not None
            and parts.port != 0
            and (database == "" or database.isdecimal())
        )
    except ValueError:
        return False


def load(**given: object) -> Settings:
    """The settings, with ``given`` before all else; ``None`` stands for not given.

    Raises ``Invalid`` naming each setting, its value and what is allowed.
    """
    stated = {name: value for name, value in given.items() if value is not None}
    if "data" in stated and "database" in stated:
        raise Invalid("--data and --database name two places: give one of them.")
    if "data" in stated:
        # The option says which of the two places is meant, whatever the environment names.
        stated["database"] = None
    try:
        return Settings(**stated)  # type: ignore[arg-type]
    except ValidationError as error:
        errors = [_field_error(dict(each)) for each in error.errors(include_url=False)]
        detail = "; ".join(f"{each.path}: {each.message}" for each in errors)
        raise Invalid(detail, *errors, code="invalid_setting") from error
    except ValueError as error:
        raise Invalid(f"offhook.toml cannot be read: {error}", code="invalid_setting") from error


def _field_error(error: dict[str, object]) -> FieldError:
    location = error["loc"]
    name = ".".join(str(part) for part in location) if isinstance(location, tuple) else "setting"
    # What a misspelt setting holds may be a secret as well.
    shown = f" (it is {_shown(error['input'])})" if name in _SHOWN else ""
    return FieldError(name, f"{error['msg']}{shown}; {_remedy(name)}")


def _shown(value: object) -> str:
    return repr(value.value if isinstance(value, Role) else value)


def _remedy(name: str) -> str:
    if name not in Settings.model_fields:
        return f"the settings are {', '.join(Settings.model_fields)}"
    option = f"--{name}, " if name in _OPTIONS else ""
    return f"set it by {option}OFFHOOK_{name.upper()} or {name} in offhook.toml"
