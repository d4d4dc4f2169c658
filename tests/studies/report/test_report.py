"""Pages of runs: they hold what the files hold, need nothing but themselves, and browsers draw them."""

from __future__ import annotations

import contextlib
import csv
import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from asemacro.files.content import file_digest
from asemacro.studies.report import citations, write_report
from asemacro.studies.report.atoms_figure import MOST_SITES, corner, draw_atoms
from asemacro.tasks.run_folder import RESULTS
from tests.html_pages import in_browser, parsed, traces

PAIR = "NiCoCr_pair.json"


@pytest.fixture(scope="module")
def kmc_folder(tmp_path_factory: pytest.TempPathFactory, structures: Path) -> Path:
    """One small KMC run, by the function behind the command."""
    from asemacro.studies.alloy.kmc_command import run_kmc

    folder = tmp_path_factory.mktemp("runs") / "kmc"
    run_kmc(
        structures / "NiCoCr.cif", folder, reading={}, mix_sublattices=False, shell_tolerance=None,
        temperature_K=1200.0, hops=400, time_s=None, barriers=structures / PAIR, sites=108, vacancies=None,
        vacancy_concentration=None, seed=3,
    )  # fmt: skip
    write_report(folder)
    return folder


def test_the_page_of_a_kmc_run_draws_its_table(kmc_folder: Path) -> None:
    html = (kmc_folder / "report.html").read_text(encoding="utf-8")
    with (kmc_folder / "sro.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = {trace["name"] for trace in traces(html, "course")}
    assert names == {name.removeprefix("delta_") for name in rows[0] if name.startswith("delta_")}
    final = ase.io.read(kmc_folder / "final.extxyz").symbols
    wanted = {f"{'vacancy' if s == 'X' else s} ({list(final).count(s)})" for s in set(final)}
    assert {trace["name"] for trace in traces(html, "atoms")} == {*wanted, "cell"}
    record = json.loads((kmc_folder / "run.json").read_text())
    assert f"<td>{record['seed']}</td>" in html
    assert "NiCoCr_pair" in html
    assert "10.1088/1361-648X/aa680e" in html


def test_a_page_needs_nothing_but_itself(kmc_folder: Path) -> None:
    page = parsed((kmc_folder / "report.html").read_text(encoding="utf-8"))
    assert not [link for link in page.links if not link.startswith("data:")]
    assert not {"link", "iframe", "object"} & set(page.tags)


def test_a_browser_draws_the_page(kmc_folder: Path) -> None:
    with (kmc_folder / "sro.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    course = "document.getElementById('course')"
    name, y, titles, drawn = in_browser(
        kmc_folder / "report.html",
        f"[{course}.data[0].name, Array.from({course}._fullData[0].y).at(-1), {course}.querySelectorAll('.xtitle')"
        f"[0].textContent, {course}.querySelectorAll('.scatterlayer path.js-line').length]",
    )
    assert y == pytest.approx(float(last[f"delta_{name}"]), abs=1e-6)
    assert titles == "KMC time (s)"
    assert drawn == 6


def test_a_page_of_spins(command, tmp_path: Path) -> None:
    folder = tmp_path / "ising"
    assert command("sample", "ising", "--sites", 16, "--until", 1, "--runs", 2, "-o", folder)[0] == 0
    code, out, err = command("report", folder, "-o", tmp_path / "spins.html")
    assert code == 0, err
    html = (tmp_path / "spins.html").read_text(encoding="utf-8")
    assert "spins.html" in out
    assert {trace["name"] for trace in traces(html, "course")} == {"M", "rho_DW"}
    assert len(traces(html, "course")) == 4
    assert traces(html, "atoms")[0]["name"] == "spin"
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("verb", sorted(RESULTS))
def test_of_every_verb_tables_and_pictures_are_shown(verb: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("a,b\n1.25,<b>\n")
    (tmp_path / "own.png").write_bytes(b"\x89PNG and more")
    (tmp_path / "own.md").write_text("# a card\n")
    listed = {path.name: file_digest(path) for path in tmp_path.iterdir()}
    record = {"asemacro": "0.2.0", "verb": verb, "seed": 7, "arguments": {}, "files": listed, "worth": 0.123456}
    (tmp_path / "run.json").write_text(json.dumps(record))
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert any(link.startswith("data:image/png;base64,iVBORyBhbmQ") for link in parsed(html).links)
    if verb != "phase-diagram":  # has a table of its own
        assert "<td>1.25</td><td>&lt;b&gt;</td>" in html
        assert "<pre># a card\n</pre>" in html
        assert "0.1235" in html


def test_results_that_are_made_again_take_their_page_along(command, structures: Path, tmp_path: Path) -> None:
    words = ["kmc", structures / "NiCoCr.cif", "-T", 1200, "--barriers", structures / PAIR, "--sites", 108]
    assert command(*words, "--hops", 50, "-o", tmp_path / "run")[0] == 0
    assert command("report", tmp_path / "run")[0] == 0
    assert (tmp_path / "run" / "report.html").is_file()
    assert command(*words, "--hops", 60, "-o", tmp_path / "run")[0] == 0
    assert not (tmp_path / "run" / "report.html").exists()
    assert "kmc" in json.loads((tmp_path / "run" / "run.json").read_text())["command"]


def test_what_is_no_run_is_refused_in_one_line(command, kmc_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "fig2.json").write_text('{"asemacro": "0.2.0"}')
    changed = tmp_path / "changed"
    changed.mkdir()
    for path in kmc_folder.glob("[!.]*"):
        (changed / path.name).write_bytes(path.read_bytes())
    with (changed / "sro.csv").open("a") as file:
        file.write("1,2\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "run.json").write_text('{"name": "of another program"}')
    for folder, message in (
        (tmp_path / "absent", "no folder"),
        (tmp_path / "figures", "holds no run.json: give the folder of a finished run"),
        (changed, "is not the file that run.json lists"),
        (other, "is not a run record of asemacro"),
    ):
        for words in (("report", folder), ("info", "--citations", folder)):
            code, _, err = command(*words)
            assert (code, err.count("\n")) == (2, 1)
            assert message in err
        assert not (folder / "report.html").exists() or folder == changed


def test_a_page_replaces_no_results(command, kmc_folder: Path, tmp_path: Path) -> None:
    before = (kmc_folder / "run.json").read_bytes()
    for name in (kmc_folder / "run.json", kmc_folder / "final.extxyz", tmp_path / "page"):
        code, _, err = command("report", kmc_folder, "-o", name)
        assert (code, err.count("\n")) == (2, 1)
        assert "end it with .html" in err
    assert (kmc_folder / "run.json").read_bytes() == before


def test_names_are_shown_as_text(kmc_folder: Path, tmp_path: Path) -> None:
    record = json.loads((kmc_folder / "run.json").read_text())
    record["arguments"]["structure"] = "</script><b>bold</b>.cif"
    for path in kmc_folder.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "run.json").write_text(json.dumps(record))
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert "<b>" not in html.rpartition("Plotly, Inc.")[2].split("<body>")[1]
    assert "&lt;b&gt;bold" in html


@pytest.mark.parametrize("odd", [None, "x", {"a": None}], ids=repr)
def test_damaged_records_are_refused_in_one_line(kmc_folder: Path, tmp_path: Path, odd: object) -> None:
    whole = json.loads((kmc_folder / "run.json").read_text())
    whole |= {"composition": {"Ni": 1.0}, "lattice": "fcc", "sites": 108, "small_sites": 54}
    for path in kmc_folder.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    lines = []
    for where, names in (
        (whole, ("verb", "composition", "sites", "wall_time_s", "arguments", "packages", "files")),
        (whole["arguments"], ("temperature_K",)),
    ):
        for name in names:
            kept, where[name] = where[name], odd
            (tmp_path / "run.json").write_text(json.dumps(whole))
            where[name] = kept
            for tried in (write_report, citations):
                with contextlib.suppress(ValueError):
                    tried(tmp_path)
                    continue
                with pytest.raises(ValueError) as refused:
                    tried(tmp_path)
                lines.append(str(refused.value))
    assert lines
    for line in lines:
        assert "\n" not in line
        assert str(tmp_path) in line


def test_of_large_states_a_corner_is_drawn_whole() -> None:
    atoms = bulk("Mo", "bcc", a=3.15, cubic=True) * (30, 30, 30)
    block = corner(atoms, MOST_SITES)
    assert 0.8 * MOST_SITES < len(block) <= MOST_SITES
    edge = block.positions.max(axis=0)
    inside = (atoms.positions <= edge + 1e-6).all(axis=1)
    assert inside.sum() == len(block)  # no site of the block is left out
    assert np.ptp(edge) < 1e-6
    _, said = draw_atoms([atoms])
    assert said == f"54,000 sites. Shown are the {len(block):,} of them in one corner of the cell."
    assert corner(block, MOST_SITES) is block


def test_a_menu_shows_one_state_at_a_time() -> None:
    frames = [bulk("Mo", cubic=True) * 2 for _ in range(3)]
    for kelvin, atoms in zip((900, 1200, 1500), frames, strict=True):
        atoms.info["temperature_K"] = kelvin
    drawn, _ = draw_atoms(frames)
    buttons = drawn.layout.updatemenus[0].buttons
    assert [button.label for button in buttons] == ["900 K", "1200 K", "1500 K"]
    shown = np.array([button.args[0]["visible"] for button in buttons])
    assert (shown.sum(axis=0) == 1).all()  # each trace belongs to one state
    assert [trace.visible for trace in drawn.data] == shown[1].tolist()
