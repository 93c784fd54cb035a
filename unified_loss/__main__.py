"""The console script `unified-loss`, also ``python -m unified_loss``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or say what to install for it."""
    try:
        from .cli import app  # noqa: PLC0415  so that the missing extra can be named
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("typer", "rich"):
            raise
        print(
            f"unified-loss: the command line needs {missing}: pip install 'unified_loss[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    app()


if __name__ == "__main__":
    main()
