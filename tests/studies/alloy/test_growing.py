"""The same temperature gives the same runs, whatever else is asked for, so that a folder can grow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asemacro.barriers import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.macro.train import FitOptions
from asemacro.studies.alloy import prediction
from asemacro.studies.alloy.campaign import Job
from asemacro.studies.alloy.diagram import phase_diagram
from asemacro.tasks.checkpoint import Checkpoint

SPECIES = ("Cr", "Co", "Ni")
MODEL = PairBarrier(SPECIES, {"Cr": 0.9, "Co": 1.0, "Ni": 1.1}, [{"Cr-Co": -0.03}])
LATTICE = Lattice.fcc(3.6, SPECIES, 2)
LISTS = [(900, 1500), (1500,), (900, 1200, 1500)]


def runs_at_1500(
    folder: Path, temperatures: Sequence[float], stop_at: str = "fit", seed: int = 0, **options: Any
) -> bytes:
    """What a diagram that is stopped after its runs keeps of 1500 K."""

    def progress(task: str, fraction: float, text: str) -> None:
        if task == stop_at:
            raise KeyboardInterrupt

    given = {"sites": 128, "small": 32, "hops": 1000, "workers": 1, "sweeps": 40} | options
    with pytest.raises(KeyboardInterrupt):
        phase_diagram(
            LATTICE,
            MODEL,
            temperatures_K=temperatures,
            checkpoint=Checkpoint(folder),
            progress=progress,
            rng=np.random.default_rng(seed),
            **given,
        )
    (path,) = (folder / ".checkpoint").glob("small-1500.0K-*.npz")
    return path.read_bytes()


def test_runs_do_not_depend_on_what_else_is_asked_for(tmp_path: Path) -> None:
    found = {
        runs_at_1500(tmp_path / f"{n}-{k}", temperatures, **options)
        for n, temperatures in enumerate(LISTS)
        for k, options in enumerate(({}, {"stop_at": "swaps"}, {"direct": True, "workers": 2}, {"sweeps": 50}))
    }
    assert len(found) == 1
    assert runs_at_1500(tmp_path / "other", (1500,), seed=1) not in found


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Temperatures of the runs that were made; fits are short."""
    made: list[float] = []
    real = Job.run

    def run(job: Job, *words: Any) -> Any:
        made.append(job.temperature_K)
        return real(job, *words)

    monkeypatch.setattr(Job, "run", run)
    monkeypatch.setattr(prediction, "FIT", FitOptions(max_epochs=1, min_steps=20, max_steps=20))
    return made


def test_a_finished_folder_grows(command, structures: Path, tmp_path: Path, caplog, counted: list[float]) -> None:
    words = ("--barriers", structures / "NiCoCr_pair.json", "--sites", 216, "--small", 108, "--hops", 1000)

    def diagram(folder: str, temperatures: str, *more: str) -> list[str]:
        """What is said of runs that were kept."""
        counted.clear()
        caplog.clear()
        code, _, err = command(
            "phase-diagram", structures / "NiCoCr.cif", *words, "--sweeps", 40, "--temperatures", temperatures,
            "-o", tmp_path / folder, *more,
        )  # fmt: skip
        assert code == 0, err
        return [line for line in caplog.messages if "taken from" in line or "checkpoint" in line]

    assert not diagram("a", "900,1500")
    assert sorted(counted) == [900, 1500]
    said = diagram("a", "900,1200,1500")
    assert counted == [1200]
    assert said == [f"taken from {tmp_path / 'a'}: the small runs at 900 and 1500 K"]
    diagram("b", "900,1200,1500", "--force")
    assert sorted(counted) == [900, 1200, 1500]
    for name in ("sro.csv", "sde.safetensors", "sro.png", "ttt.csv", "ttt.png", "final.extxyz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert len(list((tmp_path / "a" / ".checkpoint").glob("small-*K-*.npz"))) == 3
    # with --force nothing but the results is kept
    assert not (tmp_path / "b" / ".checkpoint").exists()
