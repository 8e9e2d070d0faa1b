"""What is found about the key of the secrets. Pure."""

from dataclasses import dataclass

from offhook.doctor.findings import Finding, fail, ok, warn

_NAME = "secrets"
_OTHERS_BITS = 0o077


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """The key that secrets are sealed with by its fingerprint, if they are, and how many are sealed
    with another; the fingerprints of the keys at hand, the first of which seals; the file they are
    from, if it is a file, and its mode; or why they cannot be read."""

    sealed_with: str | None
    others: int
    keys: tuple[str, ...]
    file: str | None
    mode: int | None
    unreadable: str | None = None


def judge_secrets(facts: SecretFacts) -> Finding:
    """Whether a process with these settings can open the secrets, and nobody else the key."""
    if facts.unreadable is not None:
        return fail(_NAME, facts.unreadable, "restore the key from where it was kept")
    if facts.sealed_with is None:
        return warn(
            _NAME,
            "the secrets of webhooks stand in the clear",
            "start a server of this release, which seals them; renew those that backups hold",
        )
    if facts.sealed_with not in facts.keys:
        return fail(
            _NAME,
            f"they are sealed with the key {facts.sealed_with}, which is not {_where(facts)}",
            "set OFFHOOK_SECRET_KEY to the key of the processes that run, or restore secret.key",
        )
    return _judge_known(facts)


def _judge_known(facts: SecretFacts) -> Finding:
    if facts.mode is not None and facts.mode & _OTHERS_BITS:
        return warn(
            _NAME,
            f"{facts.file} has the mode {facts.mode:04o}: others may read the key",
            f"chmod 600 {facts.file}",
        )
    if facts.others or facts.keys[0] != facts.sealed_with:
        return warn(
            _NAME,
            f"{facts.others} are sealed with another key than {facts.sealed_with}; new ones are "
            f"with {facts.keys[0]}",
            "run offhook secrets rotate once all processes have the new key",
        )
    return ok(_NAME, f"sealed with the key {facts.sealed_with} {_where(facts)}")


def _where(facts: SecretFacts) -> str:
    return f"in {facts.file}" if facts.file is not None else "in OFFHOOK_SECRET_KEY"
