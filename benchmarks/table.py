"""The figures and the table that shows them."""

from array import array
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what was measured, against what, and what is aimed at. ``core`` is the share of its
    core that the measured process had: well below 100 %, others ran there too or the disk was
    waited for."""

    name: str
    measured: str
    core: str = ""
    yardstick: str = ""
    ratio: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many a second, and the processor time used in each second."""

    per_s: float
    busy: float

    def __str__(self) -> str:
        return f"{self.per_s:,.0f}/s"

    @property
    def core(self) -> str:
        """The share of the core, to show."""
        return f"{self.busy:.0%}" if self.busy else ""


def median_round(rounds: Sequence[tuple[Rate, Rate]]) -> tuple[Rate, Rate, str]:
    """Of rounds of measured and yardstick, the one with the median ratio, and that ratio. Taking
    turns spoils a ratio less than a neighbour who comes and goes."""
    ordered = sorted(rounds, key=lambda pair: pair[0].per_s / pair[1].per_s)
    measured, yardstick = ordered[len(ordered) // 2]
    return measured, yardstick, f"{measured.per_s / yardstick.per_s:.2f}"


def percentile(values: "array[float]", percent: float) -> float:
    """The value that this share of all stays within."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def show(figures: list[Figure], machine: str) -> None:
    """Print the table."""
    table = Table(title=machine, title_justify="left")
    for column in ("what", "measured", "of the core", "yardstick", "ratio", "target"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for figure in figures:
        table.add_row(*astuple(figure))
    Console(highlight=False, width=120).print(table)
