"""Looks at the frames of a worker's threads, without the collector coming by meanwhile.

Dask's profiler takes such looks a hundred times a second. CPython 3.11 holds a lock of the
interpreter while it does; where the collector begins just then and frees something that belongs
to threads, it waits for that same lock for good, and the worker is silent until its scheduler
gives it up, five minutes later (issues 106883 of CPython, 8616 of Dask's distributed). From 3.12
on the collector waits for such a call to end.
"""

import gc
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from types import FrameType
from typing import Final

_MENDED: Final = (3, 12)


def look_undisturbed() -> None:
    """Have `sys._current_frames` hold the collector back, in this process from now on."""
    look: Callable[[], Mapping[int, FrameType]] = sys._current_frames  # noqa: SLF001 - Dask calls it
    if sys.version_info >= _MENDED or hasattr(look, "__wrapped__"):
        return

    @wraps(look)
    def undisturbed() -> Mapping[int, FrameType]:
        collects = gc.isenabled()
        gc.disable()
        try:
            return look()
        finally:
            if collects:
                gc.enable()

    sys._current_frames = undisturbed  # type: ignore[assignment]  # noqa: SLF001 - as above
