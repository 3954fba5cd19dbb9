"""Work that is shared among threads of one core each.

An operation that torch splits among the cores ends when the last of them is done, hundreds of times in a step of
training. Where another program holds one of the cores, all wait for it each time, and a step takes several times as
long as on one core. Threads that each do a part of a batch from beginning to end wait for one another once.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


taken: list[int] = []  # cores of an operation outside of each `one_core`, one in another


@cache
def pool(count: int, each: int) -> ThreadPoolExecutor:
    """So many threads, in each of which an operation takes `each` cores."""
    return ThreadPoolExecutor(count, "cores", initializer=torch.set_num_threads, initargs=(each,))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # threads stay behind


@contextmanager
def one_core() -> Iterator[int]:
    """Inside, an operation of this thread takes one core. Gives the number that it took before."""
    taken.append(torch.get_num_threads())
    torch.set_num_threads(1)
    try:
        yield taken[0]
    finally:
        torch.set_num_threads(taken.pop())


def on_cores(work: Callable[[T], R], parts: Sequence[T]) -> list[R]:
    """[work(part) for part in parts], the parts on as many cores as torch uses, whichever is free taking the next.

    Gradients are recorded where they are here. Where there are no more cores than parts, what is computed does not
    depend on their number; of more, each part takes several.
    """
    recorded = torch.is_grad_enabled()

    def one(part: T) -> R:
        with torch.set_grad_enabled(recorded):
            return work(part)

    with one_core() as count:
        threads = min(count, len(parts))
        return list(pool(threads, count // threads).map(one, parts)) if parts else []
