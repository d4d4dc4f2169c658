"""Writes the structures of this folder: `python structures/make.py` (numbers of README.md, seed 0)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import ase.io
import numpy as np
from ase.build import bulk

HERE = Path(__file__).resolve().parent


BCC = ((0, 0, 0), (0.5, 0.5, 0.5))
FCC = ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))
OCTAHEDRAL = ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5), (0.5, 0.5, 0.5))


def cif(
    name: str, cell: tuple[float, float, float], sites: list[tuple[tuple[float, ...], Mapping[str, float]]]
) -> None:
    """A CIF that lists every site of the cell (P 1): its fractional position and {symbol: occupancy}."""
    total: dict[str, float] = {}
    for _, species in sites:
        for symbol, share in species.items():
            total[symbol] = total.get(symbol, 0) + share
    lines = [
        f"data_{name}",
        "_chemical_formula_sum '" + " ".join(f"{s}{n:.6g}" for s, n in total.items()) + "'",
        "_audit_creation_method 'structures/make.py of asemacro'",
        "_symmetry_space_group_name_H-M 'P 1'",
        "_symmetry_Int_Tables_number 1",
        *(f"_cell_length_{k} {length:.4f}" for k, length in zip("abc", cell, strict=True)),
        *(f"_cell_angle_{k} 90" for k in ("alpha", "beta", "gamma")),
        "loop_",
        "_symmetry_equiv_pos_as_xyz",
        "'x, y, z'",
        "loop_",
        *(f"_atom_site_{k}" for k in ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")),
    ]
    for k, (position, species) in enumerate(sites):
        x, y, z = position
        lines += [f"{s}{k + 1} {s} {x:.4f} {y:.4f} {z:.4f} {share:.6f}" for s, share in species.items()]
    (HERE / f"{name}.cif").write_text("\n".join(lines) + "\n")


def solution(name: str, a: float, positions: tuple[tuple[float, ...], ...], species: tuple[str, ...]) -> None:
    """A cubic equimolar random solid solution."""
    cif(name, (a, a, a), [(p, dict.fromkeys(species, 1 / len(species))) for p in positions])


def main() -> None:
    """Write all files."""
    solution("NbMoTa", 3.24, BCC, ("Nb", "Mo", "Ta"))
    solution("MoNbTaW", 3.22, BCC, ("Nb", "Mo", "Ta", "W"))
    solution("MoNbTaVW", 3.19, BCC, ("V", "Nb", "Mo", "Ta", "W"))
    solution("NiCoCr", 3.56, FCC, ("Cr", "Co", "Ni"))
    solution("CoCrFeNi", 3.57, FCC, ("Cr", "Fe", "Co", "Ni"))
    cif("MoTa_B2", (3.23, 3.23, 3.23), [(BCC[0], {"Mo": 1}), (BCC[1], {"Ta": 1})])
    cif(
        "TiZrHfC",
        (4.60, 4.60, 4.60),
        [*((p, dict.fromkeys(("Ti", "Zr", "Hf"), 1 / 3)) for p in FCC), *((p, {"C": 1}) for p in OCTAHEDRAL)],
    )
    cif("square", (1, 1, 10), [((0, 0, 0), {"X": 1})])
    cif("chain", (1, 10, 10), [((0, 0, 0), {"X": 1})])
    atoms = bulk("Nb", "bcc", a=3.24, cubic=True).repeat(4)
    symbols = np.array(["Nb"] * 43 + ["Mo"] * 43 + ["Ta"] * 42)
    np.random.default_rng(0).shuffle(symbols)
    atoms.symbols = symbols
    ase.io.write(HERE / "NbMoTa_128.POSCAR", atoms, format="vasp", direct=True, sort=True)
    pair = {
        "species": ["Cr", "Co", "Ni"],
        "migration_eV": {"Cr": 0.9, "Co": 1.05, "Ni": 1.1},
        "pair_eV": [{"Cr-Cr": 0.06, "Cr-Co": -0.03, "Cr-Ni": -0.03}, {"Cr-Cr": -0.02}],
    }
    (HERE / "NiCoCr_pair.json").write_text(json.dumps(pair, indent=2) + "\n")
    carbide = {
        "species": ["Ti", "Zr", "Hf"],
        "migration_eV": {"Ti": 3.0, "Zr": 3.2, "Hf": 3.3},
        "pair_eV": [{"Ti-Zr": 0.03, "Ti-Hf": 0.02}],
    }
    (HERE / "TiZrHfC_pair.json").write_text(json.dumps(carbide, indent=2) + "\n")


if __name__ == "__main__":
    main()
