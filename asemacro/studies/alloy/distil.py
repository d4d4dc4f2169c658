"""Teach a graph network the barriers of another model, from states that the model's own kinetics visits.

    asemacro barriers distil ../shared/data/nnk_nbmota_weights.npz -o nbmota.safetensors

(half an hour on one core, half of it the teacher's kinetics).

The teacher's barriers are averaged over the 48 operations of the cubic point group (a network that has this symmetry
cannot learn more), on random, ordered and kinetic Monte Carlo states of equal and other compositions.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.base import BarrierModel
from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.placement import environments, place
from asemacro.barriers.kernels import barriers_at
from asemacro.lattice.lattice import Lattice
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

HOPS = {
    400: 4_000_000,
    500: 4_000_000,
    600: 4_000_000,
    700: 4_000_000,
    800: 4_000_000,
    900: 4_000_000,
    1000: 3_000_000,
    1200: 2_000_000,
    1400: 1_000_000,
    1700: 1_000_000,
    2000: 1_000_000,
    2500: 1_000_000,
    3000: 1_000_000,
}
"""Length of the teacher's run from random at each temperature in K."""
TEST_TEMPERATURES_K = (400, 600, 800, 1000, 1400, 2000, 3000)
MORE_RUNS_K = (400, 500, 600, 700)  # three short runs more at each: slow kinetics sees little of the alloy in one
EPOCHS = (9, 5, 4)  # cycles of the learning rate
WEIGHT_DECAY = 0.01  # there is no shortage of labels, and no noise in them


def cubic_operations() -> NDArray[np.int64]:
    """(48, 3, 3) operations of the cubic point group, the identity first; displacements d become d @ operation."""
    operations = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            operation = np.zeros((3, 3), dtype=np.int64)
            operation[np.arange(3), order] = signs
            operations.append(operation)
    return np.array(operations)


class Symmetrised:
    """A teacher's barriers, as it gives them and averaged over the cubic point group.

    Args:
        teacher: any barrier model of bcc.
        lattice: lattice of the states.
    """

    def __init__(self, teacher: BarrierModel, lattice: Lattice) -> None:
        compiled = teacher.compile(lattice)
        frame = np.linalg.inv(lattice.conventional)
        offsets = compiled.env[0]
        fractions = offsets[:, :3] + lattice.basis[offsets[:, 3]] - lattice.basis[0]
        displacements = np.rint(2 * fractions @ lattice.cell @ frame).astype(np.int64)
        jumps = np.array(list(itertools.product((-1, 1), repeat=3)))
        self._shape = np.asarray(lattice.shape)
        self._turned: list[tuple[CompiledBarriers, list[int]]] = []
        for operation in cubic_operations():
            turned = displacements @ operation
            order = [int((jumps == d).all(axis=1).argmax()) for d in turned[1 : 1 + len(jumps)]]
            self._turned.append((compiled._replace(env=lattice.offsets(turned)), order))

    def __call__(
        self, x: NDArray[np.int8], sites: NDArray[np.integer]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, 8) raw and (n, 8) averaged barriers of the vacancies `sites` of one state, eV, jumps in sorted order."""
        values = np.empty((len(self._turned), len(sites), len(self._turned[0][1])))
        for value, (compiled, order) in zip(values, self._turned, strict=True):
            value[:, order] = barriers_at(compiled, self._shape, x, sites)
        return values[0], values.mean(axis=0)


@dataclasses.dataclass(frozen=True)
class Sampled:
    """Environments of vacancies of one origin, labelled by the teacher.

    Attributes:
        name: where they come from.
        env: (n, n_env) int8.
        raw: (n, 8) the teacher's barriers, eV; nan where the target is vacant.
        mean: (n, 8) averaged over the point group.
    """

    name: str
    env: NDArray[np.int8]
    raw: NDArray[np.float64]
    mean: NDArray[np.float64]


def label(teacher: BarrierModel, lattice: Lattice, states: NDArray[np.int8], name: str) -> Sampled:
    """Environments and barriers of all vacancies of states (n, n_sites)."""
    barriers = Symmetrised(teacher, lattice)
    placed = place(JumpNetwork.named("bcc"), lattice)
    envs, raws, means = [], [], []
    for x in states:
        sites = np.flatnonzero(x == 0)
        envs.append(environments(placed, lattice, x, sites).env)
        raw, mean = barriers(x, sites)
        raws.append(np.where(np.isfinite(raw), raw, np.nan))
        means.append(np.where(np.isfinite(mean), mean, np.nan))
    return Sampled(name, np.concatenate(envs), np.concatenate(raws), np.concatenate(means))


def random_states(lattice: Lattice, n: int, vacancies: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """Random alloys, half of them of the lattice's composition, half of compositions drawn uniformly."""
    states = []
    for i in range(n):
        fractions = rng.dirichlet(np.ones(len(lattice.species)))
        composition = None if i % 2 else dict(zip(lattice.species, fractions, strict=True))
        states.append(lattice.random_state(composition, vacancies=vacancies, rng=rng)[0])
    return np.array(states)


def ordered_states(lattice: Lattice, n: int, vacancies: int, rng: np.random.Generator) -> NDArray[np.int8]:
    """B2 and B32 order with random species on each sublattice, disordered by random exchanges.

    The sublattice of a site at (x, y, z), half-lattice units, is x mod 2 in B2; in B32 (NaTl), for every third state,
    it is 0 where x + y + z mod 4 is 0 (x even) or 3 (x odd).
    """
    frame = np.linalg.inv(lattice.conventional)
    half = np.rint(2 * lattice.positions() @ frame).astype(np.int64)
    b2 = half[:, 0] % 2
    b32 = (half.sum(axis=1) + (half[:, 0] % 2)) // 2 % 2
    n_species = len(lattice.species)
    states = []
    for i in range(n):
        mix = rng.dirichlet(np.full(n_species, 0.4), size=2)
        sublattice = b32 if i % 3 == 2 else b2
        u = rng.random(lattice.n_sites)
        x = 1 + (u[:, None] > np.cumsum(mix, axis=1)[sublattice][:, :-1]).sum(axis=1)
        exchanged = rng.permutation(lattice.n_sites)[: rng.integers(0, lattice.n_sites // 2)]
        x[exchanged] = x[rng.permutation(exchanged)]
        x[rng.choice(lattice.n_sites, vacancies, replace=False)] = 0
        states.append(x.astype(np.int8))
    return np.array(states)


def kinetic_states(
    teacher: BarrierModel,
    lattice: Lattice,
    temperature_K: float,
    n: int,
    hops: int,
    rng: np.random.Generator,
    vacancies: int = 1,
) -> NDArray[np.int8]:
    """States on the teacher's own path from random, at log-spaced hops from 100 to `hops` for a third, then evenly."""
    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC

    kmc = VacancyKMC(lattice, teacher, temperature_K)
    early = np.geomspace(100, hops / 10, n // 3)
    points = np.unique(np.concatenate([early, np.linspace(hops / 10, hops, n - n // 3)]).astype(np.int64))
    x = lattice.random_state(vacancies=vacancies, rng=rng)
    return kmc.run(x, record_hops=points, rng=rng).record


def with_more_vacancies(
    lattice: Lattice, states: NDArray[np.int8], vacancies: int, rng: np.random.Generator
) -> NDArray[np.int8]:
    """The states, every other one with some more vacancies at random: environments with several of them."""
    states = states.copy()
    for x in states[::2]:
        x[rng.choice(lattice.n_sites, vacancies, replace=False)] = 0
    return states


@one_thread()
def sample_teacher(teacher: BarrierModel, *, scale: float = 1.0, seed: int = 1) -> tuple[list[Sampled], list[Sampled]]:
    """Training and test environments on a cell of 1,024 sites.

    Args:
        teacher: model of a bcc alloy with `species`.
        scale: of the numbers of states and hops; 1 gives 75,000 training environments.
        seed: of the states and of the kinetics; the test runs are runs of their own.

    Returns:
        Training parts (random, ordered, each temperature of HOPS, more runs at MORE_RUNS_K) and test parts (random,
        TEST_TEMPERATURES_K).
    """
    assert teacher.species is not None
    lattice = Lattice.bcc(3.24, teacher.species, 8)
    rng = np.random.default_rng(seed)

    def number(n: int) -> int:
        return max(4, round(scale * n))

    train = [label(teacher, lattice, random_states(lattice, number(1200), 8, rng), "random")]
    train.append(label(teacher, lattice, ordered_states(lattice, number(900), 8, rng), "ordered"))
    for temperature, hops in HOPS.items():
        states = kinetic_states(teacher, lattice, temperature, number(1500), max(2000, round(scale * hops)), rng)
        states = with_more_vacancies(lattice, states, 3, rng)
        train.append(label(teacher, lattice, states, f"{temperature} K"))
    more = np.random.default_rng([seed, 1])
    for temperature in [t for t in MORE_RUNS_K for _ in range(3)]:
        states = kinetic_states(teacher, lattice, temperature, number(500), max(2000, round(scale * 1_000_000)), more)
        states = with_more_vacancies(lattice, states, 1, more)
        train.append(label(teacher, lattice, states, f"{temperature} K"))
    equal = random_states(lattice, number(400), 4, rng)[1::2]
    test = [label(teacher, lattice, equal, "random")]
    for temperature in TEST_TEMPERATURES_K:
        hops = max(2000, round(scale * HOPS[temperature]))
        states = kinetic_states(teacher, lattice, temperature, number(600), hops, rng)
        test.append(label(teacher, lattice, states, f"{temperature} K"))
    return train, test


@one_thread()
def distil(
    teacher: BarrierModel,
    out_path: str | Path,
    *,
    name: str | None = None,
    epochs: Sequence[int] = EPOCHS,
    scale: float = 1.0,
    seed: int = 1,
    progress: bool | Report = False,
    **widths: Any,
) -> dict[str, dict[str, float]]:
    """Train a direct network on a teacher and write it; the test errors are kept in the file.

    Args:
        teacher: the model to learn from.
        out_path: file to write.
        name: of the model, default the name of the file.
        epochs: passes over the data in each cycle of the learning rate.
        scale: see `sample_teacher`.
        seed: of everything random.
        progress: True for a bar, or a function called as progress("train", fraction, text).
        **widths: width and hidden of `BarrierGNN`.

    Returns:
        For each test part the mean absolute error in eV against the teacher as it is and against its average over the
        point group.
    """
    from asemacro.barriers.data.training import fit_gnn
    from asemacro.barriers.gnn.file import save_gnn
    from asemacro.barriers.gnn.model import BarrierGNN

    assert teacher.species is not None
    train, test = sample_teacher(teacher, scale=scale, seed=seed)
    env, mean = np.concatenate([p.env for p in train]), np.concatenate([p.mean for p in train])
    model = BarrierGNN(teacher.species, "direct", attempt_frequency_Hz=teacher.attempt_frequency_Hz, **widths)
    model.name = Path(out_path).stem if name is None else name
    options: dict[str, Any] = {"learning_rate": 4e-3, "weight_decay": WEIGHT_DECAY, "batch": 64}
    for cycle, n in enumerate(epochs):
        fit_gnn(model, env, mean, epochs=n, seed=cycle, fresh=cycle == 0, progress=progress, **options)
    found = {}
    for part in test:
        predicted = model.predict(part.env)
        known = np.isfinite(part.raw)
        found[part.name] = {
            "raw": round(float(np.abs(predicted - part.raw)[known].mean()), 5),
            "symmetrised": round(float(np.abs(predicted - part.mean)[known].mean()), 5),
        }
    model.notes = {"teacher": teacher.name, "vacancies": len(env), "epochs": list(epochs), "seed": seed}
    model.notes["mae_eV"] = found
    save_gnn(model, out_path)
    return found
