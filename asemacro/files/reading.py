"""What reading every kind of file has in common: whatever fails is one line that names the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asemacro.arguments.checks import shown

LARGEST_BYTES = 10**9
"""A file may not be larger than this, nor become larger when it is unpacked."""
LARGEST_WEIGHT = 1e6
"""Weights of networks beyond it are damage: a few bits of a number that were lost make it absurd long before inf."""

_MOST_PACKED = 200  # times that what becomes larger was packed: zstd and gzip pack noise of nothing a thousandfold
_SHOWN = 240  # letters of a reason


class UnreadableFile(ValueError):
    """One line that names a file and what is wrong with it."""


@contextlib.contextmanager
def reading(path: str | Path, kind: str, complaint: str, advice: str = "") -> Iterator[Path]:
    """The path of a file that is there and has content; every failure inside becomes one line.

    Files come from anywhere, and the libraries below fail in as many ways as there are damages (RecursionError,
    zlib.error, MemoryError, ...), so nothing but a line that already names a file passes unchanged.

    Args:
        path: the file.
        kind: what it should be, for a file that is not there.
        complaint: what is said of a file that cannot be read, "is not a readable ...".
        advice: ends the line of such a file.

    Raises:
        FileNotFoundError: no such file.
        UnreadableFile: one line, PATH COMPLAINT (REASON)ADVICE.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise UnreadableFile(f"{path} is a folder, not a {kind} file; give the file itself")
        if not path.is_file():
            raise FileNotFoundError(f"no {kind} file {path}")
        size = path.stat().st_size
        if size == 0:
            raise ValueError("it is empty")
        if size > LARGEST_BYTES:
            raise ValueError(f"it has {size:.3g} bytes, at most {LARGEST_BYTES:.0e} are read")
        yield path
    except (UnreadableFile, FileNotFoundError):
        raise
    except Exception as error:
        raise UnreadableFile(f"{path} {complaint} ({plain(error)}){advice}") from None


def bound_of_unpacked(unpacked: float, packed: float, always: float = 5e8) -> None:
    """Refuse what a small file would blow up to: damaged sizes, or a file made to fill the memory.

    Args:
        unpacked: bytes that it would become.
        packed: bytes that it has.
        always: bytes that any file may become.

    Raises:
        ValueError: more than that, and more than 200 times as much as it has.
    """
    if unpacked > always and unpacked > _MOST_PACKED * packed:
        raise ValueError(f"its {packed:.3g} bytes would become {unpacked:.3g}")


def plain(error: BaseException) -> str:
    """An error in words, short enough for a part of one line."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if isinstance(error, UnicodeError):
        return "it is not text in UTF-8"
    if isinstance(error, SystemExit):
        return f"it ends the program, sys.exit({shown(error.code)})"
    if isinstance(error, KeyError) and error.args:
        return f"{error.args[0]} is missing"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    text = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
    return printable(text)


def printable(text: str) -> str:
    """A text whose control characters, which could rule a terminal, are written as \\x1b."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def text_in(value: Any, what: str) -> str:
    """A printable text, as read from a file.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"{what} must be a printable text, got {shown(value)}")
    return value


def texts_in(value: Any, what: str) -> tuple[str, ...]:
    """A list of printable texts, as read from a file.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{what} must be a list of texts, got {shown(value)}")
    return tuple(text_in(text, f"{what}: each") for text in value)
