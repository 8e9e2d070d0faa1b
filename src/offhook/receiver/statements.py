"""SQL lives in files, one statement in each; Python names them."""

from importlib.resources import files


def statements(dialect: str) -> dict[str, str]:
    """The statements of one dialect, by file name."""
    folder = files("offhook.receiver") / "sql" / dialect
    return {
        entry.name.removesuffix(".sql"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    }
