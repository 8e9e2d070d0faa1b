"""The settings as an operator asks of them: what is not at its default, and who said so."""

import os
from dataclasses import dataclass

from offhook.doctor.findings import Finding, ok, warn
from offhook.settings import Settings
from offhook.store.postgres.reaching import shown

_HIDDEN = frozenset({"bootstrap_key", "secret_key"})
_PLACES = frozenset({"database", "redis"})


@dataclass(frozen=True, slots=True)
class Stated:
    """A setting that is not at its default; what is secret in ``value`` is left out."""

    name: str
    value: str
    source: str


def stated(settings: Settings, given: frozenset[str]) -> list[Stated]:
    """All settings that differ from their default; ``given`` names those of the command line."""
    defaults = Settings.model_construct()
    return [
        Stated(name, _masked(name, getattr(settings, name)), _source(name, given))
        for name in Settings.model_fields
        if getattr(settings, name) != getattr(defaults, name)
    ]


def judge_settings(settings: Settings, found: list[Stated]) -> Finding:
    """What is set, and what of it is for trying only."""
    what = ", ".join(f"{it.name} = {it.value} ({it.source})" for it in found)
    if settings.allow_http:
        return warn(
            "settings",
            what,
            "unset allow_http unless this is for trying: events would be sent unencrypted",
        )
    return ok("settings", what or "all at their defaults")


def _source(name: str, given: frozenset[str]) -> str:
    if name in given:
        return f"--{name}"
    variable = f"OFFHOOK_{name.upper()}"
    return variable if os.environ.get(variable) else "offhook.toml"


def _masked(name: str, value: object) -> str:
    if name in _HIDDEN:
        return "***"
    return shown(str(value)) if name in _PLACES else str(value)
