"""The device to compute on, its cores, in which precision, and whether to the last bit. torch is imported only when
asked."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeVar

from ddpm.system.memory import keep_freed_here
from ddpm.system.processes import several_processes

if TYPE_CHECKING:  # importing torch takes seconds, in which a mistyped flag could have been told
    import torch

DeviceName = Literal["auto", "cpu", "cuda"]
T = TypeVar("T")
R = TypeVar("R")
LEAST = 16  # samples of a part
taken: list[int] = []  # cores of an operation outside of each `limited`, one in another


def pick_device(name: DeviceName) -> "torch.device":
    """The device of a command that runs as one process. Raises ValueError as `device_named`, and under torchrun."""
    if several_processes():
        raise ValueError("this command runs as one process: start it with python, not with torchrun")
    return device_named(name)


def device_named(name: DeviceName) -> "torch.device":
    """The device for "auto" (a GPU if there is one), "cpu" or "cuda". Raises ValueError for a GPU that is not there."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: torch finds no CUDA GPU here; use --device cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def cpu_has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16; torch has no public word for it, hence the care."""
    import torch

    return getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()


def autocast_dtype(precision: str, device: "torch.device") -> "torch.dtype | None":
    """bfloat16 if asked for or, with "auto", if the processor computes in it; None for float32."""
    import torch

    if precision == "auto":
        fast = torch.cuda.is_bf16_supported(False) if device.type == "cuda" else cpu_has_bf16()
        return torch.bfloat16 if fast else None
    return torch.bfloat16 if precision == "bf16" else None


def make_deterministic() -> None:
    """Have a GPU give the same bits in every run (pytorch.org/docs/stable/notes/randomness.html), as a CPU does."""
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA is first used
    torch.use_deterministic_algorithms(True)


def cores() -> int:
    """How many torch uses, outside of `limited`."""
    import torch

    return taken[0] if taken else torch.get_num_threads()


def shares(samples: int, device: "torch.device") -> int:
    """In how many parts the cores take so many samples: large ones, since in a small part each sample costs more. A GPU
    takes them in one."""
    return max(1, min(cores(), samples // LEAST)) if device.type == "cpu" else 1


@contextmanager
def limited(count: int) -> Iterator[None]:
    """Inside, an operation of this thread takes `count` cores."""
    import torch

    taken.append(torch.get_num_threads())
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(taken.pop())


@cache
def pool(count: int, each: int) -> ThreadPoolExecutor:
    """So many threads, in each of which an operation takes `each` cores."""
    import torch

    def begin() -> None:
        torch.set_num_threads(each)
        keep_freed_here()

    return ThreadPoolExecutor(count, "cores", initializer=begin)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # threads stay behind


def on_cores(work: Callable[[T], R], parts: Sequence[T]) -> list[R]:
    """[work(part) for part in parts], the parts on as many cores as torch uses, whichever is free taking the next.

    An operation that torch splits among cores ends when the last of them is done, hundreds of times in a step of
    training. Where another program holds a core, all wait for it each time, and a step takes several times as long as
    on one core. Threads that each do a part of a batch from beginning to end wait for one another once.

    Gradients are recorded where they are here. Where there are more cores than parts, each part takes several.
    """
    import torch

    recorded = torch.is_grad_enabled()

    def one(part: T) -> R:
        with torch.set_grad_enabled(recorded):
            return work(part)

    threads = min(cores(), len(parts))
    each = cores() // max(1, threads)
    with limited(each):
        return list((pool(threads, each).map if threads > 1 else map)(one, parts))
