"""The product from a script: a structure in, the order over temperature out (about a minute; made-up energies)."""

from pathlib import Path

import ase.io
import numpy as np

import asemacro as am

structures = Path(__file__).resolve().parent.parent / "structures"


def main(output: str = "phase-diagram-example") -> None:
    atoms = ase.io.read(structures / "NiCoCr.cif")  # disordered fcc: composition from the file
    diagram = am.phase_diagram(
        atoms,
        am.load_barriers(structures / "NiCoCr_pair.json"),
        temperatures_K=(700, 1000, 1500),
        sites=864,
        small=108,
        anneal_hops=2000,
        hops=6000,
        rng=np.random.default_rng(0),
    )
    diagram.save(output)
    for point in diagram.curve("Co-Ni", "annealed", "sde"):
        print(f"{point.temperature_K:6g} K  delta(Co-Ni) = {point.delta:+.3f} +- {point.delta_err:.3f}")


if __name__ == "__main__":
    main()
