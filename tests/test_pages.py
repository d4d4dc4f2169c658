"""What the pages show works: Python blocks run, commands name verbs and options that exist, links lead to files."""

import json
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from asemacro.barriers import load_barriers
from asemacro.cli import app as cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted({*(ROOT / "docs").rglob("*.md")} - {*(ROOT / "docs" / "site").rglob("*.md")}),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)")


def blocks(language):
    found = [
        (page, text)
        for page in PAGES
        for kind, text in BLOCK.findall(page.read_text(encoding="utf-8"))
        if kind == language
    ]
    return [pytest.param(text, id=f"{page.stem}-{n}") for n, (page, text) in enumerate(found)]


def commands():
    """Every `asemacro ...` of a shell block, without its comment and without what comes before &&."""
    found = []
    for param in blocks("bash"):
        for line in param.values[0].splitlines():
            for part in line.split("#")[0].split("&&"):
                words = shlex.split(part)
                if words[:1] == ["asemacro"]:
                    found.append(pytest.param(words[1:], id=" ".join(words[1:])[:60]))
    return found


@pytest.mark.parametrize("text", blocks("python"))
def test_python_of_the_pages_runs(text, tmp_path, monkeypatch):
    (tmp_path / "structures").symlink_to(ROOT / "structures")
    monkeypatch.chdir(tmp_path)
    exec(compile(text, "page", "exec"), {"__name__": "__page__"})


@pytest.mark.parametrize("words", commands())
def test_commands_of_the_pages_name_verbs_and_options_that_exist(words):
    command, name = typer.main.get_command(cli.app), "asemacro"
    while hasattr(command, "commands"):
        name, words = words[0], words[1:]
        command = command.commands[name]
    command.make_context(name, list(words))


def first_steps():
    """The commands from a POSCAR to a diagram, as the page has them."""
    page = (ROOT / "docs" / "first-diagram.md").read_text(encoding="utf-8")
    section = page.split("## 6. ")[1]
    return [
        shlex.split(line)[1:] for kind, text in BLOCK.findall(section) if kind == "bash" for line in text.splitlines()
    ]


@pytest.mark.slow
def test_the_first_steps_lead_to_a_diagram(command, tmp_path, monkeypatch):
    (tmp_path / "structures").symlink_to(ROOT / "structures")
    monkeypatch.chdir(tmp_path)
    said = []
    for words in first_steps():
        code, out, err = command(*words)
        assert code == 0, err
        said.append(out)
    assert "Mo-Ta" in said[0]
    assert {path.name for path in (tmp_path / "my-alloy").glob("[!.]*")} >= {
        "sro.png",
        "sro.csv",
        "ttt.png",
        "report.html",
    }
    assert "nnkdata" in said[-1]  # the data behind the barrier model that was chosen


@pytest.mark.parametrize("text", blocks("json"))
def test_pair_energies_of_the_pages_are_read(text, tmp_path):
    path = tmp_path / "pair.json"
    path.write_text(text)
    assert load_barriers(path).species == tuple(json.loads(text)["species"])


@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in PAGES])
def test_links_lead_to_files(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_site_lists_every_page():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = [line for tree in re.findall(r"```{toctree}\n(.*?)```", index, re.S) for line in tree.splitlines()]
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert pages == {line for line in listed if line and line[0] != ":" and "/" not in line}
    assert {"site/notebooks/*", "notes/*", "site/reference", "reproduced/README"} <= set(listed)


def test_the_workflow_runs_what_ci_runs():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "- run: .ci/run\n" in text
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
