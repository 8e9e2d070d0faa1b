"""What evaluating a condition on an event can cost at most, reckoned before it is done. Pure.

The library bounds nothing but the turns of loops. Its operators go once through what they are
given, and what they give is small; ``matches`` compiles its pattern each time, and then every byte
of the text may touch every state of it. So the cost follows from how often each part of a text is
evaluated, and from the sizes of the fields that it names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from offhook.conditions.bounds import Loop, Part
from offhook.conditions.patterns import Weight

MAX_WORK: Final = 2_500_000
"""In units of about ten nanoseconds."""

_PER_VALUE: Final = 4
_PER_CHARACTER_OF_CODE: Final = 4
_PER_STEP: Final = 25
_PER_BYTE_AND_STATE: Final = 4
_STEPS_OF_A_CALL: Final = 12
_ENVELOPE: Final = 1_000
"""Bytes of the longest text beside ``data``, the key."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a value is: the bytes of its texts together and of the longest, how many values it
    consists of, and the items of its longest list or object."""

    texts: int = 0
    longest: int = 0
    values: int = 1
    items: int = 0

    @property
    def whole(self) -> int:
        return self.texts + _PER_VALUE * self.values


@dataclass(frozen=True, slots=True)
class _Turns:
    """How often a part is evaluated, and what its item comes to in all turns together."""

    count: int
    item_texts: int = 0
    items_whole: int = 0


_NOTHING: Final = Size()


def worth_reckoning(parts: Sequence[Part]) -> bool:
    """Whether it can be much work at all; going a few times through small values is not."""
    return len(parts) > 1 or parts[0].sums > 0 or bool(parts[0].matches)


def work_of(parts: Sequence[Part], weights: Mapping[str, Weight], sizes: Mapping[str, Size]) -> int:
    """How much work an evaluation is at most, by the weights of the patterns and the sizes of the
    fields that an event has."""
    turns = (_turns(part.loop, parts[0], sizes) for part in parts)
    return sum(_work(part, it, weights, sizes) for part, it in zip(parts, turns, strict=True))


def _turns(loop: Loop | None, outside: Part, sizes: Mapping[str, Size]) -> _Turns:
    """An item of what is not plainly a field may be anything that stands outside of the loops."""
    if loop is None:
        return _Turns(1)
    if loop.over is not None:
        over = sizes.get(loop.over, _NOTHING)
        return _Turns(over.items, over.texts, over.whole)
    named = _sizes(outside, sizes)
    written = _ENVELOPE + outside.length
    count = max([loop.listed, *(it.items for it in named)])
    return _Turns(
        count,
        count * (written + sum(it.texts for it in named)),
        count * (written + sum(it.whole for it in named)),
    )


def _sizes(part: Part, sizes: Mapping[str, Size]) -> list[Size]:
    return [sizes.get(name, _NOTHING) for name in part.fields]


def _work(
    part: Part, turns: _Turns, weights: Mapping[str, Weight], sizes: Mapping[str, Size]
) -> int:
    named = _sizes(part, sizes)
    uses = 0 if part.loop is None else part.loop.uses
    texts = turns.count * (_ENVELOPE + part.length + sum(it.longest for it in named))
    texts += uses * turns.item_texts
    whole = turns.count * sum(it.whole for it in named) + uses * turns.items_whole
    work = turns.count * part.length * _PER_CHARACTER_OF_CODE
    work += whole * (1 + part.sums)
    for match in part.matches:
        text = texts
        if match.of_item:
            text = turns.item_texts
        elif match.field is not None:
            text = turns.count * sizes.get(match.field, _NOTHING).longest
        weight = weights[match.literal]
        work += turns.count * (_STEPS_OF_A_CALL + weight.steps) * _PER_STEP
        work += text * weight.states * _PER_BYTE_AND_STATE
    return work
