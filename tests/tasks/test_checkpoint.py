"""Kept results are found again if, and only if, nothing that they depend on has changed; what has is said."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fault_points import kill_at_publication

from asemacro.barriers import PairBarrier
from asemacro.files.content import digest
from asemacro.lattice.lattice import Lattice
from asemacro.macro.train import FitOptions
from asemacro.studies.alloy import prediction, study
from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.calculated import PhaseDiagram
from asemacro.studies.alloy.campaign import Job, run_jobs
from asemacro.studies.alloy.diagram import phase_diagram
from asemacro.tasks import checkpoint as module
from asemacro.tasks.checkpoint import Checkpoint, arrays_of, items_of, write_arrays
from asemacro.tasks.streams import Streams

SPECIES = ["Cr", "Co", "Ni"]
MIGRATION = {"Cr": 0.9, "Co": 1.0, "Ni": 1.1}


def pair_model(strength: float, name: str = "mod") -> PairBarrier:
    return PairBarrier(SPECIES, MIGRATION, [{"Cr-Co": strength}], name)


def job(**changes: object) -> Job:
    lattice = Lattice.fcc(3.6, SPECIES, 3)
    given = {
        "lattice": lattice, "model": pair_model(-0.03), "temperature_K": 900.0, "runs": 4, "copies": 2,
        "counts": {"Cr": 36, "Co": 36, "Ni": 35, "X": 1},
        "budget": Budget(hops=1000), "streams": Streams((5,)),
    }  # fmt: skip
    return Job(**{**given, **changes})  # type: ignore[arg-type]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def silent(task: str, fraction: float, text: str) -> None:
    pass


# ---------------------------------------------------------------- contents


def test_equal_content_has_one_fingerprint() -> None:
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": (1.5, None), "a": 1})
    assert digest(np.arange(4)[::2]) == digest(np.array([0, 2]))
    assert digest(np.float64(0.1)) == digest(0.1)
    first = Lattice.bcc(3.2, ["Nb", "Mo"], 3)
    first.shells(2)  # what it remembers of questions is no content
    assert digest(first) == digest(Lattice.bcc(3.2, ["Nb", "Mo"], 3))
    assert digest(np.random.default_rng(3)) == digest(np.random.default_rng(3))


def test_other_content_has_another_fingerprint() -> None:
    used, parent = np.random.default_rng(3), np.random.default_rng(3)
    used.random()
    parent.spawn(1)
    values = [
        None, True, 1, 1.0, "1", b"1", [1], [[1]], [1, 2], [12], ["a", "b"], ["ab"], {"a": 1}, {1: "a"}, 0.1 + 0.2, 0.3,
        np.zeros(4), np.zeros((2, 2)), np.zeros(4, dtype=np.float32), np.zeros(4, dtype=int), float("nan"),
        np.random.default_rng(3), np.random.default_rng(4), used, parent, np.random.default_rng(3).spawn(1)[0],
        Lattice.bcc(3.2, ["Nb", "Mo"], 3), Lattice.bcc(3.2, ["Nb", "Mo"], 4), Lattice.bcc(3.21, ["Nb", "Mo"], 3),
        Lattice.fcc(3.2, ["Nb", "Mo"], 3), Budget(1000.0), Budget(1000.0, relaxations=1.0),
    ]  # fmt: skip
    assert len({digest(value) for value in values}) == len(values)
    with pytest.raises(TypeError, match="content of a object"):
        digest(object())


def test_rows_of_dataclasses_come_back() -> None:
    @dataclasses.dataclass
    class Item:
        x: np.ndarray
        good: bool

    back = items_of(Item, arrays_of([Item(np.arange(2.0), True), Item(np.ones(2), False)]))
    assert [item.good for item in back] == [True, False]
    np.testing.assert_array_equal(back[1].x, [1, 1])
    with pytest.raises(ValueError, match="not rows of good, x"):
        items_of(Item, {"x": np.arange(2)})


# ---------------------------------------------------------------- what is found again

BCC = Lattice.bcc(3.2, SPECIES, [3, 3, 6])
CHANGES = {
    "barriers": {"model": pair_model(-0.04)},
    "attempt frequencies": {
        "model": PairBarrier(SPECIES, MIGRATION, [{"Cr-Co": -0.03}], "mod", attempt_frequency_Hz={"Cr": 2e13})
    },
    "temperature": {"temperature_K": 900.0001},
    "lattice": {"lattice": Lattice.fcc(3.7, SPECIES, 3)},
    "barriers, lattice": {"lattice": BCC},
    "composition": {"counts": {"Cr": 35, "Co": 36, "Ni": 35, "X": 2}},
    "number of runs": {"copies": 4},
    "hops": {"budget": Budget(hops=2000)},
    "seed": {"streams": Streams((6,))},
}


@pytest.mark.parametrize("differs", CHANGES)
def test_what_has_changed_is_named_and_made_anew(tmp_path: Path, caplog, differs: str) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.entry("runs", job().inputs()).save(lambda path: write_arrays(path, {"x": np.ones(1)}))
    assert Checkpoint(tmp_path).entry("runs", job().inputs()).load(lambda path: 1) == 1
    assert not caplog.text
    changed = Checkpoint(tmp_path).entry("runs", job(**CHANGES[differs]).inputs())
    assert changed.load(lambda path: 1) is None
    word = "differ" if "," in differs else "differs"
    assert warnings(caplog) == [f"checkpoint of other inputs ignored: {differs} {word}"]


def test_a_name_is_no_content(tmp_path: Path) -> None:
    Checkpoint(tmp_path).entry("runs", job().inputs()).save(lambda path: write_arrays(path, {"x": np.ones(1)}))
    renamed = job(model=pair_model(-0.03, "another name"))
    assert Checkpoint(tmp_path).entry("runs", renamed.inputs()).load(lambda path: 1) == 1


@pytest.mark.parametrize(("name", "value"), [("FORMAT", 999), ("__version__", "9.9.9")])
def test_another_version(tmp_path: Path, caplog, monkeypatch: pytest.MonkeyPatch, name: str, value: object) -> None:
    Checkpoint(tmp_path).entry("runs", job().inputs()).save(lambda path: write_arrays(path, {"x": np.ones(1)}))
    monkeypatch.setattr(module, name, value)
    assert Checkpoint(tmp_path).entry("runs", job().inputs()).load(lambda path: 1) is None
    assert warnings(caplog) == ["checkpoint of other inputs ignored: version of asemacro differs"]


def test_tasks_have_files_of_their_own(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    jobs = [job(temperature_K=900.0001), job(temperature_K=900.0004), job(box="direct")]
    for number, one in enumerate(jobs):
        arrays = {"number": np.array(number)}
        checkpoint.entry(one.name, one.inputs()).save(partial(write_arrays, arrays=arrays))
    found = [checkpoint.entry(one.name, one.inputs()).load(lambda path: int(np.load(path)["number"])) for one in jobs]
    assert found == [0, 1, 2]


def test_damaged_ones_count_as_absent_and_are_replaced(tmp_path: Path, caplog) -> None:
    fresh = run_jobs([job()], 1, Checkpoint(tmp_path), silent)[0]
    for damage in (b"torn", b"", None):
        for suffix in ("npz", "json"):
            (path,) = (tmp_path / ".checkpoint").glob(f"*.{suffix}")
            content = path.read_bytes()
            path.write_bytes(content[:-20] + b"?" + content[-19:] if damage is None else damage)
            caplog.clear()
            again = run_jobs([job()], 1, Checkpoint(tmp_path), silent)[0]
            np.testing.assert_array_equal(again.order, fresh.order)
            (line,) = warnings(caplog)
            assert line.startswith("the checkpoint of small-900.0K is damaged (")
            caplog.clear()
            run_jobs([job()], 1, Checkpoint(tmp_path), silent)
            assert not warnings(caplog)


def test_a_record_of_another_temperature_is_not_accepted(tmp_path: Path, caplog) -> None:
    record = run_jobs([job()], 1, None, silent)[0]
    foreign = dataclasses.replace(record, temperature_K=123.0)
    here = job()
    Checkpoint(tmp_path).entry(here.name, here.inputs()).save(lambda path: write_arrays(path, foreign.to_arrays()))
    found = run_jobs([job()], 1, Checkpoint(tmp_path), silent)[0]
    assert found.temperature_K == 900.0
    assert warnings(caplog) == [
        "the checkpoint of small-900.0K is damaged (its runs are those of 123.0 K), it is made anew"
    ]


def test_a_full_disk_does_not_stop_the_runs(tmp_path: Path, caplog, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, arrays: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("asemacro.studies.alloy.campaign.write_arrays", full)
    records = run_jobs([job(), job(temperature_K=1000.0)], 1, Checkpoint(tmp_path), silent)
    assert len(records) == 2
    assert warnings(caplog) == [f"finished tasks are not kept in {tmp_path / '.checkpoint'}: No space left on device"]


def test_what_lasts_stays_when_the_run_is_finished(tmp_path: Path) -> None:
    older, checkpoint = Checkpoint(tmp_path), Checkpoint(tmp_path)
    older.entry("old-900.0K", {}, lasting=True).save(lambda path: path.write_text("of another run"))
    checkpoint.entry("runs-900.5K", {}, lasting=True).save(lambda path: path.write_text("x"))
    checkpoint.entry("fit", {}).save(lambda path: path.write_text("x"))
    checkpoint.settle()
    left = {path.name.rpartition("-")[0] for path in (tmp_path / ".checkpoint").iterdir()}
    assert left == {"runs-900.5K"}
    assert Checkpoint(tmp_path).entry("runs-900.5K", {}).load(Path.read_text) == "x"
    Checkpoint(tmp_path).settle()
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_when_it_is_cleared(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    assert not checkpoint.holds_results
    checkpoint.entry("a", {}).save(lambda path: path.write_text("x"))
    assert checkpoint.holds_results
    checkpoint.clear()
    assert not checkpoint.holds_results
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("way", ["settle", "clear"])
def test_killed_while_it_goes_what_is_kept_has_no_record_without_its_file(tmp_path: Path, way: str) -> None:
    for moment in range(14):
        checkpoint = Checkpoint(tmp_path / f"{moment}")
        entries = [checkpoint.entry(name, {}, ".txt") for name in ("a", "b", "c")]
        for entry in entries:
            entry.save(lambda path: path.write_text("x"))
        child = os.fork()
        if child == 0:
            kill_at_publication(moment)
            getattr(checkpoint, way)()
            os._exit(0)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1]) == (moment < 12)  # before and after each of six files
        for record in (tmp_path / f"{moment}").rglob("*.json"):
            assert record.with_name(json.loads(record.read_text())["file"]).is_file()


# ---------------------------------------------------------------- a diagram, stopped at each stage


def diagram(checkpoint: Checkpoint | None, stop_at: str = "", strength: float = -0.03) -> PhaseDiagram:
    """A diagram in seconds; Ctrl-C when a task is first heard of."""

    def progress(task: str, fraction: float, text: str) -> None:
        if task == stop_at:
            raise KeyboardInterrupt

    return phase_diagram(
        Lattice.fcc(3.6, SPECIES, 2),
        pair_model(strength),
        temperatures_K=[900, 1500],
        sites=128,
        small=32,
        hops=1000,
        workers=1,
        direct=True,
        checkpoint=checkpoint,
        progress=progress,
        rng=np.random.default_rng(0),
    )


@pytest.fixture
def quick_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "FIT", FitOptions(max_epochs=1, min_steps=20, max_steps=20))


def test_a_diagram_stopped_at_each_stage_ends_with_the_same_bytes(
    tmp_path: Path, caplog, monkeypatch: pytest.MonkeyPatch, quick_fit: None
) -> None:
    diagram(None).save(tmp_path / "whole")
    made: list[str] = []
    for real in (study.learn, study.equilibrium_by_swaps):

        def counted(*given, real=real, **named):
            made.append(real.__name__)
            return real(*given, **named)

        monkeypatch.setattr(study, real.__name__, counted)
    folder = tmp_path / "resumed"
    for stop_at in ("small-900.0K", "direct-1500.0K", "swaps", "fit", "predict"):
        with pytest.raises(KeyboardInterrupt):
            diagram(Checkpoint(folder), stop_at)
    kept = {path.name.rpartition("-")[0] for path in (folder / ".checkpoint").glob("*.json")}
    assert kept == {"small-900.0K", "small-1500.0K", "direct-900.0K", "direct-1500.0K", "fit", "swaps"}
    heard: list[str] = []
    monkeypatch.setattr("asemacro.studies.alloy.campaign.Job.run", lambda *words: heard.append("a run"))
    diagram(Checkpoint(folder)).save(folder)
    assert not heard
    # the swaps were stopped once in their middle; nothing was made twice that had been finished
    assert made == ["equilibrium_by_swaps", "equilibrium_by_swaps", "learn"]
    assert not warnings(caplog)
    for name in ("sro.csv", "sde.safetensors"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_diagram_with_other_barriers_is_made_anew(tmp_path: Path, caplog, quick_fit: None) -> None:
    with pytest.raises(KeyboardInterrupt):
        diagram(Checkpoint(tmp_path / "resumed"), "predict")
    diagram(Checkpoint(tmp_path / "resumed"), strength=0.05).save(tmp_path / "resumed")
    assert warnings(caplog) == [
        "checkpoint of other inputs ignored: barriers differs",
        "checkpoint of other inputs ignored: runs differs",
    ]
    diagram(None, strength=0.05).save(tmp_path / "fresh")
    assert (tmp_path / "resumed" / "sro.csv").read_bytes() == (tmp_path / "fresh" / "sro.csv").read_bytes()


def test_the_record_beside_a_file_is_json(tmp_path: Path) -> None:
    Checkpoint(tmp_path).entry("a", {"seed": 1}).save(lambda path: path.write_text("x"))
    (path,) = (tmp_path / ".checkpoint").glob("*.json")
    content = json.loads(path.read_text())
    assert content["task"] == "a"
    assert set(content["inputs"]) == {"seed", "version of asemacro"}
