"""Averages of correlated series with their errors, and distances between samples.

stationary_average    mean of correlated series with its error
StationaryAverage     what it gives
autocorrelation_time  in how many steps a series forgets
mean_errors           how far mean trajectories are from reference ones
mmd                   maximum mean discrepancy of two samples
time_averaged_mmd     of two sets of trajectories
compare_by_mmd        the same beside what equal laws give
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.statistics.averages import StationaryAverage as StationaryAverage
    from asemacro.statistics.averages import autocorrelation_time as autocorrelation_time
    from asemacro.statistics.averages import mean_errors as mean_errors
    from asemacro.statistics.averages import stationary_average as stationary_average
    from asemacro.statistics.discrepancy import compare_by_mmd as compare_by_mmd
    from asemacro.statistics.discrepancy import mmd as mmd
    from asemacro.statistics.discrepancy import time_averaged_mmd as time_averaged_mmd
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
