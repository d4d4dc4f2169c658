"""Every verb with --workers can send its tasks to other processes, and writes the same bytes then."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from sent_work import Pickled

from asemacro.studies.alloy import prediction
from asemacro.tasks import processes

STRUCTURES = Path(__file__).resolve().parents[2] / "structures"
ALLOY = (STRUCTURES / "NiCoCr.cif", "--barriers", STRUCTURES / "NiCoCr_pair.json", "--workers", 2)
VERBS = {
    "equilibrium": ("-T", "1200,1500", "--sites", 64, "--sweeps", 40, "--shells", 1),
    "diffusion": ("-T", "1200,1600", "--sites", 108, "--runs", 4, "--hops", 1000),
    "phase-diagram": ("--temperatures", "1000,1500", "--small", 108, "--sites", 216, "--hops", 1000, "--sweeps", 40),
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_same_files_from_tasks_that_were_sent(verb: str, command, tmp_path: Path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(prediction, "FIT", prediction.FitOptions(max_epochs=1, min_steps=30, max_steps=60))
    sent = Pickled()
    monkeypatch.setattr(processes, "worker_processes", lambda count: contextlib.nullcontext(sent))
    found = {}
    for kind, said in (("threads", "tasks run on 2 threads"), ("processes", "tasks run on 2 processes")):
        folder = tmp_path / kind
        code, _, err = command(verb, *ALLOY, *VERBS[verb], "--executor", kind, "-o", folder)
        assert code == 0, err
        assert [record.getMessage() for record in caplog.records].count(said) == 1
        names = sorted(path for path in folder.iterdir() if path.suffix in (".csv", ".safetensors", ".extxyz"))
        found[kind] = {path.name: path.read_bytes() for path in names}
    assert sent.count > 0
    assert found["threads"]
    assert found["threads"] == found["processes"]
