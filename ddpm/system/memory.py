"""How much memory there is, so that what cannot fit is refused before any work; and how freed memory is kept."""

import ctypes
import re
import sys
from collections.abc import Iterator
from ctypes import c_size_t, c_void_p
from pathlib import Path

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
UNKNOWN = sys.maxsize
PIECE, PIECES = 60 * 2**20, 16  # of a thread's heap, a piece of which has 64 MiB in glibc's arena.c (HEAP_MAX_SIZE)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
keeping: list[bool] = []  # whether blocks are kept, by each call of `keep_freed`


def available() -> int:
    """Bytes that this process may still take: the least of the machine's free memory and swap, of what its cgroups
    leave (of a container, say), and of what RLIMIT_AS leaves. `UNKNOWN` where the system tells none of them, as others
    than Linux.
    """
    free, swap = (number(PROC / "meminfo", name) for name in ("MemAvailable", "SwapFree"))
    total = UNKNOWN if free is None else 1024 * (free + (swap or 0))
    return max(0, min(total, left_by_rlimit(), *left_by_cgroups()))


def check_fits(what: str, needed: int, advice: str, free: int | None = None) -> None:
    """Raise ValueError if `what` needs more bytes than are `free`, or available. advice: what to do then."""
    free = available() if free is None else free
    if needed > free:
        raise ValueError(f"{what} would take {gib(needed)} of memory, {gib(free)} are free: {advice}")


def gib(count: int) -> str:
    """Bytes as "1.5 GiB", or "0.0031 GiB"."""
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**30:.2g} GiB"


def keep_freed(block: int = 2**28, most: int = 2**30) -> bool:
    """Have this process keep blocks of up to `block` bytes that it frees, `most` bytes in all, to use them again.

    By itself glibc hands large blocks back to the kernel, which clears their pages one by one for whoever takes them
    next: in sampling 32x32 sprites on the CPU that was a fifth of the time. Returns whether blocks of some size are
    kept; elsewhere than in Linux with glibc there is no such setting.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if not mallopt or not mallopt(M_TRIM_THRESHOLD, most):
        return False
    kept = any(mallopt(M_MMAP_THRESHOLD, size) for size in (block, 2**25))  # the latter is the most before glibc 2.35
    keeping.append(kept)
    return kept


def keep_freed_here() -> None:
    """Have this thread keep what it frees, too, if its process does by `keep_freed`.

    Each thread but the first has a heap of its own, in pieces, of which glibc gives back the last one as soon as
    nothing in it is in use. Here that is a small block, which stays; the pieces before it are free from now on, but not
    touched, so that they take addresses alone; nothing is done where these are limited. In training on two threads
    the faults are 3 to 10 % of the time.
    """
    if not any(keeping) or left_by_rlimit() < UNKNOWN:
        return
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = c_void_p, [c_size_t], [c_void_p]
    blocks = [libc.malloc(PIECE) for _ in range(PIECES)]
    libc.malloc(2**12)
    for block in blocks:
        libc.free(block)


def left_by_rlimit() -> int:
    """Bytes of addresses that RLIMIT_AS leaves."""
    try:
        import resource
    except ImportError:  # on Windows
        return UNKNOWN
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = number(PROC / "self/status", "VmSize")
    return UNKNOWN if limit == resource.RLIM_INFINITY or taken is None else limit - taken * 1024


def left_by_cgroups() -> Iterator[int]:
    """Bytes that each cgroup of this process leaves, of version 1 or 2. Cached files count as free, also those in
    use."""
    try:
        groups = [line.split(":", 2)[1:] for line in (PROC / "self/cgroup").read_text().splitlines()]
    except OSError:
        return
    names = {
        "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file")),
        "": ("memory.max", "memory.current", ("inactive_file", "active_file", "slab_reclaimable")),
    }
    for kind, path in groups:
        if kind not in names:
            continue
        limit_file, taken_file, cached = names[kind]
        group = CGROUPS / kind / path.lstrip("/")
        for folder in (group, *group.parents):  # of a container's own, the path may start outside of what it sees
            limit, taken = number(folder / limit_file), number(folder / taken_file)
            if limit is not None and taken is not None:
                yield limit - taken + sum(number(folder / "memory.stat", name) or 0 for name in cached)


def number(file: Path, name: str = "") -> int | None:
    """The number that stands in a small file of the system, on the line of this name; None without one."""
    try:
        found = re.search(rf"^{name}:?\s*(\d+)", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
