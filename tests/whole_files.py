"""Whole files of every kind that the package reads, small, each with the function that reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asemacro.barriers import load_barriers
from asemacro.barriers.data.table import load_barrier_data
from asemacro.barriers.gnn.file import save_gnn
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.closure.file import load_closure, save_closure
from asemacro.closure.network import LocalNetwork
from asemacro.closure.variables import closure_of
from asemacro.files.arrays import read_arrays
from asemacro.files.json_text import read_json
from asemacro.lattice.lattice import Lattice
from asemacro.macro.file import load_sde, save_sde
from asemacro.macro.moment_fit import MomentReport
from asemacro.macro.polynomial import PolynomialDiffusion, PolynomialDrift
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.spde import BlockKernel, EntropySlope, NeuralSPDE, SmoothMobility, load_spde, save_spde
from asemacro.studies.learn.learned import Learned
from asemacro.studies.learn.model import TRAINING_FILE

Load = Callable[[Path], Any]
PAIR = {
    "species": ["Nb", "Mo"],
    "migration_eV": {"Nb": 0.6, "Mo": 0.7},
    "pair_eV": [{"Nb-Mo": -0.05}, {"Nb-Mo": 0.01, "X-Mo": 0.02}],
    "name": "mine",
}


def sde() -> NeuralSDE:
    drift, diffusion = PolynomialDrift(2, 1, 3, hidden=2, odd=(0,)), PolynomialDiffusion(2, 1, 2, odd=(0,))
    return NeuralSDE(drift, diffusion, labels=("M", "closure_1"), sites=64)


def network_arrays() -> dict[str, np.ndarray]:
    arrays = {"out_weight": np.ones((128, 1), "f4"), "out_bias": np.ones(1, "f4")}
    for layer in range(4):
        arrays[f"layer{layer}_weight"] = np.zeros((729 if layer == 0 else 128, 128), "f4")
        arrays |= {
            f"layer{layer}_{k}": np.ones(128, "f4") for k in ("bias", "bn_gamma", "bn_beta", "bn_mean", "bn_var")
        }
    return arrays


def data_arrays() -> dict[str, np.ndarray]:
    cell = Lattice.bcc(3.24, ["Nb", "Mo"], 4)
    rng = np.random.default_rng(0)
    return {
        "name": np.array(["NbMo"]),
        "numbers": rng.permutation(np.repeat([41, 42], 64))[None].astype(np.int16),
        "scaled_positions": (cell.positions() / (4 * 3.24))[None].astype(np.float32),
        "neighbor": cell.neighbours(cell.shells(1)[0].offsets)[None],
        "barrier": rng.uniform(0.5, 1.5, (1, 128, 8)).astype(np.float32),
    }


def pair_file(folder: Path) -> tuple[Path, Load]:
    path = folder / "pair.json"
    path.write_text(json.dumps(PAIR))
    return path, load_barriers


def published_file(folder: Path) -> tuple[Path, Load]:
    np.savez_compressed(folder / "published.npz", **network_arrays())  # type: ignore[arg-type]
    return folder / "published.npz", load_barriers


def network_file(folder: Path) -> tuple[Path, Load]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BarrierGNN(("Nb", "Mo"), "consistent", width=2, hidden=2, energy_width=2)
    return save_gnn(model, folder / "network.safetensors"), load_barriers


def sde_file(folder: Path) -> tuple[Path, Load]:
    return save_sde(folder / "model.safetensors", [sde(), sde()]), load_sde


def spde_file(folder: Path) -> tuple[Path, Load]:
    mobility = SmoothMobility([1.0, 0.1, -0.2], 1, [[-1, 1], [-0.9, 0.8]], 0.8, np.eye(3) * 1e-4)
    spde = NeuralSPDE(BlockKernel(np.ones((3, 3)) / 9, np.full((3, 3), 0.01)), mobility, EntropySlope([0.1]), 16, 4)
    return save_spde(folder / "spde.safetensors", spde, origin="a test"), load_spde


def training_file(folder: Path) -> tuple[Path, Load]:
    report = MomentReport((3, 2), np.array([0.1, 0.2]), True, 2)
    rng = np.random.default_rng(0)
    Learned(sde(), rng.normal(size=(9, 2)), rng.uniform(800, 900, (9, 1)), 1, report).save(folder)
    return folder / TRAINING_FILE, lambda path: Learned.load(path.parent)


def closure_file(folder: Path) -> tuple[Path, Load]:
    networks = [LocalNetwork(0, (4, 4), width=2) for _ in range(2)]
    with torch.no_grad():
        for network in networks:
            network.reset(torch.Generator().manual_seed(0))
    phi = closure_of(networks, np.eye(2), np.zeros((2, 3)), np.zeros(2), {"a": 1})
    return save_closure(folder / "closure.safetensors", phi), load_closure


def data_file(folder: Path) -> tuple[Path, Load]:
    np.savez_compressed(folder / "data.npz", **data_arrays())  # type: ignore[arg-type]
    return folder / "data.npz", load_barrier_data


def checkpoint_file(folder: Path) -> tuple[Path, Load]:
    rng = np.random.default_rng(0)
    arrays = {"times_s": np.arange(5.0), "order": rng.normal(size=(3, 5, 2)), "relaxed": np.True_}
    np.savez_compressed(folder / "task.npz", **arrays)  # type: ignore[arg-type]
    return folder / "task.npz", lambda path: read_arrays(path, "checkpoint")


def record_file(folder: Path) -> tuple[Path, Load]:
    path = folder / "run.json"
    path.write_text(json.dumps({"asemacro": "0.1.0", "seed": 0, "arguments": {"figure": "fig2", "quick": True}}))
    return path, lambda path: read_json(path, "run record")
