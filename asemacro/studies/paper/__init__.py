"""The figures of Chen, Huang, Novoselov, Li (arXiv 2511.12842), each run again, compared and drawn by one function.

A figure is a module with `run(*, quick, rng, progress) -> Result`;
`asemacro.studies.paper.runner` finds, times, saves it.
"""
