"""What libfuse says, which it would write to standard error by itself."""

import ctypes
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from typing import Any, Final

_LINE: Final = 1000
_ERROR: Final = 3
"""The level of an error; less is worse."""

# A va_list is passed as a pointer on the machines that Linux runs on with 64 bits.
_LOG: Final = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_LIBC: Final = ctypes.CDLL(None)


@contextmanager
def capturing(fuse: Any, said: MutableSequence[str]) -> Iterator[None]:
    """While inside, add each error of libfuse to `said` as a line; what is no error is dropped."""
    set_log = getattr(fuse._libfuse, "fuse_set_log_func", None)  # noqa: SLF001 -- it has no other way
    if set_log is None:  # before libfuse 3.7
        yield
        return

    def log(level: int, form: bytes, values: int) -> None:
        if level <= _ERROR:
            line = ctypes.create_string_buffer(_LINE)
            _LIBC.vsnprintf(line, _LINE, form, ctypes.c_void_p(values))
            text = line.value.decode("utf-8", "replace").strip()
            said.append(text.removeprefix("fuse: "))

    callback = _LOG(log)
    set_log(callback)
    try:
        yield
    finally:
        set_log(None)
