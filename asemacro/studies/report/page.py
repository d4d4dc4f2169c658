"""A page of HTML that needs nothing but itself: sections, tables, pictures and interactive figures."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MOST_ROWS = 400
"""Rows of a table on a page; the file beside it has all."""

STYLE = """
:root { --ink: #1c2833; --pale: #5d6d7e; --line: #d5d8dc; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 1120px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
p.note, figcaption { color: var(--pale); font-size: .93rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { position: sticky; top: 0; background: #fff; } th:first-child, td:first-child { text-align: left; }
table.facts td { text-align: left; vertical-align: top; white-space: normal; overflow-wrap: anywhere; }
table.facts td:first-child { color: var(--pale); white-space: nowrap; }
.scroll { max-height: 26rem; overflow: auto; border: 1px solid var(--line); }
pre { background: #f6f7f8; padding: .8rem; overflow: auto; max-height: 26rem; font-size: .82rem; }
img { max-width: 100%; }
"""


def page(title: str, subtitle: str, sections: Iterable[str]) -> str:
    """The whole page; plotly.js, which draws its figures, is part of it.

    Args:
        title: of the page.
        subtitle: one line below it.
        sections: HTML, from `section`.
    """
    from plotly.offline import get_plotlyjs

    return "\n".join([
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        f"<script>{get_plotlyjs()}</script></head><body>",
        f'<h1>{escape(title)}</h1><p class="note">{escape(subtitle)}</p>',
        *sections,
        "</body></html>\n",
    ])  # fmt: skip


def section(title: str, *parts: str) -> str:
    """A heading and what stands below it."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def note(text: str) -> str:
    """A sentence of explanation."""
    return f'<p class="note">{escape(text)}</p>'


def figure(drawn: Figure, name: str) -> str:
    """An interactive figure.

    Args:
        drawn: the figure.
        name: of its place in the page, and of the file that its camera button saves.
    """
    import plotly.io

    settings = {"displaylogo": False, "responsive": True, "toImageButtonOptions": {"filename": name, "scale": 2}}
    html = plotly.io.to_html(
        drawn,
        config=settings,
        include_plotlyjs=False,
        full_html=False,
        div_id=name,
        default_height=f"{drawn.layout.height or 450}px",
    )
    return str(html)


def picture(content: bytes, name: str) -> str:
    """A PNG picture."""
    data = base64.b64encode(content).decode("ascii")
    return f'<img alt="{escape(name)}" src="data:image/png;base64,{data}">'


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], source: str) -> str:
    """Rows of texts under a header; more than MOST_ROWS are cut, which is said.

    Args:
        columns: names.
        rows: texts.
        source: the file that has all rows.
    """
    shown = rows[:MOST_ROWS]
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in shown)
    cut = note(f"The first {len(shown):,} of {len(rows):,} rows; {source} has all.") if len(rows) > len(shown) else ""
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{cut}'


def facts(pairs: Mapping[str, str]) -> str:
    """Names and what they are."""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in pairs.items())
    return f'<table class="facts">{rows}</table>'


def text(content: str) -> str:
    """A text as it stands."""
    return f"<pre>{escape(content)}</pre>"


def folded(title: str, content: str) -> str:
    """HTML that is shown when its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"
