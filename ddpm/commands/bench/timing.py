"""Instruments of the benchmark: rates, the peak of a machine, operations, memory, and measuring in turns."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, Self, TypeVar

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ddpm.system.console import progress

T = TypeVar("T")
TRAINING_PASSES = 3  # operations of a training step in forward passes: the backward pass takes two
PEAK_SIZES = {"cpu": 1024, "cuda": 8192}  # edge of the matrices that are multiplied


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    seconds: float
    """Of a block, at least; one call in any case."""
    sprites: int
    """Sprites sampled in a block."""
    batch: int
    """Of the libraries' training."""

    def at(self, size: int) -> Self:
        """For sprites of another size than 16 pixels: as many pixels in a batch and in a block, fewer rounds if that
        is larger."""
        share = (16 / size) ** 2
        sprites, batch = (max(1, round(share * count)) for count in (self.sprites, self.batch))
        return replace(self, rounds=min(self.rounds, 2) if size > 16 else self.rounds, sprites=sprites, batch=batch)


FULL, QUICK = Effort(5, 1.0, 100, 128), Effort(1, 0.3, 20, 32)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(call: Callable[[], object], device: torch.device) -> float:
    """Seconds that the call takes."""
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - start


def rate(call: Callable[[], object], amount: float, seconds: float, device: torch.device) -> float:
    """What is done a second, if each call does `amount`: over as many calls as fill `seconds`, one at least."""
    spent, calls = 0.0, 0
    while spent < seconds or not calls:
        spent += seconds_of(call, device)
        calls += 1
    return calls * amount / spent


def interleave(
    blocks: Mapping[str, Callable[[], float]], rounds: int, title: str, warmup: int = 1
) -> dict[str, list[float]]:
    """Run the blocks in turns, `rounds` times after `warmup` times that are dropped; their results by name."""
    results: dict[str, list[float]] = {name: [] for name in blocks}
    with progress(total=(warmup + rounds) * len(blocks), desc=title, unit="block", leave=False) as bar:
        for _ in range(warmup + rounds):
            for name, block in blocks.items():
                results[name].append(block())
                bar.update()
    return {name: values[warmup:] for name, values in results.items()}


def medians(results: dict[str, list[float]]) -> dict[str, float]:
    return {name: median(values) for name, values in results.items()}


def ratios(values: dict[str, float]) -> dict[str, float]:
    """Each as a multiple of "ours", or of the first where that takes no part."""
    to = values.get("ours", next(iter(values.values())))
    return {name: value / to for name, value in values.items()}


def matrix_peak(dtype: torch.dtype, device: torch.device, seconds: float = 0.3, size: int | None = None) -> float:
    """Operations a second of a product of two square matrices, in FLOP/s."""
    N = size or PEAK_SIZES[device.type]
    a, b = (torch.randn(N, N, device=device).to(dtype) for _ in range(2))
    return rate(lambda: a @ b, 2 * N**3, seconds, device)


def flops_of(call: Callable[[], object]) -> int:
    """Operations of the convolutions and matrix products in a call, those of attention among them."""
    # Only attention written out as two products is counted on every device.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def resident_peak() -> int:
    """The most memory that this process has had resident, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would count what the process that started this one held
        found = re.search(r"VmHWM:\s*(\d+)", status.read_text())
        assert found, "the kernel tells the peak of every process"
        return 1024 * int(found[1])
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def in_fresh_process(function: Callable[..., T], *arguments: Any) -> T:
    """The function's result from a new Python process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def with_threads(threads: int, call: Callable[[], T]) -> T:
    """The result of the call, computed on this many cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return call()
    finally:
        torch.set_num_threads(before)


def seconds_until(command: Sequence[str], pattern: bytes) -> float:
    """Seconds from starting a command until it says the pattern. Raises RuntimeError if it fails or never does."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    assert process.stdout
    said, seconds = b"", None
    while part := process.stdout.read(4096):
        said += part
        if seconds is None and re.search(pattern, said):
            seconds = time.perf_counter() - start
    if process.wait() or seconds is None:
        raise RuntimeError(f"{' '.join(command)} did not get there: {said.decode(errors='replace')[-500:]}")
    return seconds
