"""A command that reads a damaged file: it does, or refuses in one line."""

from __future__ import annotations

import contextlib
import io
import sys

from asemacro.cli.app import main


class NotRefused(Exception):
    """The command ended otherwise than it may."""


def command(*words: object) -> str:
    """The line with which `asemacro WORDS` refuses; empty at success. No other end is allowed."""
    before, err = sys.argv, io.StringIO()
    sys.argv = ["asemacro", *map(str, words)]
    try:
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            main()
    except SystemExit as end:
        said = err.getvalue()
        last = said.splitlines()[-1] if said.strip() else ""
        if "Traceback" in said or end.code not in (0, None, 2):
            raise NotRefused(f"exit code {end.code}: {said[-3000:]}") from None
        if end.code == 2 and not last.startswith("asemacro: "):
            raise NotRefused(f"exit code 2 without a line: {said[-3000:]}") from None
        return last if end.code else ""
    finally:
        sys.argv = before
    return ""
