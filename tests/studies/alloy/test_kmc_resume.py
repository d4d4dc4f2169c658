"""The command kmc goes on where it was stopped, with the results of a run that never was."""

from __future__ import annotations

from pathlib import Path

import pytest

from asemacro.tasks.keeper import Keeper

STRUCTURES = Path(__file__).parents[3] / "structures"
WORDS = ("kmc", STRUCTURES / "NiCoCr.cif", "-T", 1200, "--barriers", STRUCTURES / "NiCoCr_pair.json", "--sites", 500)
RESULTS = ("sro.csv", "final.extxyz", "trajectory.amz.zip")


@pytest.mark.parametrize("length", [("--hops", 20000), ("--time", "1e-6")])
def test_an_interrupted_run_goes_on(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length) -> None:
    words = (*WORDS, *length)
    assert command(*words, "-o", tmp_path / "whole")[0] == 0
    take, seen = Keeper.take, [0]

    def stopping(self: Keeper, pause) -> None:
        take(self, pause)
        seen[0] += 1
        if seen[0] == 70:
            raise KeyboardInterrupt

    monkeypatch.setattr(Keeper, "take", stopping)
    here = tmp_path / "stopped"
    code, _, err = command(*words, "-o", here)
    assert code == 130
    kept = f"asemacro: interrupted; what was computed is kept in {here}, the same command goes on from there\n"
    assert err.endswith(kept)
    code, out, _ = command(*words, "-o", here)
    assert code == 0
    (line,) = [line for line in out.splitlines() if line.startswith("goes on after")]
    for name in RESULTS:
        assert (here / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (here / ".checkpoint").exists()
    assert line.endswith("of the same run that was stopped")


def test_another_run_does_not_go_on_from_there(command, tmp_path: Path, monkeypatch, caplog) -> None:
    def stopping(self: Keeper, pause) -> None:
        self._last = pause
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "take", stopping)
        assert command(*WORDS, "--hops", 2000, "-o", tmp_path)[0] == 130
    changed = list(WORDS)
    changed[3] = 1201
    code, out, err = command(*changed, "--hops", 2000, "-o", tmp_path)
    assert code == 0
    assert "goes on" not in out
    assert "checkpoint of other inputs ignored: temperature differs" in err + caplog.text
