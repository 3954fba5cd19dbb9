"""Several processes that train or sample as one, as torchrun starts them. On a single one nothing here does anything.

Process 0, the main one, alone writes files and tells what happens. All of them come to each of these calls.
"""

import atexit
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from uuid import uuid4

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ddpm.cli import device_named

PATIENCE = timedelta(hours=2)  # while the main process reads, judges or writes; one that ended is noticed at once


def join(device: str) -> torch.device:
    """Meet the processes that torchrun started, over gloo on CPUs and NCCL on GPUs, and return this one's device.

    device: auto, cpu or cuda; of several GPUs in a machine each process takes its own. Raises ValueError if there are
    fewer.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return device_named(device)
    found, local = device_named(device), int(os.environ["LOCAL_RANK"])
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
    dist.init_process_group("nccl" if found.type == "cuda" else "gloo", **how)
    atexit.register(dist.destroy_process_group)
    return found


def unused(store: dist.Store, rank: int, world: int) -> dist.Store:
    """A part of the store that nobody has written to, the same for all processes.

    After a restart torchrun may give the store of the processes that died, and their addresses would be dialled (see
    pytorch's issue 135712). So each process asks the main one for the name of the part, by a word that is new.
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


def is_main() -> bool:
    return rank() == 0


@contextmanager
def main_first() -> Iterator[None]:
    """The main process does what is in the block before all others: it tells a mistake once, and it changes files."""
    if not is_main():
        dist.barrier()
    yield
    if is_main() and world() > 1:
        dist.barrier()


def share(count: int, rank: int, world: int) -> slice:
    """The rows of `count` that process `rank` of `world` has: as many as the others', or one more or less."""
    return slice(count * rank // world, count * (rank + 1) // world)


def own(count: int) -> slice:
    """The rows of `count` that this process has."""
    return share(count, rank(), world())


def total(values: Tensor) -> Tensor:
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
    return total(whole)


def highest(value: int, device: torch.device) -> int:
    """The highest of the numbers that the processes have."""
    if world() == 1:
        return value
    values = torch.tensor(value, device=device)
    dist.all_reduce(values, dist.ReduceOp.MAX)
    return int(values)


def restarted(device: torch.device) -> bool:
    """Whether torchrun started these processes in place of some of which one died.

    Each machine counts its own failures, so they are asked all.
    """
    return highest(int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")), device) > 0


def parallel(model: nn.Module) -> nn.Module:
    """The model, with gradients that are averaged over the processes (Li et al. 2020, arXiv:2006.15704)."""
    return DistributedDataParallel(model) if world() > 1 else model


def averaged(model: nn.Module, now: bool) -> AbstractContextManager[None]:
    """For a forward and backward pass of `parallel(...)`: average the gradients now, or only add to this process's."""
    return nullcontext() if now or world() == 1 else model.no_sync()
