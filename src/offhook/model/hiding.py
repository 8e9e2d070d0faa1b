"""Telephone numbers in texts: found however they are written, and replaced.

A number is known by its last seven digits. A text is gone through once for all numbers, so what it
costs depends on its length and not on how many there are.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

TAIL: Final = 7
"""So many last digits tell a number, whatever prefix stands before them."""

MAX_NUMBERS: Final = 100
"""Of more numbers than these, whatever looks like one is hidden."""

_HAS_A_TAIL = re.compile(r"(?:\d\D*){7}")
_RUN = re.compile(r"[+(]{0,2}\d(?:[\W_]{0,5}\d)+")
_ESCAPED_RUN = re.compile(r"[+(]{0,2}\d(?:(?:%[0-9A-Fa-f]{2}|[\W_]){0,5}\d)+")
_NO_DIGITS = re.compile(r"\D+")
_DIGIT = re.compile(r"\d")
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")
_UNESCAPED_DIGIT = re.compile(r"%[0-9A-Fa-f]{2}|\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", re.ASCII)
_LEAST_TAIL: Final = 10 ** (TAIL - 1)


def digits_of(text: str) -> str:
    """The decimal digits of any script, as ASCII."""
    if text.isascii():
        return _NO_DIGITS.sub("", text)
    return "".join([str(int(it)) for it in text if it.isdecimal()])


class Hider:
    """Puts ``by`` of a number where the number stands. Of more than ``MAX_NUMBERS``, every run of
    as many digits as tell a number is hidden, by what stands for these digits."""

    def __init__(self, numbers: Iterable[str], by: Callable[[str], str]) -> None:
        digits = {number: digits_of(number) for number in numbers}
        self._by = by
        self._all = len(digits) > MAX_NUMBERS
        short = {number for number, it in digits.items() if len(it) < TAIL}
        self._exact = short if self._all else digits.keys()
        self._by_tail: dict[str, list[tuple[str, str]]] = {}
        for number in () if self._all else sorted(digits.keys() - short):
            told = self._by_tail.setdefault(digits[number][-TAIL:], [])
            told.append((digits[number], number))

    def value(self, value: Any) -> Any:
        """A JSON value with every number hidden, in names and in whatever is below, too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self.value(it) for name, it in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, float) or (isinstance(value, int) and abs(value) >= _LEAST_TAIL):
            hidden = self.text(repr(value))
            return value if hidden == repr(value) else hidden
        return value

    def text(self, text: str) -> str:
        """A text with every number hidden; a moment is none."""
        return text if _MOMENT.fullmatch(text) else self.name(text)

    def name(self, text: str) -> str:
        """An id or a key with every number hidden."""
        if text in self._exact:
            return self._by(text)
        if not (self._all or self._by_tail) or not _HAS_A_TAIL.search(text):
            return text
        text = _RUN.sub(lambda run: self._in_run(run[0], _DIGIT), text)
        if "%" not in text:
            return text
        return _ESCAPED_RUN.sub(lambda run: self._in_run(run[0], _UNESCAPED_DIGIT), text)

    def _in_run(self, run: str, digit: re.Pattern[str]) -> str:
        """A run of digits and of what separates them, with those of a number replaced."""
        if len(run) < TAIL:
            return run
        hits = self._hits(digits_of(_ESCAPED.sub("", run) if digit is _UNESCAPED_DIGIT else run))
        if not hits:
            return run
        places = [it.start() for it in digit.finditer(run) if not it[0].startswith("%")]
        shown, done = [], 0
        for first, last, by in hits:
            shown += [run[done : places[first]].rstrip("+("), by]
            done = places[last] + 1
        return "".join(shown) + run[done:]

    def _hits(self, found: str) -> list[tuple[int, int, str]]:
        """Of digits in a row, the first and last of each number, and what stands for it: its last
        seven and what stands before them as far as it is the number's."""
        if self._all:
            return [(0, len(found) - 1, self._by(found))] if len(found) >= TAIL else []
        hits: list[tuple[int, int, str]] = []
        done = 0
        for at in range(len(found) - TAIL + 1):
            candidates = self._by_tail.get(found[at : at + TAIL])
            if candidates is not None and at >= done:
                first, number = min((_start(found, it, at, done), name) for it, name in candidates)
                done = at + TAIL
                hits.append((first, done - 1, self._by(number)))
        return hits


def _start(found: str, digits: str, tail: int, least: int) -> int:
    """Where the number begins whose last seven digits begin at ``tail``."""
    before = len(digits) - TAIL
    while tail > least and before > 0 and found[tail - 1] == digits[before - 1]:
        tail, before = tail - 1, before - 1
    return tail
