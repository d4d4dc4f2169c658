"""LearnedFields: a field equation that was learned from block fields, where it was learned, and its folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import (
    FIELD_DATA,
    above_zero,
    array,
    check_fields,
    checked,
    flag_or_report,
    instance,
    many,
    number,
    optional,
    path,
    whole,
)
from asemacro.files.reading import reading
from asemacro.macro.spde.file import load_spde, save_spde, spde_notes
from asemacro.macro.spde.fit import FieldFitOptions, FieldReport, fit_fields
from asemacro.macro.spde.spde import NeuralSPDE
from asemacro.studies.learn.model import model_folder
from asemacro.tasks.publication import Files, publish
from asemacro.typing import Floats, Report

if TYPE_CHECKING:
    from asemacro.field_data import FieldData


@dataclasses.dataclass(frozen=True)
class LearnedFields:
    """A learned field equation and where it was learned.

    Attributes:
        spde: dm = -K dF/dm dt + noise.
        temperatures: that the data had, ascending.
        field: h of the data, the mean if it differed.
        grid: blocks along each axis of the data.
        report: of the fit, with the tests of what the form presumes; None for a model that was read.
    """

    FILE: ClassVar[str] = "spde.safetensors"
    spde: NeuralSPDE
    temperatures: tuple[float, ...]
    field: float
    grid: tuple[int, ...]
    report: FieldReport | None = None

    def __post_init__(self) -> None:
        check_fields(
            self, spde=instance("NeuralSPDE"), temperatures=many(above_zero), field=number(), grid=many(whole(1))
        )
        check_fields(self, report=optional(instance("FieldReport")))
        for name in ("temperatures", "grid"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.grid) != self.spde.kernel.dim or not self.temperatures:
            raise ValueError(
                f"an equation of {self.spde.kernel.dim} dimensions needs a temperature and a grid of so many axes, "
                f"got {self.temperatures} and {self.grid}"
            )

    @checked(m=array(), field=number())
    def energy(self, m: ArrayLike, field: float = 0.0) -> Floats:
        r"""Energy of a spin, (n,), of fields (n, *grid): -<m (J * m)> / 2 - h <m>, without pairs of a spin with itself.

        What spins of these block magnetisations have on average, if those of a block do not know of each other.
        """
        x = np.asarray(m)
        if x.ndim != len(self.grid) + 1 or not x.size:
            raise ValueError(f"fields must be (n, *grid) with a grid of {len(self.grid)} axes, got the shape {x.shape}")
        kernel, axes = self.spde.energy_kernel, tuple(range(1, x.ndim))
        coupled = (x * kernel.convolve(x)).mean(axis=axes, dtype=float) - kernel.own / self.spde.sites
        return np.asarray(-coupled / 2 - field * x.mean(axis=axes, dtype=float))

    def files(self) -> Files:
        """What `save` writes, by name."""
        about = {"temperatures": list(self.temperatures), "field": self.field, "grid": list(self.grid)}
        return {self.FILE: lambda path: save_spde(path, self.spde, **about)}

    @checked(directory=path)
    def save(self, directory: str | Path) -> list[Path]:
        """Write the files of the model. A run record in the folder that lists one of them is removed."""
        return publish(directory, self.files())

    @classmethod
    @checked(directory=path)
    def load(cls, directory: str | Path) -> LearnedFields:
        """Read what `save` or `asemacro learn` wrote.

        Raises:
            FileNotFoundError: no such folder or model.
            ValueError: one line; the file is damaged, or not the one that run.json lists, or a bare equation.
        """
        file = model_folder(directory, cls.FILE) / cls.FILE
        spde, about = load_spde(file), spde_notes(file)
        with reading(file, "field equation", "does not say where it was learned", "; learn it again"):
            return cls(spde, about["temperatures"], about["field"], about["grid"])


@checked(data=FIELD_DATA, options=optional(instance("FieldFitOptions")), rng=generator_of, progress=flag_or_report)
def learn_from_fields(
    data: FieldData,
    *,
    options: FieldFitOptions | None = None,
    rng: np.random.Generator,
    progress: bool | Report = False,
) -> LearnedFields:
    """A learned field equation from what block fields do in a short time, see `fit_fields`.

    Args:
        data: field data, of `make_field_data`, `read_fields` or your own.
        options: of the fit.
        rng: draws the rows that are held out.
        progress: True for a bar, or a function called as progress("fit fields", fraction, text).

    Raises:
        ValueError: a grid too small for the reach, too few flips or changes (how many more are needed).
    """
    fitted = fit_fields(data, options=options, rng=rng, progress=progress)
    temperatures = tuple(np.unique(data.temperature).tolist())
    return LearnedFields(fitted.model, temperatures, float(data.field.mean()), data.grid, fitted.report)
