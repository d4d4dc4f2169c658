"""Damaged files of every kind: no traceback, no hang, no code run from a file, no more than 1 GB.

A failure names the kind and the number of the file. `python -m fuzz NUMBER NUMBER+1 FOLDER KIND` in tests/ reads it
again and keeps it in FOLDER.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from fuzz.hostile import pickled
from fuzz.kinds import KINDS
from fuzz.trial import Kind, Trials

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is counted as Linux tells it")
ORDINARY = {"run": 4, "resume": 4, "verb": 4, "learned": 8}
"""Files of each kind in the ordinary test, of others 16: whole commands take longest."""
SLOW = {
    **{"cif": 9_000, "poscar": 9_000, "extxyz": 9_000, "structure": 5_000, "frames": 2_000, "frames-open": 3_000},
    **{"pair": 12_000, "network": 5_000, "published": 2_000, "sde": 4_000, "ode": 3_000, "spde": 3_000},
    **{"training": 3_000, "closure": 4_000, "encoder": 3_000, "learned": 1_000, "data": 2_000, "checkpoint": 5_000},
    **{"record": 8_000, "rows": 3_000, "fields": 2_000, "labels": 1_000, "bands": 1_000, "run": 400, "resume": 300},
    **{"schedule": 8_000, "verb": 300, "potential": 2_000, "table": 2_000},
}
"""Files of each kind, 10^5 in all beside those of the ordinary test."""


def check(name: str, first: int, last: int, folder: Path) -> None:
    trials = Trials(name, KINDS[name], folder)
    trials.read_whole()
    faults = [found for number in range(first, last) if (found := trials.outcome(number)).fault]
    for found in faults:
        (folder / f"{name}-{found.number}-{Path(found.victim).name}").write_bytes(trials.damaged(found.number))
    told = "\n".join(f"{name} {found.number}, kept in {folder}: {found.fault}" for found in faults[:10])
    assert not faults, f"{len(faults)} of {last - first} files:\n{told}"


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_read_or_refused_in_one_line(name: str, tmp_path: Path) -> None:
    check(name, 0, ORDINARY.get(name, 16), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_hundred_thousand_damaged_files(name: str, tmp_path: Path) -> None:
    check(name, 16, 16 + SLOW[name], tmp_path)


def test_what_may_not_be_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers that do each of it: a test that finds nothing must be able to find something."""

    def made(folder: Path) -> None:
        (folder / "a.txt").write_text("1 2 3")

    def traceback(*_: object) -> None:
        raise KeyError("cell")

    def word_of_library(*_: object) -> None:
        float("x")

    def not_printable(*_: object) -> None:
        raise ValueError("a\x1b[31m")

    def memory(*_: object) -> None:
        np.ones(20_000_000)

    def code(folder: Path, *_: object) -> None:
        pickle.loads(pickled(folder.parent / "canary"))

    def hang(*_: object) -> None:
        while True:
            pass

    monkeypatch.setattr("fuzz.trial.LIMIT_BYTES", 10**8)
    for k, (read, word) in enumerate(
        (
            (traceback, "KeyError: 'cell'"),
            (word_of_library, "in the words of a library"),
            (not_printable, "is no printable line"),
            (memory, "MB of memory"),
            (code, "ran code from the file"),
        )
    ):
        assert word in Trials("a", Kind(made, read), tmp_path / str(k)).outcome(0).fault
    monkeypatch.setattr("fuzz.trial.LIMIT_S", 0.05)
    assert "no end after" in Trials("a", Kind(made, hang), tmp_path / "hang").outcome(0).fault
    monkeypatch.undo()
    assert not Trials("a", Kind(made, lambda *_: None), tmp_path / "good").outcome(0).fault


def test_the_same_number_is_the_same_file(tmp_path: Path) -> None:
    one, two = (Trials("cif", KINDS["cif"], tmp_path / k) for k in "ab")
    same = [one.damaged(k).replace(b"/a/", b"/b/") == two.damaged(k) for k in range(40)]
    assert all(same)
    assert len({one.damaged(k) for k in range(40)}) > 30


def test_a_hundred_thousand_in_all() -> None:
    assert set(SLOW) == set(KINDS)
    assert sum(SLOW.values()) >= 10**5
