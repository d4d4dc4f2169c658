"""Figures as functions of data and an Axes.

new_figure              a figure and its axes
sro_versus_temperature  order of a pair over temperature
direct_points           direct simulations as crosses
time_temperature_map    order over time and temperature
pair_styles             colour and marker of each pair
mean_trajectory         learned trajectories with a band
discrepancy             discrepancy over the noise scale
power_law               values over sizes with an exponent
binder_crossing         Binder cumulants over temperature
parity                  predicted against calculated barriers
calibrated              errors against the spread of an ensemble
errors_over_labels      errors of networks over the number of labels
order_over_labels       order over the number of labels
written                 a number as people write it
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.plot.barriers import calibrated as calibrated
    from asemacro.plot.barriers import errors_over_labels as errors_over_labels
    from asemacro.plot.barriers import order_over_labels as order_over_labels
    from asemacro.plot.barriers import parity as parity
    from asemacro.plot.dynamics import binder_crossing as binder_crossing
    from asemacro.plot.dynamics import discrepancy as discrepancy
    from asemacro.plot.dynamics import mean_trajectory as mean_trajectory
    from asemacro.plot.dynamics import power_law as power_law
    from asemacro.plot.short_range_order import direct_points as direct_points
    from asemacro.plot.short_range_order import new_figure as new_figure
    from asemacro.plot.short_range_order import pair_styles as pair_styles
    from asemacro.plot.short_range_order import sro_versus_temperature as sro_versus_temperature
    from asemacro.plot.short_range_order import time_temperature_map as time_temperature_map
    from asemacro.plot.written_numbers import written as written
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
