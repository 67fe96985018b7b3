"""Removes frames from the tracebacks of errors: their locals hold headers, bodies and tokens.

Error trackers send the locals of every frame of an error, of its cause and of its context.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import ParamSpec, TypeVar

from amocrm.errors import AmoCRMError

P = ParamSpec("P")
R = TypeVar("R")


def frameless(function: Callable[P, R]) -> Callable[P, R]:
    """Remove the frames of a function, and those it calls, from our errors that it raises.

    For functions with a secret argument: no frame of the error then holds it.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except AmoCRMError as error:
            failure = error
        del args, kwargs
        drop_frames(failure)
        raise failure

    return call


def related(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes and contexts, and the errors it holds in `args` or `reason`."""
    seen: set[int] = set()
    rest: list[object] = [error]
    while rest:
        one = rest.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        rest += (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        yield one


def drop_frames(error: BaseException) -> None:
    """Drop the tracebacks of an error and of all errors it is related to."""
    for one in related(error):
        one.__traceback__ = None


def cut_frames(error: BaseException, *packages: str) -> None:
    """Cut the tracebacks of an error and its related ones where they enter one of the packages."""
    for one in related(error):
        one.__traceback__ = _before(one.__traceback__, packages)


def _before(trace: TracebackType | None, packages: tuple[str, ...]) -> TracebackType | None:
    """Return the part of a traceback before the first frame of one of the packages."""
    last, step = None, trace
    while step is not None:
        if _package(step) in packages:
            if last is None:
                return None
            last.tb_next = None
            return trace
        last, step = step, step.tb_next
    return trace


def _package(step: TracebackType) -> str:
    return str(step.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
