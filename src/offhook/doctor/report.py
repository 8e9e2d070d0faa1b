"""What a check-up shows."""

from collections.abc import Sequence

import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from offhook.doctor.configuration import Stated
from offhook.doctor.findings import Finding, Status

_COLOURS = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}


def failed(findings: Sequence[Finding]) -> bool:
    """Whether anything does not work."""
    return any(finding.status is Status.FAIL for finding in findings)


def as_json(settings: Sequence[Stated], findings: Sequence[Finding]) -> str:
    """All of it, for programs."""
    document = {"ok": not failed(findings), "settings": settings, "findings": findings}
    return msgspec.json.encode(document).decode()


def as_table(findings: Sequence[Finding]) -> Table:
    """One row for each finding, with the remedy below what was found."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("")
    table.add_column("check", no_wrap=True)
    table.add_column("found, and what to do")
    for finding in findings:
        status = Text(finding.status, style=_COLOURS[finding.status])
        remedy = "" if finding.remedy is None else f"\n→ {finding.remedy}"
        table.add_row(status, Text(finding.name), Text(finding.what + remedy))
    return table


def as_text(findings: Sequence[Finding]) -> str:
    """The sum of it."""
    counts = {each: sum(it.status is each for it in findings) for each in Status}
    return f"{counts[Status.OK]} ok, {counts[Status.WARN]} warnings, {counts[Status.FAIL]} failures"
