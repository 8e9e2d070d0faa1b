"""The figures and the table that shows them."""

from array import array
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: what was measured, against what, and what is aimed at."""

    name: str
    measured: str
    yardstick: str = ""
    ratio: str = ""
    target: str = ""


def percentile(values: "array[float]", percent: float) -> float:
    """The value that this share of all stays within."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def show(figures: list[Figure], machine: str) -> None:
    """Print the table."""
    table = Table(title=machine, title_justify="left")
    for column in ("what", "measured", "yardstick", "ratio", "target"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for figure in figures:
        table.add_row(figure.name, figure.measured, figure.yardstick, figure.ratio, figure.target)
    Console(highlight=False, width=120).print(table)
