"""The end of the demo: what the receiver counted, and whether that is what was promised. Pure."""

import msgspec
from rich.table import Table

from offhook.demo.tally import Report


class Summary(msgspec.Struct, frozen=True):
    """Everything that the demo has to say at its end."""

    report: Report
    facts_posted: int
    elapsed_s: float
    rejected: int = 0
    first_rejection: str = ""
    processes: int = 1
    database: str | None = None

    def broken_promises(self) -> list[str]:
        """What should not have happened, one sentence each; none after a good run."""
        report = self.report
        counts = {
            "events were lost": report.missing,
            "sequences are missing": report.gaps,
            "events arrived out of order": report.out_of_order,
            "requests were not validly signed": report.invalid,
        }
        broken = [f"{count:,} {what}" for what, count in counts.items() if count]
        return broken if report.distinct else [*broken, "nothing arrived at all"]

    def rows(self) -> list[tuple[str, str]]:
        """The figures, named."""
        report = self.report
        outcomes = [(f"  {outcome}", f"{n:,}") for outcome, n in report.by_outcome.items()]
        failed = report.failed_on_purpose / max(report.requests, 1)
        return [
            *self._where(),
            ("calls", f"{report.calls:,}"),
            *outcomes,
            ("facts posted", f"{self.facts_posted:,}"),
            ("rows rejected", f"{self.rejected:,}"),
            ("events in the log", f"{report.expected:,}"),
            ("requests received", f"{report.requests:,}"),
            ("  failed on purpose", f"{report.failed_on_purpose:,} ({failed:.1%})"),
            ("  further attempts", f"{report.retries:,}"),
            ("  invalid signatures", f"{report.invalid:,}"),
            ("events kept", f"{report.received:,}"),
            ("  distinct", f"{report.distinct:,}"),
            ("  duplicates dropped", f"{report.duplicates:,}"),
            ("lost", f"{report.missing:,}"),
            ("gaps in a call's sequence", f"{report.gaps:,}"),
            ("order violations", f"{report.out_of_order:,}"),
            ("deliveries per second", f"{report.per_s:,.0f}"),
            ("  in the busiest second", f"{report.busiest_second:,}"),
            ("commit to first arrival, p50", milliseconds(report.p50_ms)),
            ("commit to first arrival, p99", milliseconds(report.p99_ms)),
            ("elapsed", f"{self.elapsed_s:.1f} s"),
        ]

    def _where(self) -> list[tuple[str, str]]:
        if self.database is None:
            return []
        return [("database", self.database), ("processes", f"{self.processes:,}")]

    def rejection(self) -> str:
        """How many rows of the file were not taken, and what was wrong with the first."""
        return f"demo: {self.rejected:,} rows were rejected; the first: {self.first_rejection}"

    def table(self) -> Table:
        """The figures as a table."""
        table = Table(title="Counted by the receiver", title_justify="left", show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        for name, value in self.rows():
            table.add_row(name, value)
        return table


def milliseconds(value: float | None) -> str:
    """A latency to read."""
    return "none yet" if value is None else f"{value:,.0f} ms"
