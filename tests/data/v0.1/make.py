"""Made the files beside it with version 0.1 (commit e288761), and the numbers that they gave there.

git archive e288761 | tar -x -C /tmp/v01
PYTHONPATH=/tmp/v01 python tests/data/v0.1/make.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from asemacro.barriers.gnn_file import save_gnn
from asemacro.closure_file import save_closure
from asemacro.closure_network import LocalNetwork
from asemacro.learning import Learned
from asemacro.moment_fit import MomentReport
from asemacro.polynomial import PolynomialDrift
from asemacro.sde_file import save_sde

from asemacro import FullDiffusion, Lattice, NeuralSDE, OnsagerNet, PolynomialDiffusion, ReversibleDrift, stationary_law
from asemacro.barriers import PairBarrier
from asemacro.barriers.gnn import BarrierGNN
from asemacro.closure import closure_of

HERE = Path(__file__).parent
Z = [[0.3, -0.2], [-0.7, 0.4]]
SPINS = np.where(np.random.default_rng(1).random((2, 16)) < 0.6, 1, -1).astype(np.int8)
ALLOY = Lattice.bcc(3.2, ("Nb", "Mo"), 5)
PAIR = {"species": ["Nb", "Mo"], "migration_eV": {"Nb": 0.6, "Mo": 0.7}, "pair_eV": [{"Nb-Mo": -0.05}, {"Mo-Mo": 0.01}]}


def filled(model, seed, size=0.3):
    """The model with random parameters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(size * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return model


def numbers(sde, condition):
    """Drift and covariance rate at two states."""
    return {"drift": sde.drift(Z, condition).tolist(), "diffusion": sde.diffusion(Z, condition).tolist()}


def main():
    expected = {"z": Z, "spins": SPINS.tolist()}
    onsager = filled(
        NeuralSDE(OnsagerNet(2, 1, hidden=4), FullDiffusion(2, 1, hidden=4), labels=("a", "b"), sites=64), 0
    )
    onsager.z_scale, onsager.log_time = torch.tensor([0.5, 2.0]).double(), torch.tensor([0.1, -0.2, 0.0]).double()
    onsager.condition_centre = torch.tensor([1e-3, 2e-4]).double()
    save_sde(HERE / "onsager.safetensors", onsager, origin="make.py")
    expected["onsager"] = numbers(onsager, 1100.0)

    parts = PolynomialDrift(2, degree=3, hidden=3, odd=(1,)), PolynomialDiffusion(2, degree=2, odd=(1,))
    polynomial = filled(NeuralSDE(*parts, labels=("a", "b"), sites=64), 1, 0.1)
    report = MomentReport((3, 2), np.array([0.5, 0.25]), True, 2)
    z = np.random.default_rng(2).normal(size=(40, 2))
    learned = Learned(polynomial, z, np.zeros((40, 0)), 1, report)
    learned.save(HERE / "learned")
    expected["learned"] = {**numbers(polynomial, None), "start": learned.start([0.2], nearest=4).tolist()}

    reversible = NeuralSDE(ReversibleDrift(2, degree=4), PolynomialDiffusion(2, degree=1), labels=("a", "b"), sites=64)
    filled(reversible, 3, 0.1)
    density = reversible.drift_network.density
    density.coefficients = (
        0.05 * torch.randn(len(density.coefficients), generator=torch.Generator().manual_seed(4)).double()
    )
    save_sde(HERE / "reversible.safetensors", reversible)
    law = stationary_law(reversible, nodes=20)
    expected["reversible"] = {**numbers(reversible, None), "law": law.mean(law.z).tolist()}

    network = filled(LocalNetwork(n_fields=0, neighbours=(4, 4), width=3, messages=2), 5)
    closure = closure_of([network], [[1.2]], [[0.1, 0.2, -0.1]], [0.3], {"by": "make.py"})
    save_closure(HERE / "closure.safetensors", closure)
    expected["closure"] = closure(SPINS, Lattice.square(1.0, "X", 4)).tolist()

    x = ALLOY.random_state(vacancies=2, rng=np.random.default_rng(6))[0]
    expected["x"] = x.tolist()
    model = filled(BarrierGNN(("Nb", "Mo"), "consistent", width=4, hidden=4, energy_width=4, name="tiny"), 7)
    save_gnn(model, HERE / "gnn.safetensors")
    (HERE / "pair.json").write_text(json.dumps(PAIR))
    for name, barriers in (("gnn", model), ("pair", PairBarrier.from_json(HERE / "pair.json"))):
        expected[name] = barriers.barriers(ALLOY, x, np.flatnonzero(x == 0)).tolist()
    (HERE / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
