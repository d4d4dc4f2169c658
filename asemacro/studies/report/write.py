"""The page of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asemacro.arguments.door import checked
from asemacro.arguments.door import path as a_path
from asemacro.files.reading import reading
from asemacro.files.store import output_file, write_whole
from asemacro.plot.written_numbers import written
from asemacro.studies.alloy.point_table import read_points
from asemacro.studies.alloy.points import ANNEALED, EQUILIBRIUM
from asemacro.studies.report import page
from asemacro.studies.report.atoms_figure import draw_atoms
from asemacro.studies.report.course_figures import draw_observables, draw_order_course
from asemacro.studies.report.order_figures import draw_map, draw_order, kind_of
from asemacro.studies.report.provenance import model_of, provenance
from asemacro.studies.report.results import Results
from asemacro.tasks.publication import RECORD
from asemacro.tasks.run_folder import PAGE, RESULTS

ORDER, MAP, COURSE, STATE = "sro.csv", "ttt.csv", "observables.csv", "final.extxyz"
OF_EVERY_RUN = ("seed", "wall_time_s", "packages", "arguments", "files")
"""Numbers of a run record that stand elsewhere on the page."""
TITLES = {
    "phase-diagram": "Short-range order over temperature",
    "equilibrium": "Order at equilibrium",
    "anneal": "Short-range order over the programme of a furnace",
    "kmc": "Kinetic Monte Carlo of vacancies",
    "sample": "Microscopic simulation",
    "learn": "Learned equation",
    "barriers learn": "Learned barriers",
}


@checked(folder=a_path, path=a_path)
def write_report(folder: str | Path, path: str | Path | None = None) -> Path:
    """One self-contained HTML page of a finished run: figures, atoms, table, how it was made, what to cite.

    It needs no network: the library that draws the figures (plotly.js, about 4.8 MB) is part of the page. What is
    shown are the files that the run record lists, after a check of their checksums.

    Args:
        folder: of a run of `asemacro phase-diagram`, `kmc`, `sample`, `learn` or any other verb that writes run.json.
        path: of the page; default report.html in the folder.

    Returns:
        Path of the page.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: one line; it holds no finished run, or a file is damaged or of another run.
        OSError: the page cannot be written.
    """
    results = Results.read(folder)
    if results.verb not in RESULTS:
        raise ValueError(f"a page is made of runs of {', '.join(RESULTS)}; {folder} is of {results.verb}")
    if path is not None and Path(path).suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"{path} is no name of a page; end it with .html")
    target = output_file(results.folder / PAGE if path is None else path)
    with reading(results.folder / RECORD, "run record", "and the files that it lists make no page"):
        sections = [*_in_short(results), *_figures(results), *_state(results), *_tables(results), provenance(results)]
        title, subtitle = _titles(results)
        html = page.page(title, subtitle, sections)
    return write_whole(target, lambda temporary: temporary.write_text(html, encoding="utf-8"))


def _titles(results: Results) -> tuple[str, str]:
    """Title and the line below it."""
    record, arguments = results.record, results.arguments
    title = TITLES.get(results.verb, f"asemacro {results.verb}")
    about = [str(part) for part in (arguments.get("system"), arguments.get("structure")) if part is not None]
    if isinstance(record.get("composition"), dict):
        alloy = " ".join(f"{symbol}{share:.3g}" for symbol, share in record["composition"].items())
        about = [f"{alloy} ({record['lattice']}), {record['sites']:,} sites learned from {record['small_sites']:,}"]
    model = model_of(results)
    if model is not None:
        about.append(f"barriers: {model}")
    if "temperature_K" in arguments:
        about.append(f"{arguments['temperature_K']:g} K")
    return title, "; ".join(about)


def _in_short(results: Results) -> Iterator[str]:
    """The numbers of the run record; a diagram has its table instead."""
    if results.verb == "phase-diagram":
        return
    found: dict[str, str] = {}
    for name, value in results.record.items():
        parts = value if isinstance(value, dict) else {"": value}
        numbers = {key: part for key, part in parts.items() if type(part) in (int, float)}
        if name not in OF_EVERY_RUN and numbers and len(numbers) == len(parts):
            found[name.replace("_", " ")] = ", ".join(f"{key} {part:.4g}".strip() for key, part in numbers.items())
    if found:
        yield page.section("In short", page.facts(found))


def _figures(results: Results) -> Iterator[str]:
    """Interactive figures where the numbers are there, else the pictures of the run."""
    drawn: set[str] = set()
    if results.verb == "phase-diagram" and results.has(ORDER):
        yield _order(results)
        drawn.add("sro.png")
        if results.has(MAP):
            drawn.add("ttt.png")
            yield page.section(
                "Order over time and temperature",
                page.figure(draw_map(results.table(MAP), _clock(results)), "map"),
                page.note("Marked: extrapolated. Empty: too far beyond the simulations to extrapolate."),
            )
    elif results.verb == "kmc" and results.has(ORDER):
        yield page.section("Order over time", page.figure(draw_order_course(results.table(ORDER)), "course"))
    elif results.has(COURSE):
        figure, shown, runs = draw_observables(results.table(COURSE))
        few = [page.note(f"The first {shown} of {runs} runs.")] if shown < runs else []
        yield page.section("Observables over time", page.figure(figure, "course"), *few)
    for name in results.names:
        if name.endswith(".png") and name not in drawn and results.has(name):
            yield page.section(name, page.picture(results.picture(name), name))


def _order(results: Results) -> str:
    points = read_points(results.folder / ORDER)
    anneal = results.record.get("anneal")
    return page.section(
        "Order over temperature",
        page.figure(draw_order(points), "diagram"),
        page.note(
            "delta: neighbours of the second element that an atom of the first has, minus those in a random alloy. "
            "Filled: simulated. Open with a dot: simulated, with a standard error above 0.05. Open: extrapolated. Bars "
            "are one standard error of simulation and fit; a band, where there is one, adds the error of the barriers. "
            + (f"Anneal on the right: {anneal}." if anneal else "")
        ),
    )


def _clock(results: Results) -> str:
    """What the time of the map is."""
    energy = results.record.get("vacancy_formation_energy_eV")
    if energy is not None:
        return f"time (s) with thermal vacancies, E_f = {energy:g} eV"
    vacancies, sites = results.record.get("vacancies"), results.record.get("sites")
    return "KMC time (s)" if sites is None else f"KMC time (s) at {vacancies} vacancies on {written(sites)} sites"


def _state(results: Results) -> Iterator[str]:
    if results.has(STATE):
        figure, said = draw_atoms(results.frames(STATE))
        if results.verb == "phase-diagram":
            said = f"The last state of the first simulation at each temperature, in the simulated cell. {said}"
        yield page.section("Last state", page.figure(figure, "atoms"), page.note(said))


def _tables(results: Results) -> Iterator[str]:
    """The table of a diagram in words; of other runs every table as it is."""
    if results.verb == "phase-diagram" and results.has(ORDER):
        points = [p for p in read_points(results.folder / ORDER) if p.state in (EQUILIBRIUM, ANNEALED)]
        columns = ("T (K)", "pair", "state", "delta", "error", "error by barriers", "alpha", "source", "how known")
        rows = [
            (
                f"{p.temperature_K:g}", p.pair, p.state, f"{p.delta:+.4f}", f"{p.delta_err:.4f}",
                "" if p.delta_err_barrier is None else f"{p.delta_err_barrier:.4f}", f"{p.alpha:+.4f}", p.source,
                kind_of(p),
            )
            for p in points
        ]  # fmt: skip
        yield page.section("Table", page.table(columns, rows, ORDER))
        return
    for name in results.names:
        if name.endswith(".csv") and results.has(name):
            table = results.table(name)
            yield page.section(f"Table {name}", page.table(table.columns, table.rows, name))
        elif name.endswith(".md") and results.has(name):
            yield page.section(name, page.text((results.folder / name).read_text(encoding="utf-8")))
