"""How the interpreter and the C library are set for a server; each setting was measured."""

import ctypes
import gc
import resource
import sys
from contextlib import suppress

_SWITCH_INTERVAL_S = 0.0005
_GC_THRESHOLDS = (50_000, 20, 50)
_KEPT_BYTES = 128 << 20
_GROWTH_BYTES = 16 << 20
# Names and numbers of <malloc.h>.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8


def tune() -> None:
    """Set this process up to serve; to be called once, before threads start."""
    # The writer's thread folds while the loop sends. At the default of 5 ms the loop would wait as
    # long after each look for I/O while a batch is folded: an import halved the deliveries.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    # Modules and schemas live as long as the process. Looking through them after every 700 new
    # objects took a tenth of an append.
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    _keep_freed_memory()
    _allow_descriptors()


def _allow_descriptors() -> None:
    """As many files and connections as the system lets this process have. The lower limit that it
    begins with, often 1,024, is for programs that use select(2)."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS has a bound below what it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _keep_freed_memory() -> None:
    """Each batch frees some megabytes that the next one takes again. Giving them back to the system
    in between cost a fifth of an append in page faults. Only glibc can be told."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for option, value in (
        (_M_ARENA_MAX, 1),
        (_M_TRIM_THRESHOLD, _KEPT_BYTES),
        (_M_TOP_PAD, _GROWTH_BYTES),
        (_M_MMAP_THRESHOLD, _KEPT_BYTES),
    ):
        mallopt(option, value)
