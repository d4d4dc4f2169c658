"""Long commands that are killed again and again come to the results of a run that never was, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kill_cases import CASES

SHORT = ("kmc", "sample", "barriers train", "barriers label", "barriers learn")
"""Those that take seconds."""


def killed(folder: Path, kills: int, *cases: str) -> list[str]:
    """What the script of kills prints, a line for each case."""
    words = [sys.executable, Path(__file__).with_name("kills.py"), folder, str(kills), *cases]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_killed_five_times(tmp_path: Path) -> None:
    said = killed(tmp_path / "a", 5, *SHORT)
    assert [line.split(" kills")[0] for line in said] == [f"{case}: 5" for case in SHORT]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_killed_a_hundred_times(case: str, tmp_path: Path) -> None:
    assert killed(tmp_path / "a", 100, case)[0].startswith(f"{case}: 100 kills")
