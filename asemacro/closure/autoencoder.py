r"""Variables beside given observables by an autoencoder whose encoder is well conditioned.

Minimised over encoder phi_hat and decoder psi, z = (phi*(x), phi_hat(x)):

    L = <|x - psi(z)|^2> / N + lambda <(kappa - 1)^2>,

x over its spread, kappa the ratio of the extreme eigenvalues of phi' phi'^T: the loss of partial forces then weighs all
directions of dz/dt alike (`asemacro.labels.forces`). No force enters, so states of whole trajectories can be used.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from asemacro.arguments.checks import array_of, generator_of
from asemacro.arguments.door import (
    FORCE_DATA,
    MOST_WIDTH,
    above_zero,
    check_fields,
    checked,
    flag,
    flag_or_report,
    instance,
    many,
    number,
    optional,
    whole,
)
from asemacro.closure.encoder import Encoder, condition, joined_gram
from asemacro.closure.encoder_network import EncoderNetwork, MLPEncoder, reset_softplus, run_softplus, softplus_layers
from asemacro.fitted import Fitted, History
from asemacro.macro.splits import held_out_rows
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.tasks.descent import Judge, descend
from asemacro.tasks.progress import part_of, reporting
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.force_data import ForceData

_SAMPLE = 4096  # states that scales and first parameters are taken from, and that judge
_SAMPLE_NUMBERS = 1 << 26  # that they hold together at most
_LOOKS = 50


@dataclasses.dataclass(frozen=True)
class EncoderOptions:
    """Settings of `fit_encoder`.

    Chen and Li (2024) took learning_rate 1e-4, betas (0.9, 0.95) and weight_decay 1e-4 with states in their own units.
    Here errors count over the spread of the states and both networks start linear: a larger rate is stable, and a decay
    of 1e-4 takes away much of what is not linear.

    Attributes:
        hidden: widths of the softplus layers of encoder and decoder (the decoder's in reverse).
        conditioning: lambda; 0 leaves the condition out.
        observables_conditioned: whether the rows of phi* are part of kappa.
        observables_decoded: whether the decoder sees phi*.
        epochs: passes over the states.
        batch_size: states a step.
        learning_rate: of Adam, at the start; it falls along a half cosine.
        betas: of Adam.
        weight_decay: of Adam.
        validation: part of the states, or of the trajectories of force data, that is held out and judges which
            parameters are kept.

    Raises:
        ValueError: a setting is out of range.
    """

    hidden: tuple[int, ...] = (64, 64)
    conditioning: float = 1e-5
    observables_conditioned: bool = True
    observables_decoded: bool = True
    epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 1e-6
    validation: float = 0.05

    def __post_init__(self) -> None:
        check_fields(self, hidden=many(whole(1, MOST_WIDTH), least=1), betas=many(number(0), least=2))
        check_fields(self, observables_conditioned=flag, observables_decoded=flag)
        check_fields(self, epochs=whole(1), batch_size=whole(1), learning_rate=above_zero)
        check_fields(self, conditioning=number(0), weight_decay=number(0), validation=number(0))
        if not (self.validation < 1 and max(self.betas) < 1 and len(self.betas) == 2):
            raise ValueError(f"validation and two betas must be below 1, got {self.validation} and {self.betas}")


@dataclasses.dataclass(frozen=True)
class EncoderReport:
    """What `fit_encoder` reached on the states held out.

    Attributes:
        reconstruction: mean square error over the mean square spread of the states.
        kappa: median of the ratio of the extreme eigenvalues of phi' phi'^T, all variables.
        largest_kappa: its largest value.
    """

    reconstruction: float
    kappa: float
    largest_kappa: float


@checked(
    phi=instance("DifferentiableObservable"),
    dims=whole(1, MOST_WIDTH),
    network=optional(instance("EncoderNetwork")),
    needed=optional(whole(0)),
    options=instance("EncoderOptions"),
    rng=generator_of,
    progress=flag_or_report,
)
@one_thread()
def fit_encoder(
    states: NDArray[Any] | ForceData,
    phi: DifferentiableObservable,
    dims: int = 2,
    *,
    network: EncoderNetwork | None = None,
    needed: int | None = None,
    options: EncoderOptions | None = None,
    rng: np.random.Generator,
    progress: bool | Report = False,
) -> Fitted[Encoder, EncoderReport]:
    """Learn variables that, beside phi*, tell states from each other.

    Args:
        states: (n, N), or force data, whose states are read batch by batch.
        phi: the given observables phi*.
        dims: number of variables.
        network: of the encoder; default an MLPEncoder. A ParticleEncoder does not see the order of the particles.
        needed: how many of the variables must tell states from each other that phi does not; default all. Those left
            out of the equations later need not.
        options: settings.
        rng: random generator.
        progress: True for a bar, or a function called as progress("encoder", fraction, text).

    Returns:
        The encoder, z = (phi*, phi_hat), with its losses on the states held out.

    Raises:
        ValueError: fewer states than variables, states that do not vary or in fewer directions than variables are
            needed, a network of another size, or a loss that is not finite.
    """
    options = options or EncoderOptions()
    read, n = _reader(states)
    if n <= phi.dim + dims:
        raise ValueError(f"{n} states are too few for {phi.dim + dims} variables; take more")
    held, learn = _split(n, None if isinstance(states, np.ndarray) else states.group, options.validation, rng)
    numbers = read(learn[:1]).shape[1]
    some = min(_SAMPLE, max(2 * (phi.dim + dims), _SAMPLE_NUMBERS // numbers))
    sample = torch.from_numpy(read(np.sort(learn[:some])))
    if not (sample != sample[0]).any():
        raise ValueError("all states are the same; take some that differ")
    network = network or MLPEncoder(numbers, dims, options.hidden)
    if network.dim != dims:
        raise ValueError(f"the network gives {network.dim} variables, dims asks for {dims}")
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    model = Autoencoder(phi, network, sample, options, generator)
    if model.spanned < (dims if needed is None else needed):
        raise ValueError(
            f"beside the observables the states vary in {model.spanned or 'no'} direction{'s' * (model.spanned != 1)}, "
            f"learned variables asked for: {dims if needed is None else needed}; ask for at most {model.spanned}, or "
            "take states that vary in more"
        )
    with reporting(progress, {"encoder": 1.0}) as report:
        history = _descend(model, read, learn, np.sort(held[:some]), options, rng, part_of(report, "encoder"))
    judged = torch.from_numpy(read(np.sort((held if len(held) else learn)[:some])))
    with torch.no_grad():
        error = float(model.losses(judged.to(model.dtype))[0].mean())
        encoder = Encoder(phi, network)
        kappa = condition(encoder.linearised(judged.double(), torch.zeros(len(judged), 0, dtype=torch.int64)).gram)
    found = EncoderReport(error, float(kappa.median()), float(kappa.max()))
    return Fitted(encoder, {"reconstruction": error} if len(held) else {}, found, (history,))


def _split(
    n: int, group: NDArray[np.int64] | None, fraction: float, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows that are held out, whole trajectories if the states are from some, and the others; both in random order."""
    out = held_out_rows(np.arange(n) if group is None else group, fraction, rng)
    order = rng.permutation(n)
    return order[out[order]], order[~out[order]]


def _reader(states: NDArray[Any] | ForceData) -> tuple[Callable[[NDArray[np.intp]], NDArray[Any]], int]:
    """A function that gives the states (b, N) of some rows, and the number of rows."""
    if not isinstance(states, np.ndarray):
        data = FORCE_DATA(states, "states")
        return data.states, data.n_configurations
    table = array_of(states, "states", (None, None), kind="n")
    return lambda rows: table[rows], len(table)


def _descend(
    model: Autoencoder,
    read: Callable[[NDArray[np.intp]], NDArray[Any]],
    learn: NDArray[np.intp],
    held: NDArray[np.intp],
    options: EncoderOptions,
    rng: np.random.Generator,
    report: Report,
) -> History:
    """Adam with a half-cosine rate; the parameters that do best on the states held out are kept."""
    steps = math.ceil(len(learn) / options.batch_size)
    optimiser = torch.optim.Adam(
        model.parameters(),
        lr=options.learning_rate,
        betas=options.betas,
        weight_decay=options.weight_decay,
        fused=True,
    )
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps * options.epochs)
    judged = torch.from_numpy(read(held)).to(model.dtype)
    best = _Best(model)

    def loss(x: Tensor) -> Tensor:
        error, kappa = model.losses(x)
        return (error + options.conditioning * (kappa - 1).square()).mean()

    def of_rows(rows: NDArray[np.intp]) -> tuple[Tensor, float]:
        return loss(torch.from_numpy(read(np.sort(rows))).to(model.dtype)), float(len(rows))

    def batches() -> Sequence[NDArray[np.intp]]:
        return np.array_split(rng.permutation(learn), steps)

    def of_held_out(epoch: int) -> float:
        with torch.no_grad():
            return float(loss(judged)) if len(held) else -float(epoch)  # nothing judges: the last epoch is kept

    judge = Judge(of_held_out, best.keep, every=max(1, options.epochs // _LOOKS))
    history = descend(
        of_rows,
        batches,
        optimiser,
        epochs=options.epochs,
        stepped=rate.step,
        judge=judge,
        state=(rng, rate, best),
        progress=report,
    )
    model.load_state_dict(best.state_dict())
    return history


class _Best:
    """The parameters of a model that did best so far."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self.keep()

    def keep(self) -> None:
        """Those of now."""
        self._held = copy.deepcopy(self._model.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """They."""
        return self._held

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take others in their place."""
        self._held = state


class Autoencoder(nn.Module):
    """Encoder and decoder in training.

    The decoder sees z over its spread; it is linear, at first the least-squares fit, plus a softplus network.

    Args:
        phi: the given observables.
        network: of the encoder.
        sample: (n, N) states that scales and the first, linear decoder are taken from.
        options: which of the rows and variables count, widths of the decoder.
        generator: random parameters.
    """

    mean: Tensor
    scale: Tensor
    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        phi: DifferentiableObservable,
        network: EncoderNetwork,
        sample: Tensor,
        options: EncoderOptions,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self._phi, self._options, self.dtype = phi, options, torch.float32
        self.network = network.to(self.dtype)
        # the gradient of a kinetic energy turns with the velocities: its mean over states is far shorter than it is
        rows = phi.gradient(sample.to(self.dtype))
        length = float(rows.double().square().sum(dim=2).mean().sqrt())
        self.spanned = self.network.start(sample, rows.mean(dim=0), length, generator)
        mean = sample.double().mean(dim=0)
        scale = (sample - mean).square().mean().sqrt()
        with torch.no_grad():
            z = self._seen(sample.to(self.dtype), self.network(sample.to(self.dtype))).double()
        centre, spread = z.mean(dim=0), z.std(dim=0).clamp(min=torch.finfo(self.dtype).tiny)
        first = torch.linalg.lstsq((z - centre) / spread, (sample - mean) / scale).solution
        self.straight = nn.Parameter(first.T.to(self.dtype))
        self.decoder = softplus_layers([z.shape[1], *reversed(options.hidden), sample.shape[1]])
        reset_softplus(self.decoder, generator)
        with torch.no_grad():
            self.decoder[-1].weight.zero_()  # type: ignore[operator, union-attr]
        for name, value in {"mean": mean, "scale": scale, "centre": centre, "spread": spread}.items():
            self.register_buffer(name, value.to(self.dtype))

    def _seen(self, x: Tensor, value: Tensor) -> Tensor:
        """What the decoder sees of z, from states (b, N) and what the network makes of them."""
        return torch.cat([self._phi(x), value], dim=1) if self._options.observables_decoded else value

    def losses(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean square error of each state x (b, N) over the mean square spread of all, (b,), and kappa (b,)."""
        value, derivative = self.network.derivative(x)
        seen = (self._seen(x, value) - self.centre) / self.spread
        made = seen @ self.straight.T + run_softplus(self.decoder, seen)
        error = (made - (x - self.mean) / self.scale).square().mean(dim=1)
        gram = derivative.gram()
        if self._options.observables_conditioned:
            rows = self._phi.gradient(x)
            gram = joined_gram(rows, derivative.times(rows), gram)
        return error, condition(gram)
