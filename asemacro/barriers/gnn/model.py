"""BarrierGNN: vacancy barriers in alloys from a graph network, exactly invariant under the crystal's space group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from asemacro.barriers.gnn.cell import fits, fits_energy, minimum_shape
from asemacro.barriers.gnn.consistent import ConsistentNet, side_by_side
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.direct import DirectNet
from asemacro.barriers.gnn.energy_weights import EnergyWeights, mean_energy, whole_weights
from asemacro.barriers.gnn.graph import Graph, graph_of
from asemacro.barriers.gnn.inputs import Inputs, better_one_by_one, inputs_of
from asemacro.barriers.gnn.placement import Environments, Placement, environments, place
from asemacro.barriers.gnn.tables import energy_tables, integer_tables, workspace
from asemacro.barriers.species import describe
from asemacro.barriers.vectors import aligned
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

    def members(self) -> tuple[BarrierGNN, ...]:
        """Each network as a model of its own; none of a single one."""
        return tuple(self._member(net) for net in self.nets) if len(self.nets) > 1 else ()

    def _member(self, net: nn.Module) -> BarrierGNN:
        widths: dict[str, Any] = {name: value for name, value in self.settings.items() if name != "members"}
        same: dict[str, Any] = {"jumps": self.jumps, "attempt_frequency_Hz": self.attempt_frequency_Hz}
        one = BarrierGNN(self.species, self.form, name=self.name, **same, **widths)
        one.nets[0].load_state_dict(net.state_dict())
        return one.eval()

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

    def inputs(self, around: Surroundings, only: NDArray[np.bool_] | None = None) -> Inputs:
        """What the networks evaluate, without any parameter: made once for a data set.

        Args:
            around: (n, n_env) model species on the sites of the graph, see `environments`; with the kinds of the sites
                if they are not equivalent.
            only: (n, Z) jumps whose barriers are asked for; where they are few, they are evaluated by themselves,
                without the other jumps of their vacancies. Default all.
        """
        env, kind = self.parts(around)
        return self._inputs(env, kind, self._one_by_one(env, kind, only))

    def forward(self, inputs: Inputs) -> Tensor:
        """(m, Z) barriers in eV, (m, 1) of single jumps, mean over the members, without the floor."""
        return torch.stack([net(inputs) for net in self.nets]).mean(dim=0)

    @torch.no_grad()
    @one_thread()
    def predict(
        self,
        around: Surroundings,
        *,
        only: NDArray[np.bool_] | None = None,
        members: bool = False,
        batch: int = 256,
    ) -> NDArray[np.float64]:
        """Barriers of environments, (n, Z) eV in the order of the graph, bounded below as in the kernel.

        Those of vacant targets are inf, as are those beyond the jumps of a site.

        Args:
            around: as in `inputs`.
            only: (n, Z) jumps whose barriers are asked for; the others are nan. Default all.
            members: the barriers of each member by itself, (members, n, Z).
            batch: vacancies evaluated at once.
        """
        env, kind = self.parts(around)
        alone, z = self._one_by_one(env, kind, only), self.graph.n_jumps
        found = []
        for start in range(0, len(env), batch):
            rows = slice(start, start + batch)
            inputs = self._inputs(
                env[rows], None if kind is None else kind[rows], None if alone is None else alone[rows]
            )
            found.append(inputs.laid_back(self._bounded(inputs, members), len(env[rows]), z))
        values = np.where(env[:, 1 : 1 + z] == 0, np.inf, np.concatenate(found, axis=-2))
        return values if only is None else np.where(only, values, np.nan)

    def _one_by_one(
        self, env: NDArray[np.int8], kind: NDArray[np.int64] | None, only: NDArray[np.bool_] | None
    ) -> NDArray[np.bool_] | None:
        """The jumps that are evaluated by themselves; None for all of each vacancy."""
        if only is None:
            return None
        if only.shape != (len(env), self.graph.n_jumps) or only.dtype != np.bool_:
            raise ValueError(
                f"the jumps that are asked for must be {(len(env), self.graph.n_jumps)} true or false, not "
                f"{only.shape} {only.dtype}"
            )
        return only if better_one_by_one(self.jumps, kind, only) else None

    def _inputs(self, env: NDArray[np.int8], kind: NDArray[np.int64] | None, only: NDArray[np.bool_] | None) -> Inputs:
        return inputs_of(self.jumps, len(self.species) + 1, env, kind, only)

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

    def _bounded(self, inputs: Inputs, members: bool) -> NDArray[np.float64]:
        """(m, Z) or (m, 1) barriers, of each member by itself with one more dimension in front."""

        def each(of: Callable[[Any], Tensor]) -> NDArray[np.float64]:
            values = torch.stack([of(net) for net in self.nets])
            found: NDArray[np.float64] = (values if members else values.mean(dim=0)).double().numpy()
            return found

        if self.form == "direct":
            return np.maximum(each(lambda net: net(inputs)), FLOOR_EV)
        symmetric, change = each(lambda net: net.symmetric(inputs)), each(lambda net: net.energy_change(inputs))
        return np.maximum(symmetric, 0.5 * np.abs(change) + FLOOR_EV) + 0.5 * change

    def check(self, lattice: Lattice) -> None:
        """As `BarrierModel.check`; the crystal must be the model's, the cell large enough for its environments."""
        self._check(lattice, energy=False)

    def _check(self, lattice: Lattice, *, energy: bool) -> None:
        super().check(lattice)
        placed = self._placed(lattice)
        if not (fits_energy if energy else fits)(lattice, placed):
            times = minimum_shape(lattice, placed, energy=energy)
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
        numbers = self._species_map(lattice)
        occurring = np.unique(numbers).astype(np.int64)  # nobody counts the others
        integers = integer_tables(self.graph, placed.sites, len(occurring), self.settings)
        weights = [net.flat_weights(occurring) for net in self.nets]
        energy = [whole_weights(self.graph, self._energy(), occurring)] if self.has_energy else []
        return CompiledBarriers(
            kind=GNN_DIRECT if self.form == "direct" else GNN_CONSISTENT,
            n_targets=self.graph.n_jumps,
            env=placed.env,
            species=np.searchsorted(occurring, numbers).astype(np.int8),
            integers=integers,
            single=aligned(np.concatenate(weights) if self.form == "direct" else side_by_side(weights), np.float32),
            double=aligned(np.concatenate([*energy, np.zeros(0)]), np.float64),
            workspace=workspace(integers, lattice.n_basis, self.form),
        )

    @one_thread()
    def compile_energy(self, lattice: Lattice) -> CompiledEnergy:
        """Tables of the lattice energy for `gnn_swap_energy`; a network of the direct form has none.

        Cells may be smaller than those that `check` lets pass: there is no jump, see `fits_energy`.
        """
        if not self.has_energy:
            return super().compile_energy(lattice)
        self._check(lattice, energy=True)
        placed = self._placed(lattice)
        integers, offsets = energy_tables(self.graph, placed, len(self.species) + 1, self.settings)
        return CompiledEnergy(
            kind=GNN_ENERGY,
            offsets=offsets,
            species=self._species_map(lattice),
            integers=integers,
            single=np.zeros(0, dtype=np.float32),
            double=np.concatenate([part.ravel() for part in self._energy()]),
            workspace=0,
        )

    def _energy(self) -> EnergyWeights:
        """The mean of the members' energies as one energy whose site features are theirs side by side."""
        return mean_energy([net.energy_weights() for net in self.nets])
