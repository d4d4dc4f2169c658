"""How a run was made, for its page."""

from __future__ import annotations

import json
from typing import Any

from asemacro.barriers.load import available, card
from asemacro.studies.report import page
from asemacro.studies.report.literature import OF_BARRIERS, entries, keys_of
from asemacro.studies.report.results import Results


def provenance(results: Results) -> str:
    """Command, seed, versions, structure, barrier model with its card, what to cite, and the whole run record."""
    record, arguments = results.record, results.arguments
    known: dict[str, Any] = {
        "command": record.get("command", f"asemacro {results.verb} (an older version did not note the whole line)"),
        "asemacro": record.get("asemacro"),
        "seed": record.get("seed"),
        "structure": arguments.get("structure"),
        "system": arguments.get("system"),
        "barrier model": model_of(results),
        "calculator": arguments.get("calculator"),
        "wall time": None if "wall_time_s" not in record else f"{record['wall_time_s']:g} s",
        "packages": _listed(record.get("packages")),
        "folder": results.folder.resolve(),
    }
    facts = page.facts({name: str(value) for name, value in known.items() if value is not None})
    parts = [facts, *_about_the_barriers(results)]
    content = json.dumps(record, indent=2)
    return page.section("How it was made", *parts, page.folded("run.json", page.text(content))) + page.section(
        "What to cite", page.text("\n\n".join(entries()[key] for key in keys_of(results)))
    )


def model_of(results: Results) -> str | None:
    """Name of the barrier model; None for systems without one."""
    name = results.record.get("barriers", results.arguments.get("barriers"))
    return None if name is None else str(name)


def _about_the_barriers(results: Results) -> list[str]:
    """The card of a model that comes with the package, which names its data; a word on any other."""
    name = model_of(results)
    if name is None:
        return []
    if name in available():
        return [page.folded(f"card of the barrier model {name}: data, errors, licence", page.text(card(name)))]
    if name in OF_BARRIERS:
        return []
    return [
        page.note(
            f"The barrier model {name} does not come with asemacro: where its energies or its training data come from "
            "stands in its own file or card, and should be cited as well."
        )
    ]


def _listed(packages: Any) -> str | None:
    if not isinstance(packages, dict):
        return None
    return ", ".join(f"{name} {version}" for name, version in packages.items())
