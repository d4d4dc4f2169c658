"""The options --executor and --scheduler of all verbs whose work is tasks that do not need each other."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from asemacro.tasks.executors import Kind, executor_of

ExecutorOption = Annotated[
    Kind | None, typer.Option("--executor", help="What runs the tasks (default threads); the results are the same.")
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler", help="Of --executor dask: tcp://HOST:8786, or its scheduler file.", metavar="ADDRESS|FILE.json"
    ),
]


def with_executor(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb with both options after --workers; what it begins runs there."""
    signature = inspect.signature(verb, eval_str=True)
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in (("executor", ExecutorOption), ("scheduler", SchedulerOption))
    ]
    given = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in signature.parameters.values()]
    place = [one.name for one in given].index("workers") + 1

    @functools.wraps(verb)
    def everywhere(*, executor: Kind | None = None, scheduler: str | None = None, **arguments: Any) -> None:
        with executor_of(executor, arguments["workers"], scheduler):
            verb(**arguments)

    everywhere.__signature__ = signature.replace(parameters=[*given[:place], *options, *given[place:]])  # type: ignore[attr-defined]
    return everywhere
