"""The command sample goes on where it was stopped, with the results of runs that never were."""

from __future__ import annotations

from pathlib import Path

import pytest

from asemacro.tasks.keeper import Keeper

SYSTEMS = {
    "ising": ("--sites", 64, "--until", 2),
    "curie-weiss": ("--sites", 64, "--until", 2),
    "kac-ising": ("--sites", 1024, "--until", 2),
    "heisenberg": ("--sites", 64, "--until", 1),
    "predator-prey": ("--sites", 32, "--until", 0.5),
}
RESULTS = ("observables.csv", "final.extxyz", "trajectory.amz.zip")


@pytest.mark.parametrize("system", SYSTEMS)
def test_interrupted_runs_go_on(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    words = ("sample", system, *SYSTEMS[system], "--runs", 2)
    code, _, err = command(*words, "-o", tmp_path / "whole")
    assert code == 0, err
    take = Keeper.take
    # at the first state, within the first run, at its end and within the second
    for count in (1, 70, 201, 333):
        seen, here = [0], tmp_path / f"stopped-{count}"

        def stopping(self: Keeper, pause, seen: list[int] = seen, count: int = count) -> None:
            take(self, pause)
            seen[0] += 1
            if seen[0] == count:
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Keeper, "take", stopping)
            code, _, err = command(*words, "-o", here)
        assert code == 130
        assert err.endswith(f"what was computed is kept in {here}, the same command goes on from there\n")
        code, out, err = command(*words, "-o", here)
        assert code == 0, err
        run, times = divmod(count, 201)
        assert f"goes on after {run if times else run - 1} of 2 runs and {times or 201} of 201 times" in out
        for name in RESULTS:
            assert (here / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_other_runs_do_not_go_on_from_there(command, tmp_path: Path, monkeypatch, caplog) -> None:
    def stopping(self: Keeper, pause) -> None:
        self._last = pause
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Keeper, "take", stopping)
        assert command("sample", "ising", "--sites", 64, "-o", tmp_path)[0] == 130
    code, out, err = command("sample", "ising", "--sites", 64, "--temperature", 3, "-o", tmp_path)
    assert code == 0
    assert "goes on" not in out
    assert "checkpoint of other inputs ignored: system differs" in err + caplog.text
