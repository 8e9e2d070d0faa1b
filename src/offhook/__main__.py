"""The command ``offhook``, and ``python -m offhook``."""

import sys


def main() -> None:
    """The entry point. Ctrl-C ends it with 130 and not a word, also while the rest is imported."""
    try:
        from offhook.cli import main as run  # noqa: PLC0415 - importing it takes a moment

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
