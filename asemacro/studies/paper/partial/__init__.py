"""The systems of Chen and Li (NeurIPS 2024), learned from forces on a few of their carriers.

A system is a module with `prepare(budget, ...) -> World`; a figure one with `run(*, quick, rng, progress, store)`.
"""

from asemacro.lazy import lazily

__getattr__, __dir__, __all__ = lazily(__name__)
