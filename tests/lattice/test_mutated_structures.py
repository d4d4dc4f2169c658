"""Damaged structure files: read, or refused in one line; never another exception."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from asemacro import read_frames, warren_cowley

WORDS = (b"nan", b"-1", b"1e300", b"0", b"?", b"inf", b"", b"'", b"\xff", b"9" * 30, b"_x", b"loop_", b"data_", b"\0")
FORMATS = {
    "POSCAR": "vasp",
    "a.extxyz": "extxyz",
    "a.cif": "cif",
    "a.lmp": "lammps-data",
    "a.json": "json",
    "a.traj": "traj",
}


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """The file with a byte changed, a piece cut out, a word put in or a word replaced, once or twice."""
    for _ in range(rng.integers(1, 3)):
        place = int(rng.integers(len(content)))
        kind = rng.integers(4)
        if kind == 0:
            content = content[:place] + bytes([rng.integers(256)]) + content[place + 1 :]
        elif kind == 1:
            content = content[:place] + content[place + int(rng.integers(1, 40)) :]
        elif kind == 2:
            content = content[:place] + WORDS[rng.integers(len(WORDS))] + content[place:]
        else:
            words = content.split(b" ")
            words[rng.integers(len(words))] = WORDS[rng.integers(len(WORDS))]
            content = b" ".join(words)
    return content


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(sum(name.encode()))
    atoms = bulk("Mo", "bcc", a=3.2, cubic=True).repeat(2)
    atoms.numbers[::2] = 41
    path = tmp_path / name
    more = {"masses": True, "specorder": ["Nb", "Mo"]} if name == "a.lmp" else {}
    ase.io.write(path, atoms, format=FORMATS[name], **more)
    whole = path.read_bytes()
    assert read_frames(path)[0].atoms.symbols.count("Mo") == 8
    refused = []
    for _ in range(20):
        path.write_bytes(damaged(whole, rng))
        try:
            for frame in read_frames(path):
                warren_cowley(frame.atoms, shells=1)
        except ValueError as error:
            refused.append(str(error))
    assert refused
    assert not any("\n" in message for message in refused)
