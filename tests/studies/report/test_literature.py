"""Citations: entries are whole BibTeX, and a run gets those of what it used."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from pathlib import Path

import bibtexparser
import pytest

from asemacro.barriers.load import PRETRAINED
from asemacro.barriers.published import PublishedNetwork
from asemacro.studies.report import citations
from asemacro.studies.report.literature import FILE, METHODS, OF_BARRIERS, OF_CALCULATORS, entries
from asemacro.version import __version__

ROOT = Path(__file__).resolve().parents[3]


def keys(text: str) -> set[str]:
    return set(bibtexparser.loads(text).entries_dict)


def test_entries_are_bibtex() -> None:
    found = bibtexparser.loads(citations()).entries_dict
    assert set(found) == set(entries())
    assert FILE.read_text(encoding="utf-8").count("\n@") + 1 == len(found)
    for entry in found.values():
        assert entry["title"]
        assert entry["author"]
        assert "doi" not in entry or re.fullmatch(r"10\.\d{4,5}/\S+", entry["doi"])
        assert "eprint" not in entry or re.fullmatch(r"\d{4}\.\d{5}", entry["eprint"])
        assert entry["year"].isdigit() if "year" in entry else "note" in entry
    assert found["asemacro"]["version"] == __version__


def test_the_method_is_that_of_the_citation_file() -> None:
    cff = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    entry = bibtexparser.loads(citations()).entries_dict["scalable"]
    assert entry["title"] in cff
    assert entry["eprint"] in cff
    assert [name.split(",")[0] for name in entry["author"].split(" and ")] == re.findall(r"family-names: (\w+)", cff)


def test_every_source_has_an_entry() -> None:
    named = {key for table in (OF_BARRIERS, OF_CALCULATORS) for of in table.values() for key in of}
    assert named | set(METHODS.values()) <= set(entries())
    assert set(PRETRAINED) <= set(OF_BARRIERS)
    assert inspect.signature(PublishedNetwork).parameters["name"].default in OF_BARRIERS


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ({"verb": "kmc", "arguments": {"barriers": "NiCoCr_pair"}}, set()),
        ({"verb": "kmc", "arguments": {"barriers": "published NbMoTa network"}}, {"nnk"}),
        ({"verb": "phase-diagram", "barriers": "nbmota", "arguments": {}}, {"torch", "scalable", "nnk", "pyg"}),
        ({"verb": "learn", "arguments": {"system": "ising"}}, {"torch", "scalable"}),
        ({"verb": "learn", "arguments": {}, "files": {"ode.safetensors": ""}}, {"torch", "partial"}),
        ({"verb": "learn", "arguments": {}, "files": {"spde.safetensors": ""}}, {"torch", "onsagerflow"}),
        ({"verb": "barriers learn", "arguments": {"calculator": "lammps:a.lmp"}}, {"torch", "pyg", "lammps"}),
        ({"verb": "barriers learn", "arguments": {"calculator": "chgnet"}}, {"torch", "pyg", "chgnet"}),
        ({"verb": "sample", "arguments": {"system": "ising"}}, set()),
    ],
)
def test_a_run_cites_what_it_used(record: dict, wanted: set[str], tmp_path: Path) -> None:
    for name in record.get("files", {}):
        (tmp_path / name).write_bytes(b"")
        record["files"][name] = hashlib.sha256(b"").hexdigest()
    (tmp_path / "run.json").write_text(json.dumps({"asemacro": __version__, **record}))
    assert keys(citations(tmp_path)) == {"asemacro", "ase", "numba"} | wanted


def test_the_command_prints_them(command) -> None:
    code, out, _ = command("info", "--citations")
    assert code == 0
    assert keys(out) == set(entries())
    code, _, err = command("info", "somewhere")
    assert (code, err) == (2, "asemacro: info takes a folder only with --citations; somewhere is left over\n")
