"""Barriers of vacancy jumps inside numba: one entry for every kind of model."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from asemacro.arguments.checks import shown
from asemacro.barriers.cluster_kernel import cluster_barriers
from asemacro.barriers.compiled import CLUSTER, GNN_CONSISTENT, GNN_DIRECT, NNK, PAIR, PYTHON, CompiledBarriers
from asemacro.barriers.gnn.consistent_kernel import gnn_consistent
from asemacro.barriers.gnn.direct_kernel import gnn_direct
from asemacro.barriers.pair_kernel import pair_barriers
from asemacro.barriers.published_kernel import PUBLISHED_SPECIES, nnk_barriers
from asemacro.lattice.gather import gather
from asemacro.lattice.reach import unreached_axes

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

log = logging.getLogger("asemacro")


@njit(cache=True, nogil=True)
def evaluate(model: CompiledBarriers, basis: int, env: NDArray, work: NDArray, out: NDArray) -> None:
    """Barriers of the Z jumps of a vacancy, a pure function of `env`.

    A branch on `model.kind` and not a function argument: numba can then keep one compiled kernel on disk.

    Args:
        model: compiled barrier model.
        basis: basis index of the vacancy's site.
        env: (n_env,) int8 model species indices of the sites `model.env[basis]`, 0 = vacancy.
        work: (model.workspace,) float32 scratch memory.
        out: (Z + 1,) float64, filled: barriers in eV, inf where the target is vacant; then how many of them
            were raised to the floor of the model.
    """
    if model.kind == PAIR:
        pair_barriers(model, basis, env, work, out)
    elif model.kind == NNK:
        nnk_barriers(model, basis, env, work, out)
    elif model.kind == GNN_DIRECT:
        gnn_direct(model, basis, env, work, out)
    elif model.kind == GNN_CONSISTENT:
        gnn_consistent(model, basis, env, work, out)
    elif model.kind == CLUSTER:
        cluster_barriers(model, basis, env, work, out)
    else:
        raise ValueError("unknown kind of barrier model")


def checked(model: CompiledBarriers, name: str, lattice: Lattice) -> CompiledBarriers:
    """The model, if it fits the lattice and its map of species leads into its tables: the kernels do not look.

    Raises:
        TypeError: no tables.
        ValueError: one line; tables of another lattice, or a species number beyond the tables.
    """
    if not isinstance(model, CompiledBarriers):
        raise TypeError(f"barrier model {name} compiles to {shown(model)}, not to a CompiledBarriers")
    env = model.env
    # only graph networks name the shells that vacancies jump to
    own = model.kind in (GNN_DIRECT, GNN_CONSISTENT)
    z = model.n_targets if own else lattice.shells(1)[0].offsets.shape[1]
    if model.n_targets != z or env.ndim != 3 or env.shape[::2] != (lattice.n_basis, 4) or env.shape[1] <= z:
        raise ValueError(
            f"barrier model {name} compiles to {model.n_targets} jumps and env {env.shape}; this lattice has {z} jumps "
            f"from each site, env must be ({lattice.n_basis}, {z + 1} or more, 4)"
        )
    _check_jumps(env[:, 1 : 1 + z], name, lattice)
    if len(model.species) != len(lattice.species) + 1:
        raise ValueError(
            f"barrier model {name} numbers {len(model.species)} species; the lattice has the vacancy and "
            f"{len(lattice.species)} species"
        )
    known = PUBLISHED_SPECIES if model.kind == NNK else int(model.integers[0]) - 1
    if model.species[0] != 0 or model.species.min() < 0 or model.species.max() > known:
        raise ValueError(
            f"barrier model {name} has tables for the species 1 to {known}, its map of species holds "
            f"{', '.join(str(int(s)) for s in model.species)}; load or train the model again"
        )
    return model


def _check_jumps(jumps: NDArray[np.int64], name: str, lattice: Lattice) -> None:
    """Refuse jumps of which not every one has its reverse; say so if they do not lead everywhere.

    Raises:
        ValueError: one line.
    """
    rows = {(b, *row) for b, own in enumerate(jumps.tolist()) for row in map(tuple, own)}
    lost = [row for row in rows if (row[4], -row[1], -row[2], -row[3], row[0]) not in rows]
    if lost:
        raise ValueError(
            f"barrier model {name} compiles to jumps from site {lost[0][0]} of the unit cell to site {lost[0][4]} that "
            "have no way back"
        )
    unreached = unreached_axes(list(jumps), lattice.pbc)
    if unreached and ("confined", jumps.shape[1]) not in lattice._memo:
        lattice._memo["confined", jumps.shape[1]] = True
        log.info(
            "%s: the %d jumps of a vacancy keep it to %s of this %s lattice (a larger shell tolerance, or a model with "
            "jumps to more shells, may connect them)",
            name,
            jumps.shape[1],
            "planes" if sum(lattice.pbc) - unreached == 2 else "chains or groups of sites",
            lattice.prototype,
        )


@njit(cache=True, nogil=True)
def _barriers_at(model: CompiledBarriers, shape: NDArray, x: NDArray, sites: NDArray, out: NDArray) -> None:
    env = np.empty(model.env.shape[1], dtype=np.int8)
    work = np.zeros(model.workspace, dtype=np.float32)
    for v in range(sites.shape[0]):
        basis = gather(model.env, model.species, shape, x, sites[v], env)
        evaluate(model, basis, env, work, out[v])
        for j in range(model.n_targets):
            if env[1 + j] != 0 and not np.isfinite(out[v, j]):
                out[v, j] = np.nan  # inf is kept for vacant targets


def barriers_at(
    model: CompiledBarriers,
    shape: NDArray[np.integer],
    x: NDArray[np.int8],
    sites: NDArray[np.integer],
    ask: Callable[[int, NDArray[np.int8]], NDArray[np.float64]] | None = None,
) -> NDArray[np.float64]:
    """Barriers of the jumps of vacancies, evaluated afresh.

    Args:
        model: compiled barrier model.
        shape: (3,) cells along each axis of the lattice it was compiled for.
        x: (n_sites,) int8 state, 0 = vacancy.
        sites: (n,) sites of vacancies.
        ask: gives the barriers for a model of kind PYTHON from basis and environment, see `BarrierModel.told`.

    Returns:
        (n, Z) barriers in eV in the order of the model's `env`; inf where the target is a vacancy, nan where the model
        gives no finite number.

    Raises:
        ValueError: if the state does not fit the lattice, holds a species that the model has no number for, or a
            site is not vacant.
    """
    shape = np.ascontiguousarray(shape, dtype=np.int64)
    x = np.asarray(x)
    sites = np.ascontiguousarray(sites, dtype=np.int64)
    n_sites = int(np.prod(shape)) * model.env.shape[0]
    if x.shape != (n_sites,):
        raise ValueError(f"a state of {n_sites} sites is needed, got an array of shape {x.shape}")
    if x.dtype.kind not in "iu" or x.min() < 0 or x.max() >= len(model.species):
        raise ValueError(
            f"a state holds species indices 0 to {len(model.species) - 1}, got {x.dtype} {x.min()} to {x.max()}"
        )
    x = np.ascontiguousarray(x, dtype=np.int8)
    if sites.ndim != 1 or np.any(sites < 0) or np.any(sites >= n_sites):
        raise ValueError(f"vacancy sites must be a list of site indices below {n_sites}")
    if np.any(x[sites] != 0):
        raise ValueError(f"site {int(sites[x[sites] != 0][0])} is not a vacancy")
    out = np.empty((len(sites), model.n_targets + 1))
    if ask is None or model.kind != PYTHON:
        _barriers_at(model, shape, x, sites, out)
        return out[:, :-1]
    env = np.empty(model.env.shape[1], dtype=np.int8)
    for row, site in zip(out, sites, strict=True):
        row[:] = ask(gather(model.env, model.species, shape, x, site, env), env)
    return out[:, :-1]
