"""Small runs, and the states of large systems that are made from them.

snapshots        large states of many ages, from small runs
magnetised       starts for `snapshots`: spins of given magnetisations
log_ages         ages for `snapshots`, even on a logarithmic axis
upsample         large states whose parts are small ones
blocks           a way to upsample: small cells side by side
repeat           a way to upsample: exact copies of one cell
mosaic           a way to upsample: cells shifted and joined, composition kept
interpolate      a way to upsample: fields on a finer grid
replicate        a way to upsample: a spin becomes a block of spins, relaxed
calibrate_flips  how many spins `replicate` flips
LargeSnapshots   what `snapshots` gives
FlipCalibration  what `calibrate_flips` gives
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.upsampling.ensemble import LargeSnapshots as LargeSnapshots
    from asemacro.upsampling.ensemble import log_ages as log_ages
    from asemacro.upsampling.ensemble import magnetised as magnetised
    from asemacro.upsampling.ensemble import snapshots as snapshots
    from asemacro.upsampling.interpolation import interpolate as interpolate
    from asemacro.upsampling.replication import FlipCalibration as FlipCalibration
    from asemacro.upsampling.replication import calibrate_flips as calibrate_flips
    from asemacro.upsampling.replication import replicate as replicate
    from asemacro.upsampling.tiling import blocks as blocks
    from asemacro.upsampling.tiling import mosaic as mosaic
    from asemacro.upsampling.tiling import repeat as repeat
    from asemacro.upsampling.tiling import upsample as upsample
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
