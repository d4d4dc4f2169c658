"""A closed loop of seconds: a pair potential on bcc, tiny networks, one temperature."""

from __future__ import annotations

from asemacro.lattice.lattice import Lattice
from asemacro.studies.labelling.closed_loop import Loop
from asemacro.studies.labelling.steps import Training

BCC = Lattice.bcc(3.0, ["Cu", "Au"], 1)
LOOP = Loop([1500.0], budget=18, first=8, batch=5, sites=54, sweeps=40)
TINY = Training(members=2, epochs=4, widths={"width": 4, "hidden": 8, "energy_width": 6})
