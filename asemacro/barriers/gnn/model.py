"""BarrierGNN: vacancy barriers in bcc alloys from a graph network, exactly invariant under the cubic point group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asemacro.barriers.base import BarrierModel
from asemacro.barriers.compiled import (
    FLOOR_EV,
    GNN_CONSISTENT,
    GNN_DIRECT,
    GNN_ENERGY,
    CompiledBarriers,
    CompiledEnergy,
)
from asemacro.barriers.gnn.cell import fits, minimum_shape
from asemacro.barriers.gnn.consistent import ConsistentNet
from asemacro.barriers.gnn.direct import DirectNet
from asemacro.barriers.gnn.graph import MESSAGE_D2, N_JUMPS, bcc_graph
from asemacro.barriers.gnn.tables import energy_steps, energy_tables, integer_tables, workspace
from asemacro.barriers.species import describe
from asemacro.tasks.threads import one_thread

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

MAX_SPECIES = 7  # the kernel counts species, vacancies included, in the eight bytes of an integer
Form = Literal["direct", "consistent"]


class BarrierGNN(nn.Module, BarrierModel):
    """Mean of a few networks of one form.

    Form "direct": each barrier is read off the node features (see `DirectNet`). Forward and reverse barriers are
    independent outputs, so detailed balance holds only as well as the network is trained.

    Form "consistent": barrier = max(S, |dE| / 2 + FLOOR_EV) + dE / 2 with S the same for a jump and its reverse and
    dE = E_f - E_i of a lattice energy (see `ConsistentNet`), so detailed balance holds exactly for exp(-E / kT), with
    any number of vacancies. S and E are means over the members.

    Args:
        species: chemical symbols, sorted by atomic number; index 0 is the vacancy.
        form: "direct" or "consistent".
        members: number of networks that are averaged.
        width: features per node.
        hidden: width of the readout.
        energy_width: features per site of the lattice energy, consistent form.
        name: shown on screen and on figures.
        notes: JSON-ready facts kept in the file (data, training, errors).
    """

    prototype = "bcc"
    species: tuple[str, ...]  # type: ignore[assignment]
    nets: Any

    def __init__(
        self,
        species: tuple[str, ...],
        form: Form = "direct",
        *,
        members: int = 1,
        width: int = 32,
        hidden: int = 64,
        energy_width: int = 32,
        name: str = "gnn",
        notes: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= len(species) <= MAX_SPECIES:
            raise ValueError(f"a graph network knows 1 to {MAX_SPECIES} species, not {len(species)}")
        if form not in ("direct", "consistent"):
            raise ValueError(f"the form of a graph network is direct or consistent, not {form!r}")
        if min(members, width, hidden) < 1:
            raise ValueError(f"members, width and hidden must be at least 1: {members}, {width}, {hidden}")
        self.species = tuple(species)
        self.form: Form = form
        self.has_energy = form == "consistent"
        self.name = name
        self.notes = dict(notes or {})
        self.settings = {"members": members, "width": width, "hidden": hidden}
        code = describe(self.species)
        if form == "direct":
            nets: list[nn.Module] = [DirectNet(code, width, hidden) for _ in range(members)]
        else:
            self.settings["energy_width"] = energy_width
            nets = [ConsistentNet(code, width, hidden, energy_width) for _ in range(members)]
        self.nets = nn.ModuleList(nets)

    def features(self, env: NDArray[np.int8]) -> Tensor:
        """(n, n_round1, 4 (S + 1)) uint8: species on the message shells of each node, then its own one-hot.

        They hold no parameter, so they are made once for a data set.

        Args:
            env: (n, n_env) model species on `bcc_graph().positions`.
        """
        graph, n_species = bcc_graph(), len(self.species) + 1
        out = np.zeros((len(env), graph.n_round1, len(MESSAGE_D2) + 1, n_species), dtype=np.uint8)
        cuts = graph.shell_start
        for s in range(n_species):
            here = (env == s).astype(np.uint8)
            for shell in range(len(MESSAGE_D2)):
                for column in graph.neighbours[:, cuts[shell] : cuts[shell + 1]].T:
                    out[:, :, shell, s] += here[:, column]
            out[:, :, -1, s] = here[:, : graph.n_round1]
        return torch.from_numpy(out.reshape(len(env), graph.n_round1, -1))

    def forward(self, features: Tensor) -> Tensor:
        """(n, 8) barriers in eV, mean over the members, without the floor."""
        return torch.stack([net(features) for net in self.nets]).mean(dim=0)

    @torch.no_grad()
    @one_thread()
    def predict(self, env: NDArray[np.int8], *, batch: int = 256) -> NDArray[np.float64]:
        """Barriers of environments, (n, 8) eV, bounded below as in the kernel; inf where the target is vacant."""
        parts = [self._bounded(self.features(env[i : i + batch])) for i in range(0, len(env), batch)]
        return np.where(env[:, 1 : 1 + N_JUMPS] == 0, np.inf, np.concatenate(parts))

    def _bounded(self, features: Tensor) -> NDArray[np.float64]:
        if self.form == "direct":
            return np.maximum(self(features).double().numpy(), FLOOR_EV)
        symmetric = torch.stack([net.symmetric(features) for net in self.nets]).mean(dim=0).double().numpy()
        change = torch.stack([net.energy_change(features) for net in self.nets]).mean(dim=0).double().numpy()
        return np.maximum(symmetric, 0.5 * np.abs(change) + FLOOR_EV) + 0.5 * change

    def check(self, lattice: Lattice) -> None:
        """As `BarrierModel.check`, and the cell must be large enough for the environment of a vacancy."""
        super().check(lattice)
        if not fits(lattice):
            times = minimum_shape(lattice)
            raise ValueError(
                f"barrier model {self.name} needs a larger cell than {lattice.shape[0]} x {lattice.shape[1]} x "
                f"{lattice.shape[2]}: repeat it {times[0]} x {times[1]} x {times[2]} times"
            )

    @one_thread()
    def compile(self, lattice: Lattice) -> CompiledBarriers:  # type: ignore[override]
        """Tables for the numba evaluators on a bcc lattice of any (conventional, primitive, strained) cell."""
        self.check(lattice)
        graph = bcc_graph()
        env = lattice.offsets(graph.positions)
        if not np.array_equal(env[:, 1 : 1 + N_JUMPS], lattice.shells(1)[0].offsets):
            raise ValueError(f"the first shell of this {lattice.prototype} lattice is not in sorted order")
        return CompiledBarriers(
            kind=GNN_DIRECT if self.form == "direct" else GNN_CONSISTENT,
            n_targets=N_JUMPS,
            env=env,
            species=self._species_map(lattice),
            integers=integer_tables(len(self.species) + 1, self.settings),
            single=np.concatenate([net.flat_weights() for net in self.nets]).astype(np.float32),
            double=self._energy_weights(),
            workspace=workspace(len(self.species) + 1, self.settings, self.form),
        )

    @one_thread()
    def compile_energy(self, lattice: Lattice) -> CompiledEnergy:
        """Tables of the lattice energy for `gnn_energy.gnn_swap_energy`; a network of the direct form has none."""
        if not self.has_energy:
            return super().compile_energy(lattice)
        self.check(lattice)
        return CompiledEnergy(
            kind=GNN_ENERGY,
            offsets=lattice.offsets(energy_steps()),
            species=self._species_map(lattice),
            integers=energy_tables(len(self.species) + 1, self.settings),
            single=np.zeros(0, dtype=np.float32),
            double=self._energy_weights(),
            workspace=0,
        )

    def _species_map(self, lattice: Lattice) -> NDArray[np.int8]:
        return np.array([0, *(self.species.index(s) + 1 for s in lattice.species)], dtype=np.int8)

    def _energy_weights(self) -> NDArray[np.float64]:
        """The mean of the members' energies as one energy whose site features are theirs side by side."""
        if self.form == "direct":
            return np.zeros(0)
        parts = [net.energy_weights() for net in self.nets]
        weight, bias = np.hstack([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
        last, pair = np.hstack([p[2] for p in parts]) / len(parts), np.mean([p[3] for p in parts], axis=0)
        return np.concatenate([weight.ravel(), bias, last.ravel(), pair.ravel()])
