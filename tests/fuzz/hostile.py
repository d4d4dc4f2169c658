"""What a file made to harm holds: pickles and words that would run code, numbers and texts that no reader expects."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np

NUMBERS = (
    *("nan", "inf", "-inf", "1e308", "-1e308", "1e999", "1e-320", "-1", "0", "-0.0", "0.5", "1", "2", "3"),
    *("1e6", "1e9", "100000", "999999999", "2147483648", "9223372036854775808", "9" * 30, "9" * 5000, "1_000", "0x10"),
    *("1d0", "1,5", "--1", "1e", "+", "٣", "1/0", "1/3", "1+1j", "***"),
)
WORDS = (
    *("", "?", ".", "'", '"', "[", "]", "{", "}", "(", ")", "#", "=", ":", ";", ",", "\\", "\t", "X", "Xx", "Uuo", "H"),
    *(
        "loop_",
        "data_",
        "data_\n",
        "T",
        "F",
        "True",
        "null",
        "\x00",
        "\x1b[31m",
        "\u202e",
        "\ufeff",
        "é",
        "\ud7ff",
        "\x85",
    ),
    *("../../etc/passwd", "/dev/zero", "%s%n", "$(id)", "&a;", "<!ENTITY a 'b'>", "A" * 3000, "1 " * 3000),
)
JSON = (
    *(None, True, False, "", "x", "1.5", "\x1b[31m", [], {}, [[]], [None], -1, 0, 0.5, 1, 3, 10**6, 10**9, 2**63),
    *(10**30, 1e308, -1e308, float("nan"), float("inf"), [1, 2, 3], ["a", 1], {"a": 1}, "A" * 3000, [0] * 3000),
)
"""Values of other types, and numbers out of all bounds."""


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, ...]:
        return os.open, (self.path, os.O_CREAT)


def pickled(canary: Path) -> bytes:
    """A pickle, of an array of objects as numpy keeps them, that makes the file `canary` when it is read."""
    return pickle.dumps(np.array([Touch(canary)], dtype=object), protocol=3)


def object_array(canary: Path) -> bytes:
    """The same as an npy file."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + pickled(canary)


def calls(canary: Path) -> tuple[str, ...]:
    """Words that make the file where a reader takes them for Python, YAML or a command."""
    return (
        f"__import__('pathlib').Path('{canary}').touch()",
        f"!!python/object/apply:pathlib.Path.touch ['{canary}']",
        f"`touch {canary}`",
        f"$(touch {canary})",
        f"\"__import__('os').system('touch {canary}')\"",
    )
