"""A figure goes on from its finished parts: runs of small systems, labels and laws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from stopped_runs import GOES_ON, everything_kept, stopped_after

from asemacro.studies.paper import fig3a, fig4
from asemacro.studies.paper.spin_models import Effort
from asemacro.tasks.parts import Parts

TINY = Effort(8, 1, 1)


def test_a_figure_goes_on(command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fig4, "QUICK", fig3a.Budget(TINY, TINY, 4, 4, pair_draws=1))
    monkeypatch.setattr(fig4, "SIZES", fig4.SIZES[:2])
    words = ("reproduce", "fig4", "--quick")
    assert command(*words, "-o", tmp_path / "whole")[0] == 0
    here = tmp_path / "here"
    with everything_kept():
        for stop in (5, 40, 3):
            with stopped_after(stop, Parts.put):
                code, _, err = command(*words, "-o", here)
            assert code == 130
            assert f"fig4 was not written, its finished parts and finished figures stay in {here}" in err
        code, out, err = command(*words, "-o", here)
    assert code == 0, err
    assert GOES_ON.format(here) in out.splitlines()
    for name in ("fig4.csv", "fig4.json"):
        assert (here / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (here / ".checkpoint").exists()
