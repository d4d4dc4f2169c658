"""What specimens of 10^9 to 10^11 atoms take: direct KMC by the numbers of docs/how-fast.md, the learned equation.

    python docs/scaling.py MODEL

prints two tables. MODEL is the folder of a phase-diagram; its equation is simulated here, for specimens of each size.
"""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np
import typer

from asemacro.macro import simulate
from asemacro.macro.file import load_sde

HOPS = 6e5  # of each vacancy, as many as figure 8b of arXiv 2511.12842 needs from random
DAY_S = 86_400.0
SITES = (10**9, 10**10, 10**11)
TRAJECTORIES, TIMES, KELVIN, UNTIL_S = 100, 200, 1500.0, 2e-8


def measured() -> tuple[float, float, float]:
    """Sites of a vacancy, bytes of a site and hops a second of the largest box with most vacancies in the page."""
    page = Path(__file__).with_name("how-fast.md").read_text(encoding="utf-8")
    last = [line for line in page.splitlines() if line.startswith("kmc-vacancies ")][-1]
    words = last.replace(",", "").split("bcc Nb-Mo-Ta")[1].split()
    sites, vacancies, _, _, _, rate, _, _, size = words[:9]
    return float(sites) / float(vacancies), float(size), float(rate)


def main(model: Path) -> None:
    """Print both tables."""
    apart, size, rate = measured()
    print(f"direct KMC, {size} B a site, {rate:.3g} hops/s on a core")
    print(f"{HOPS:.0e} hops of each vacancy, one on {apart:.0f} sites")
    print(f"{'sites':>8} {'vacancies':>10} {'memory':>10} {'one core':>12}")
    for sites in SITES:
        days = HOPS * sites / apart / rate / DAY_S
        print(f"{sites:8.0e} {sites / apart:10.0e} {size * sites / 1e9:7.1f} GB {days:7,.0f} days")
    sde = load_sde(model / "sde.safetensors")[0]
    start = np.zeros(len(sde.labels))
    print(f"\nthe learned equation, {TRAJECTORIES} specimens of {len(sde.labels)} pairs, {TIMES} times")
    print(f"{'sites':>8} {'memory':>10} {'time':>9} {'scatter of ' + sde.labels[0]:>18}")
    for sites in (sde.sites or 0, *SITES):
        tracemalloc.start()
        begun = time.process_time()
        _, z = simulate(
            sde, start, UNTIL_S, KELVIN, TRAJECTORIES, n_saves=TIMES, sites=sites, rng=np.random.default_rng(0)
        )
        took, peak = time.process_time() - begun, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"{sites:8.0e} {peak / 1e6:7.1f} MB {took:7.1f} s {z[:, -1, 0].std():18.1e}")


if __name__ == "__main__":
    typer.run(main)
