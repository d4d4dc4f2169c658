"""Folders of results: one process, one kind, one set of files, and a true word when interrupted."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from asemacro import Learned
from asemacro.data import Moments
from asemacro.files.content import file_digest
from asemacro.files.store import CannotWrite, output_file, remove_leftovers, write_csv, write_whole
from asemacro.plot.short_range_order import new_figure
from asemacro.studies.learn.learned import learn_from_moments
from asemacro.studies.paper.report import Result, Row, Table
from asemacro.studies.paper.runner import finished, reproduce
from asemacro.tasks.publication import check_files, publish
from asemacro.tasks.run_folder import LOCK, RESULTS, RunFolder

RECORD = {"asemacro": "0.1.0", "arguments": {}}


def text(content: str):
    """Writes a text file."""
    return lambda path: path.write_text(content)


def names(folder: Path) -> set[str]:
    """All files but the log of the runs."""
    return {path.name for path in folder.iterdir()} - {"run.log"}


def write_as(verb: str, folder: Path, **files: str) -> None:
    """Publish text files, a dot for each double underscore in their names."""
    with RunFolder(folder, verb) as here:
        here.publish({name.replace("__", "."): text(content) for name, content in files.items()}, RECORD)


def dead_process() -> int:
    """Number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


# ---------------------------------------------------------------- sets of files


def test_the_record_lists_what_belongs_to_the_run(tmp_path: Path) -> None:
    write_as("kmc", tmp_path / "a", sro__csv="1", final__extxyz="2")
    record = json.loads((tmp_path / "a" / "run.json").read_text())
    assert record["verb"] == "kmc"
    assert record["files"] == {name: file_digest(tmp_path / "a" / name) for name in ("sro.csv", "final.extxyz")}
    assert names(tmp_path / "a") == {"sro.csv", "final.extxyz", "run.json"}
    check_files(tmp_path / "a", ["sro.csv", "final.extxyz"])


def test_what_the_new_run_does_not_write_goes(tmp_path: Path) -> None:
    write_as("learn", tmp_path, sde__safetensors="1", training__safetensors="1", closure__safetensors="1")
    (tmp_path / "notes.txt").write_text("the user's")
    write_as("learn", tmp_path, sde__safetensors="2", training__safetensors="2")
    assert names(tmp_path) == {"sde.safetensors", "training.safetensors", "run.json", "notes.txt"}


def test_nothing_changes_before_all_files_are_ready(tmp_path: Path) -> None:
    write_as("learn", tmp_path, sde__safetensors="old", training__safetensors="old")
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}

    def broken(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError), RunFolder(tmp_path, "learn") as here:
        here.publish({"sde.safetensors": text("new"), "training.safetensors": broken}, RECORD)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


@pytest.mark.parametrize("killed_after", [0, 1, 2])
def test_a_set_that_was_cut_has_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_after: int) -> None:
    write_as("learn", tmp_path, sde__safetensors="old", training__safetensors="old")
    renamed: list[Path] = []
    real = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if len(renamed) == killed_after:
            raise SystemError("killed")
        renamed.append(target)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    if killed_after == 2:
        monkeypatch.setattr("asemacro.tasks.publication.write_json", killed)
    with pytest.raises(SystemError), RunFolder(tmp_path, "learn") as here:
        here.publish({"sde.safetensors": text("new"), "training.safetensors": text("new")}, RECORD)
    assert not (tmp_path / "run.json").exists()


def test_readers_see_files_of_other_runs(tmp_path: Path) -> None:
    write_as("learn", tmp_path, sde__safetensors="1", training__safetensors="1")
    check_files(tmp_path, ["sde.safetensors", "training.safetensors", "closure.safetensors"])
    (tmp_path / "closure.safetensors").write_text("of another")
    with pytest.raises(ValueError, match=r"closure.safetensors is not of the run that run.json describes"):
        check_files(tmp_path, ["closure.safetensors"])
    (tmp_path / "training.safetensors").write_text("2")
    with pytest.raises(ValueError, match=r"training.safetensors is not the file that run.json lists"):
        check_files(tmp_path, ["sde.safetensors", "training.safetensors"])
    (tmp_path / "sde.safetensors").unlink()
    with pytest.raises(ValueError, match=r"sde.safetensors is missing, though run.json lists it"):
        check_files(tmp_path, ["sde.safetensors"])


def test_folders_of_version_0_1_and_of_others_pass(tmp_path: Path) -> None:
    (tmp_path / "sde.safetensors").write_text("1")
    check_files(tmp_path, ["sde.safetensors"])
    for content in ({"asemacro": "0.1.0", "seed": 0}, {"files": {"sde.safetensors": "another tool's"}}):
        (tmp_path / "run.json").write_text(json.dumps(content))
        check_files(tmp_path, ["sde.safetensors"])
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ValueError, match=r"run.json is not JSON"):
        check_files(tmp_path, ["sde.safetensors"])


def learned(slope: float) -> Learned:
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 2))
    moments = Moments(z, slope * z, np.tile(0.1 * np.eye(2), (200, 1, 1)), np.array(1.0), np.zeros(0))
    return learn_from_moments(moments, ("a", "b"), 64, n_observed=1, rng=rng)


def test_a_model_beside_training_states_of_another(tmp_path: Path) -> None:
    learned(-1.0).save(tmp_path / "one")
    assert Learned.load(tmp_path / "one").n_observed == 1
    learned(-2.0).save(tmp_path / "two")
    (tmp_path / "two" / "training.safetensors").replace(tmp_path / "one" / "training.safetensors")
    with pytest.raises(ValueError, match="it was written with another model") as refused:
        Learned.load(tmp_path / "one")
    assert "\n" not in str(refused.value)


def test_saving_over_a_run_removes_its_record(tmp_path: Path) -> None:
    first, second = learned(-1.0), learned(-2.0)
    with RunFolder(tmp_path, "learn") as here:
        here.publish(first.files(), RECORD)
    assert Learned.load(tmp_path).n_observed == 1
    second.save(tmp_path)
    assert names(tmp_path) == {"sde.safetensors", "training.safetensors"}
    Learned.load(tmp_path)
    (tmp_path / "run.json").write_text('{"not": "ours"}')
    second.save(tmp_path)
    assert (tmp_path / "run.json").exists()


def test_the_same_model_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        learned(-1.0).save(tmp_path / name)
    Learned.load(tmp_path / "one").save(tmp_path / "three")
    for file in ("sde.safetensors", "training.safetensors"):
        assert len({(tmp_path / name / file).read_bytes() for name in ("one", "two", "three")}) == 1


# ---------------------------------------------------------------- who may write


def test_a_second_process_is_refused_and_a_dead_one_is_not_waited_for(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from asemacro.tasks.run_folder import RunFolder\n"
        "with RunFolder(sys.argv[1], 'kmc'):\n"
        "    print('locked', flush=True); signal.pause()"
    )
    other = subprocess.Popen([sys.executable, "-c", code, tmp_path / "a"], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "locked\n"
    with (
        pytest.raises(OSError, match=f"process {other.pid} is writing in .*; wait for it or give another"),
        RunFolder(tmp_path / "a", "kmc"),
    ):
        pass
    other.kill()
    other.wait()
    other.stdout.close()
    assert (tmp_path / "a" / LOCK).exists()
    write_as("kmc", tmp_path / "a", sro__csv="1")
    assert names(tmp_path / "a") == {"sro.csv", "run.json"}


def test_two_runs_of_one_process(tmp_path: Path) -> None:
    with RunFolder(tmp_path, "kmc"), pytest.raises(OSError, match=f"process {os.getpid()} is writing"):  # noqa: SIM117
        with RunFolder(tmp_path, "kmc"):
            pass
    with RunFolder(tmp_path, "kmc"):
        pass


@pytest.mark.parametrize("held", RESULTS)
@pytest.mark.parametrize("old", [False, True], ids=["now", "version 0.1"])
def test_results_of_another_verb_are_refused_or_replaced(tmp_path: Path, held: str, old: bool) -> None:
    if old and held in ("barriers learn", "bench", "equilibrium", "sro", "anneal", "diffusion"):
        pytest.skip("version 0.1 had no such verb")
    verb = "kmc" if held != "kmc" else "phase-diagram"
    with RunFolder(tmp_path, held) as here:
        here.publish({name: text("1") for name in RESULTS[held]}, RECORD)
    if old:
        marks = {"kmc": "hops_per_second", "phase-diagram": "copies", "learn": "path_pull"}
        content = {**RECORD, **({marks[held]: 1} if held in marks else {})}
        (tmp_path / "run.json").write_text(json.dumps(content))
    before = names(tmp_path)
    with pytest.raises(ValueError, match=f"holds the results of `asemacro {held}`; give another folder with -o, or"):
        write_as(verb, tmp_path, sro__csv="2")
    assert names(tmp_path) == before
    with RunFolder(tmp_path, verb, force=True) as here:
        here.publish({"sro.csv": text("2")}, RECORD)
    assert names(tmp_path) == {"sro.csv", "run.json"}


def test_results_of_the_same_verb_are_replaced_which_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"{tmp_path} holds the results of an earlier `asemacro learn`: they are replaced when this one is finished"
    for before in (False, True):
        with RunFolder(tmp_path, "learn") as here:
            here.keep_parts({"seed": 0})
            assert capsys.readouterr().out == (f"{said}; -o gives another folder\n" if before else "")
            here.publish({"sde.safetensors": text("1")}, RECORD)


def test_results_without_a_record_are_not_mixed_either(tmp_path: Path) -> None:
    (tmp_path / "ttt.png").write_text("of a killed run")
    with pytest.raises(ValueError, match=r"holds ttt.png of another kind of run"):
        write_as("kmc", tmp_path, sro__csv="1")
    with RunFolder(tmp_path, "kmc", force=True) as here:
        here.publish({"sro.csv": text("1")}, RECORD)
    assert names(tmp_path) == {"sro.csv", "run.json", "ttt.png"}


def test_leftovers_of_dead_processes_go(tmp_path: Path) -> None:
    dead = dead_process()
    for name in (f".sro.{dead}.csv", f".sde.{os.getpid()}.safetensors", f"..sro.{dead}.{dead}.csv"):
        (tmp_path / name).write_text("half")
    kept = {f".sro.{os.getppid()}.csv", f".sro.{dead}.txt", ".bashrc", f"sro.{dead}.csv", ".a.b.csv"}
    for name in kept:
        (tmp_path / name).write_text("kept")
    with RunFolder(tmp_path, "kmc"):
        pass
    assert names(tmp_path) == kept


def test_a_single_file_clears_its_own_leftovers(tmp_path: Path) -> None:
    dead = dead_process()
    for name in (f".a.{dead}.csv", f".b.{dead}.csv"):
        (tmp_path / name).write_text("half")
    write_whole(tmp_path / "a.csv", text("whole"))
    assert names(tmp_path) == {"a.csv", f".b.{dead}.csv"}
    remove_leftovers(tmp_path)
    assert names(tmp_path) == {"a.csv"}


# ---------------------------------------------------------------- a full disk


def full(path: Path) -> None:
    path.write_text("half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_named_with_the_file_and_the_rest_is_kept(tmp_path: Path) -> None:
    files = {"sro.csv": text("1"), "trajectory.extxyz": full, "final.extxyz": text("2")}
    write_as("kmc", tmp_path, trajectory__extxyz="old")
    with pytest.raises(CannotWrite) as failed, RunFolder(tmp_path, "kmc") as here:
        here.publish(files, RECORD)
    assert str(failed.value) == (
        f"cannot write {tmp_path / 'trajectory.extxyz'}: No space left on device; "
        "written: sro.csv, final.extxyz, run.json"
    )
    assert names(tmp_path) == {"sro.csv", "final.extxyz", "run.json"}
    check_files(tmp_path, ["sro.csv", "final.extxyz", "trajectory.extxyz"])


def test_a_disk_without_any_room_leaves_the_older_results(tmp_path: Path) -> None:
    write_as("kmc", tmp_path, sro__csv="old")
    with pytest.raises(CannotWrite, match=r"sro.csv, final.extxyz: No space left on device; nothing was written"):
        publish(tmp_path, {"sro.csv": full, "final.extxyz": full}, RECORD)
    assert (tmp_path / "sro.csv").read_text() == "old"
    check_files(tmp_path, ["sro.csv"])


def test_a_full_disk_keeps_the_checkpoint(tmp_path: Path) -> None:
    with RunFolder(tmp_path, "kmc") as here:
        here.checkpoint.entry("a", {}).save(text("1"))
        with pytest.raises(CannotWrite, match="the same command goes on from there"):
            here.publish({"sro.csv": full}, RECORD)
    with RunFolder(tmp_path, "kmc") as here:
        assert here.checkpoint.holds_results
        here.publish({"sro.csv": text("1")}, RECORD)
    assert names(tmp_path) == {"sro.csv", "run.json"}


def test_one_file_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asemacro.files.store.csv.writer", lambda file: full(tmp_path / "elsewhere"))
    with pytest.raises(CannotWrite, match=r"^cannot write .*a.csv: No space left on device$"):
        write_csv(tmp_path / "a.csv", ["x"], [])


def test_kmc_on_a_full_disk(command, structures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asemacro.studies.alloy.kmc_command.write_frames", lambda path, *content: full(path))
    words = ("--hops", 100, "--sites", 108, "--barriers", structures / "NiCoCr_pair.json")
    code, _, err = command("kmc", structures / "NiCoCr.cif", "-T", 1200, *words, "-o", tmp_path / "a")
    assert code == 2
    assert err.endswith("trajectory.amz.zip: No space left on device; written: sro.csv, final.extxyz, run.json\n")
    assert names(tmp_path / "a") == {"sro.csv", "final.extxyz", "run.json"}


# ---------------------------------------------------------------- checked before the work


def test_kmc_without_an_atom_of_a_species(command, structures: Path, tmp_path: Path) -> None:
    words = ("--hops", 1e9, "--sites", 108, "--vacancies", 107, "--barriers", structures / "NiCoCr_pair.json")
    code, _, err = command("kmc", structures / "NiCoCr.cif", "-T", 1200, *words, "-o", tmp_path / "a")
    assert code == 2
    assert "107 vacancies on 108 sites leave no atom of" in err
    assert not (tmp_path / "a").exists()


def test_training_into_a_folder(command, tmp_path: Path) -> None:
    code, _, err = command("barriers", "train", tmp_path / "absent.npz", "-o", tmp_path)
    assert code == 2
    assert err == f"asemacro: {tmp_path} is a folder; -o names the file to write\n"
    assert output_file(tmp_path / "new" / "model.safetensors").parent.is_dir()


# ---------------------------------------------------------------- verbs and figures


def test_learn_again_without_a_closure(command, tmp_path: Path) -> None:
    folder = tmp_path / "a"
    small = ("--sites", 64, "--small", 32, "--starts", 25, "-o", folder)
    assert command("learn", "curie-weiss", *small)[0] == 0
    (folder / "closure.safetensors").write_text("of an older run")
    model = (folder / "sde.safetensors").read_bytes()
    assert command("learn", "curie-weiss", *small)[0] == 0
    assert names(folder) == {"sde.safetensors", "training.safetensors", "diagnostics.png", "run.json"}
    assert (folder / "sde.safetensors").read_bytes() == model
    code, _, err = command("sample", "curie-weiss", "--sites", 16, "--until", 0.1, "-o", folder)
    assert code == 2
    assert "holds the results of `asemacro learn`" in err
    (folder / "sde.safetensors").write_bytes(model + b" ")
    code, _, err = command("simulate", folder, "--start", 0.1, "--until", 1, "-o", tmp_path / "x.csv")
    assert code == 2
    assert "sde.safetensors is not the file that run.json lists" in err


def test_a_figure_whose_files_are_gone_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(**words: object) -> Result:
        return Result("a title", [Row("a", 1.0)], {"": Table(["x"], [[1]])}, lambda: new_figure()[0])

    module = types.ModuleType("asemacro.studies.paper.fig2")
    module.run = run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def done() -> bool:
        return finished("fig2", tmp_path, quick=True, seed=0)

    for name in ("fig2.csv", "fig2.png", "fig2.json"):
        reproduce("fig2", tmp_path, quick=True)
        assert done()
        (tmp_path / name).unlink()
        assert not done()
        reproduce("fig2", tmp_path, quick=True)
        (tmp_path / name).write_bytes(b"another")
        assert not done()
    reproduce("fig2", tmp_path, quick=True)
    record = json.loads((tmp_path / "fig2-run.json").read_text())
    del record["files"]
    (tmp_path / "fig2-run.json").write_text(json.dumps(record))
    assert done()  # of version 0.1
    (tmp_path / "fig2.png").unlink()
    assert not done()
