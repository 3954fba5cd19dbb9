"""Several processes that train or sample as one, as torchrun starts them. On a single one nothing here does anything.

Process 0, the main one, alone writes files and tells what happens. All of them come to each of these calls.
"""

import atexit
import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from uuid import uuid4

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ddpm.system.devices import DeviceName, device_named
from ddpm.system.processes import leave_it_to_main, several_processes

PATIENCE = timedelta(hours=2)  # for which others wait while the main one reads, judges or writes


def join(device: DeviceName) -> torch.device:
    """Meet the processes that torchrun started, over gloo on CPUs and NCCL on GPUs, and return this one's device.

    Of several GPUs in a machine each process takes its own. Raises ValueError if there are fewer.
    """
    found, local = device_named(device), int(os.environ.get("LOCAL_RANK", "0"))
    if not several_processes():
        return found
    if found.type == "cuda":
        if local >= torch.cuda.device_count():
            raise ValueError(
                f"process {local + 1} of this machine has no GPU of its own, there are {torch.cuda.device_count()}; "
                "start torchrun with a lower --nproc-per-node, or add --device cpu"
            )
        found = torch.device("cuda", local)
        torch.cuda.set_device(found)
    store, own_rank, count = next(dist.rendezvous("env://"))
    how = {"store": unused(store, own_rank, count), "rank": own_rank, "world_size": count, "timeout": PATIENCE}
    if found.type == "cuda":
        dist.init_process_group("nccl", **how, device_id=found)
    else:
        dist.init_process_group("gloo", **how)
    atexit.register(leave)
    return found


def leave() -> None:
    """Leave the process group, unless an error ended this process: the others would not join in then."""
    if not hasattr(sys, "last_value"):
        dist.destroy_process_group()


def unused(store: dist.Store, rank: int, world: int) -> dist.Store:
    """A fresh part of the store, the same for all processes.

    After a restart torchrun may hand out the store of the processes that died, with their addresses in it (pytorch's
    issue 135712). So the main process chooses a new part, and tells its name to each process that asks under a word of
    its own.
    """
    word = uuid4().hex
    if rank:
        store.set(f"ask/{rank}", word)
        name = store.get(f"answer/{word}").decode()  # waits for it
        store.set(f"{name}/knows/{rank}", "")
        return dist.PrefixStore(name, store)
    waiting = set(range(1, world))
    while waiting:
        for other in waiting:
            if store.check([f"ask/{other}"]):  # maybe that of one that died, soon to be replaced
                store.set(f"answer/{store.get(f'ask/{other}').decode()}", word)
        waiting = {other for other in waiting if not store.check([f"{word}/knows/{other}"])}
        time.sleep(0.02)
    return dist.PrefixStore(word, store)


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_world() -> int:
    """How many of them are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if world() > 1 else 1


def is_main() -> bool:
    return rank() == 0


@contextmanager
def main_first() -> Iterator[None]:
    """The main process runs the block first, and may change files in it; then the others do. If the main process fails,
    it tells why, and the others exit in silence with code 2."""
    if not is_main():
        if highest(0):
            leave_it_to_main()
        yield
        return
    failed = 1
    try:
        yield
        failed = 0
    finally:
        highest(failed)


def share(count: int, rank: int, world: int) -> slice:
    """The rows of `count` that process `rank` of `world` has; shares differ by one row at most."""
    return slice(count * rank // world, count * (rank + 1) // world)


def own(count: int) -> slice:
    """The rows of `count` that this process has."""
    return share(count, rank(), world())


def summed(values: Tensor) -> Tensor:
    """The sum over all processes of tensors of one shape, on this process's device."""
    if world() > 1:
        dist.all_reduce(values)
    return values


def gather(rows: Tensor, count: int) -> Tensor:
    """The `count` rows [count, ...] of which each process has its `own` [n, ...]."""
    if world() == 1:
        return rows
    whole = rows.new_zeros(count, *rows.shape[1:])
    whole[own(count)] = rows
    return summed(whole)


def join_shares(values: Tensor, device: torch.device) -> None:
    """Fill in the other processes' rows of uint8 [N, ...], which is zero outside of this one's own; in parts, through
    `device`."""
    if world() > 1:
        for part in values.split(2**14):
            part.copy_(summed(part.to(device)))


def highest(value: int) -> int:
    """The highest of the numbers that the processes have."""
    if world() == 1:
        return value
    values = torch.tensor(value, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(values, dist.ReduceOp.MAX)
    return int(values)


def alike(value: int) -> bool:
    """Whether all processes have the same number."""
    return highest(value) == -highest(-value)


def parallel(model: nn.Module) -> nn.Module:
    """The model, with gradients that are averaged over the processes (Li et al. 2020, arXiv:2006.15704)."""
    return DistributedDataParallel(model) if world() > 1 else model


def averaged(model: nn.Module, now: bool) -> AbstractContextManager[None]:
    """For a forward and backward pass of `parallel(...)`: average the gradients now, or only add to this process's."""
    return model.no_sync() if isinstance(model, DistributedDataParallel) and not now else nullcontext()
