"""BarrierGNN: vacancy barriers in alloys from a graph network, exactly invariant under the crystal's space group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asemacro.barriers.attempt_frequency import attempt_frequencies_of
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
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.direct import DirectNet
from asemacro.barriers.gnn.graph import Graph, graph_of
from asemacro.barriers.gnn.placement import Environments, Placement, environments, place
from asemacro.barriers.gnn.tables import energy_tables, integer_tables, workspace
from asemacro.barriers.species import describe
from asemacro.tasks.threads import one_thread

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

MAX_SPECIES = 7  # the kernel counts species, vacancies included, in the eight bytes of an integer
Form = Literal["direct", "consistent"]
Surroundings = NDArray[np.int8] | Environments


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
        jumps: the crystal and the jumps that it is made for, default those of bcc.
        attempt_frequency_Hz: of the species that have another one than 1e13 Hz.
    """

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
        jumps: JumpNetwork | None = None,
        attempt_frequency_Hz: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= len(species) <= MAX_SPECIES:
            raise ValueError(f"a graph network knows 1 to {MAX_SPECIES} species, not {len(species)}")
        if form not in ("direct", "consistent"):
            raise ValueError(f"the form of a graph network is direct or consistent, not {form!r}")
        if min(members, width, hidden) < 1:
            raise ValueError(f"members, width and hidden must be at least 1: {members}, {width}, {hidden}")
        self.species = tuple(species)
        self.attempt_frequency_Hz = attempt_frequencies_of(attempt_frequency_Hz, self.species, "a graph network")
        self.form: Form = form
        self.has_energy = form == "consistent"
        self.name = name
        self.notes = dict(notes or {})
        self.settings = {"members": members, "width": width, "hidden": hidden}
        self.jumps = JumpNetwork.named("bcc") if jumps is None else jumps
        self.prototype = self.jumps.prototype
        graph = self.graph
        code = describe(self.species)
        if form == "direct":
            nets: list[nn.Module] = [DirectNet(code, width, hidden, graph) for _ in range(members)]
        else:
            self.settings["energy_width"] = energy_width
            nets = [ConsistentNet(code, width, hidden, energy_width, graph) for _ in range(members)]
        self.nets = nn.ModuleList(nets)

    @property
    def graph(self) -> Graph:
        """The graph around a vacancy of the crystal."""
        return graph_of(self.jumps)

    def environments(
        self, lattice: Lattice, x: NDArray[np.int8], sites: NDArray[np.integer] | None = None
    ) -> Environments:
        """What the network is given of vacancies of a state.

        Args:
            lattice: any cell of the crystal, of species that the model knows.
            x: (n_sites,) state.
            sites: (n,) sites of vacancies, default all.

        Raises:
            ValueError: a lattice that is not the model's.
        """
        super().check(lattice)
        chosen = np.flatnonzero(x == 0) if sites is None else np.asarray(sites)
        return environments(self._placed(lattice), lattice, self._species_map(lattice)[x], chosen)

    def features(self, around: Surroundings) -> Tensor:
        """(n, n_round1, n_blocks (S + 1)) uint8: species on the message neighbours of each node, then its own one-hot.

        They hold no parameter, so they are made once for a data set.

        Args:
            around: (n, n_env) model species on the sites of the graph, see `environments`; with the kinds of the sites
                if they are not equivalent.
        """
        env, kind = self.parts(around)
        graph, n_species = self.graph, len(self.species) + 1
        n_nodes, n_blocks = max(site.n_round1 for site in graph.sites), graph.n_messages + graph.n_kinds
        out = np.zeros((len(env), n_nodes, n_blocks, n_species), dtype=np.uint8)
        for k, site in enumerate(graph.sites if kind is not None else graph.sites[:1]):
            rows = slice(None) if kind is None else np.flatnonzero(kind == k)
            counts = np.zeros((len(env[rows]), site.n_round1, n_blocks, n_species), dtype=np.uint8)
            start = site.link_start[:-1].reshape(-1, graph.n_messages)
            sizes = np.diff(site.link_start).reshape(-1, graph.n_messages)
            for s in range(n_species):
                here = (env[rows] == s).astype(np.uint8)
                for q, size in enumerate(sizes.max(axis=0)):  # a site has all neighbours of a class or none
                    nodes = slice(None) if sizes[:, q].all() else np.flatnonzero(sizes[:, q])
                    for i in range(size):
                        counts[:, nodes, q, s] += here[:, site.links[start[nodes, q] + i]]
                counts[:, np.arange(site.n_round1), graph.n_messages + site.node_kind, s] = here[:, : site.n_round1]
            out[rows, : site.n_round1] = counts
        return torch.from_numpy(out.reshape(len(env), n_nodes, -1))

    def forward(self, features: Tensor, kind: Tensor | None = None) -> Tensor:
        """(n, Z) barriers in eV, mean over the members, without the floor."""
        return torch.stack([net(features, kind) for net in self.nets]).mean(dim=0)

    @torch.no_grad()
    @one_thread()
    def predict(self, around: Surroundings, *, batch: int = 256) -> NDArray[np.float64]:
        """Barriers of environments, (n, Z) eV in the order of the graph, bounded below as in the kernel.

        Those of vacant targets are inf, as are those beyond the jumps of a site. `around` as in `features`.
        """
        env, kind = self.parts(around)
        parts = [
            self._bounded(env[i : i + batch], None if kind is None else kind[i : i + batch])
            for i in range(0, len(env), batch)
        ]
        return np.where(env[:, 1 : 1 + self.graph.n_jumps] == 0, np.inf, np.concatenate(parts))

    def parts(self, around: Surroundings) -> tuple[NDArray[np.int8], NDArray[np.int64] | None]:
        """Environments and the kinds of their sites, None if the crystal has but one.

        Raises:
            ValueError: sites that are not equivalent, and no kinds.
        """
        env, kind = (around.env, around.kind) if isinstance(around, Environments) else (around, None)
        if self.graph.n_kinds == 1:
            return env, None
        if kind is None:
            raise ValueError(f"barrier model {self.name} needs the kinds of the sites: they are not equivalent")
        return env, np.asarray(kind, dtype=np.int64)

    def _bounded(self, env: NDArray[np.int8], kind: NDArray[np.int64] | None) -> NDArray[np.float64]:
        features = self.features(env if kind is None else Environments(env, kind, kind))
        of = None if kind is None else torch.as_tensor(kind)
        if self.form == "direct":
            return np.maximum(self(features, of).double().numpy(), FLOOR_EV)
        symmetric = torch.stack([net.symmetric(features, of) for net in self.nets]).mean(dim=0).double().numpy()
        change = torch.stack([net.energy_change(features, of) for net in self.nets]).mean(dim=0).double().numpy()
        return np.maximum(symmetric, 0.5 * np.abs(change) + FLOOR_EV) + 0.5 * change

    def check(self, lattice: Lattice) -> None:
        """As `BarrierModel.check`; the crystal must be the model's, the cell large enough for its environments."""
        super().check(lattice)
        placed = self._placed(lattice)
        if not fits(lattice, placed):
            times = minimum_shape(lattice, placed)
            raise ValueError(
                f"barrier model {self.name} needs a larger cell than {lattice.shape[0]} x {lattice.shape[1]} x "
                f"{lattice.shape[2]}: repeat it {times[0]} x {times[1]} x {times[2]} times"
            )

    def _placed(self, lattice: Lattice) -> Placement:
        try:
            return place(self.jumps, lattice)
        except ValueError as error:
            raise ValueError(f"barrier model {self.name} does not fit this lattice: {error}") from error

    @one_thread()
    def compile(self, lattice: Lattice) -> CompiledBarriers:  # type: ignore[override]
        """Tables for the numba evaluators on the model's lattice in any (conventional, primitive, strained) cell."""
        self.check(lattice)
        placed = self._placed(lattice)
        integers = integer_tables(self.graph, placed.sites, len(self.species) + 1, self.settings)
        return CompiledBarriers(
            kind=GNN_DIRECT if self.form == "direct" else GNN_CONSISTENT,
            n_targets=self.graph.n_jumps,
            env=placed.env,
            species=self._species_map(lattice),
            integers=integers,
            single=np.concatenate([net.flat_weights() for net in self.nets]).astype(np.float32),
            double=self._energy_weights(),
            workspace=workspace(integers, lattice.n_basis, self.form),
        )

    @one_thread()
    def compile_energy(self, lattice: Lattice) -> CompiledEnergy:
        """Tables of the lattice energy for `gnn_swap_energy`; a network of the direct form has none."""
        if not self.has_energy:
            return super().compile_energy(lattice)
        self.check(lattice)
        placed = self._placed(lattice)
        integers, offsets = energy_tables(self.graph, placed, len(self.species) + 1, self.settings)
        return CompiledEnergy(
            kind=GNN_ENERGY,
            offsets=offsets,
            species=self._species_map(lattice),
            integers=integers,
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
