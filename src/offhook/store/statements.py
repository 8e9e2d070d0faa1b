"""SQL lives in files, one statement in each; Python names them and binds values, nothing more."""

import re
from functools import lru_cache
from importlib.resources import files

_GROUP = re.compile(r"(?<=VALUES )\([^()]*\)")


class Statements:
    """The statements of one dialect, by file name; those of another package than the stores' are in
    its own folder ``sql``."""

    def __init__(self, dialect: str, package: str = "offhook.store") -> None:
        folder = files(package) / "sql" / dialect
        self._texts = {
            entry.name.removesuffix(".sql"): entry.read_text("utf-8")
            for entry in folder.iterdir()
            if entry.name.endswith(".sql")
        }
        self._repeated = lru_cache(maxsize=256)(self._repeat)

    def __getitem__(self, name: str) -> str:
        """The text of a statement; ``KeyError`` names one that no file holds."""
        return self._texts[name]

    def names(self) -> frozenset[str]:
        """All statements there are."""
        return frozenset(self._texts)

    def for_rows(self, name: str, count: int) -> str:
        """An insert of one row, widened to insert ``count`` rows at once."""
        return self._repeated(name, count)

    def _repeat(self, name: str, count: int) -> str:
        return _GROUP.sub(lambda group: ", ".join([group[0]] * count), self._texts[name], count=1)
