"""Long commands that are killed again and again come to the results of a run that never was, byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kills import CASES

KILLS = 20


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_killed_many_times(case: str, tmp_path: Path) -> None:
    script = Path(__file__).with_name("kills.py")
    words = [sys.executable, script, case, tmp_path / "a", str(KILLS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(f"{KILLS} kills")
