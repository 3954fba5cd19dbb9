"""Contestants side by side: speed, memory, time to quality, set-up time.

What is compared is measured in turns, one short block each, over and over: a machine that slows down slows them all.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from ddpm.commands.bench.contestants import OWN, Contestant
from ddpm.commands.bench.tables import Table
from ddpm.commands.bench.time_to_quality import JUDGED_STEPS, Panel, Point
from ddpm.commands.bench.timing import (
    TRAINING_PASSES,
    Effort,
    flops_of,
    in_fresh_process,
    interleave,
    matrix_peak,
    medians,
    rate,
    ratios,
    resident_peak,
    seconds_of,
    seconds_until,
)

Maker = Callable[[], Contestant]
TIMED_STEPS = 12  # of a sampler; the seconds of one with more are scaled


def first_steps(make: Maker, steps: int) -> tuple[float, int]:
    """Train for some steps: the time of day at which the first was done, and the most memory that was resident."""
    contestant = make()
    contestant.step()
    done = time.time()
    for _ in range(steps - 1):
        contestant.step()
    return done, resident_peak()


@dataclass(frozen=True)
class Fresh:
    """What a contestant needs in a process of its own."""

    seconds: float
    """From the start of the process to the end of the first step."""
    memory: int
    """Resident at the peak of training, in bytes."""


def fresh(make: Maker, steps: int = 3) -> Fresh:
    """Train for some steps in a new process."""
    start = time.time()
    done, memory = in_fresh_process(first_steps, make, steps)
    return Fresh(done - start, memory)


def throughput(contestants: Sequence[Contestant], alone: dict[str, Fresh], effort: Effort, size: int) -> Table:
    """Training on the CPU, on sprites of `size` pixels: sprites a second, the share of the machine's peak, and the
    memory of each `alone`."""
    cpu = torch.device("cpu")
    peaks = {str(dtype).removeprefix("torch."): dtype for dtype in (torch.float32, torch.bfloat16)}
    blocks = {c.name: partial(rate, c.step, c.batch, effort.seconds, cpu) for c in contestants}
    blocks |= {precision: partial(matrix_peak, dtype, cpu) for precision, dtype in peaks.items()}
    found = medians(interleave(blocks, effort.rounds, f"throughput, {size}x{size}"))
    times = ratios({c.name: found[c.name] for c in contestants})
    rows = []
    for c in contestants:
        flops = flops_of(c.forward)
        speed = TRAINING_PASSES * flops * found[c.name]
        share = speed / found[c.precision]
        counts = (flops / 1e6, speed / 1e9, share, alone[c.name].memory / 1e6)
        rows.append((c.name, c.batch, c.precision, found[c.name], times[c.name], *counts))
    notes = [f"peak of a matrix product in {precision}: {found[precision] / 1e9:.0f} GFLOP/s" for precision in peaks]
    notes += [
        f"sprites/s: the median of {effort.rounds} rounds; ratio: to ours; peak: share of that of its precision",
        f"MFLOP: convolutions and matrix products of a forward pass, attention's too; training is {TRAINING_PASSES}",
        "MB: the most that was resident in a process of its own, Python and torch included",
    ]
    headings = ("", "batch", "precision", "sprites/s", "ratio", "MFLOP", "GFLOP/s", "peak", "MB")
    return Table(f"Training throughput, {size}x{size}", headings, rows, tuple(notes))


def sampling(contestants: Sequence[Contestant], scale: float, effort: Effort, size: int) -> Table:
    """Seconds for guided sprites of `size` pixels, each contestant by the sampler and steps that its users have."""
    cpu, N = torch.device("cpu"), effort.sprites
    labels = torch.zeros(N, dtype=torch.long)

    def block(c: Contestant) -> float:
        steps = min(c.steps, TIMED_STEPS)
        return seconds_of(lambda: c.sample(labels, scale, 0, steps, N), cpu) * c.steps / steps

    for c in contestants:
        c.sample(labels[:1], scale, 0, 2, 1)
    blocks = {c.name: partial(block, c) for c in contestants}
    found = medians(interleave(blocks, min(effort.rounds, 3), f"sampling, {size}x{size}", warmup=0))
    times = ratios(found)
    rows = [(c.name, c.sampler, c.steps, c.calls, found[c.name], times[c.name]) for c in contestants]
    notes = (
        f"{N} sprites at s = {scale:g}; ratio: to ours; calls of the network: for each sprite",
        f"samplers of more than {TIMED_STEPS} steps are timed over {TIMED_STEPS} and scaled",
    )
    return Table(f"Guided sampling, {size}x{size}", ("", "sampler", "steps", "calls", "seconds", "ratio"), rows, notes)


def quality(points: Sequence[Point], panel: Panel) -> Table:
    """Frechet distance and class accuracy after some minutes of training."""
    ours = {p.minutes: p.frechet_distance for p in points if p.name == "ours"}
    headings = ("", "minutes", "seconds", "sprites", "s", "Frechet", "ratio", "accuracy")
    rows = []
    for p in points:
        ratio = p.frechet_distance / ours[p.minutes] if p.minutes in ours else None
        rows.append((p.name, p.minutes, p.seconds, p.sprites, p.guidance, p.frechet_distance, ratio, p.class_accuracy))
    scales = " or ".join(f"{s:g}" for s in panel.scales)
    notes = (
        f"{len(panel.labels)} sprites judged, at s = {scales} for all; samplers take {JUDGED_STEPS} steps at most",
        "seconds: of training, as it took; ratio: of the Frechet distance to that of ours after as many minutes",
        f"{' and '.join(OWN)} are trained anew for each time, as their learning rate falls to zero; others in one run",
    )
    return Table("Time to quality", headings, rows, notes)


def setup(root: Path, config: Path, data: Path, category: str, alone: dict[str, Fresh]) -> Table:
    """Seconds until something is there: of the commands train.py and sample.py, and of contestants as measured."""
    with tempfile.TemporaryDirectory() as folder:
        run, scripts = f"{folder}/run", root / "scripts"
        brief = ("--steps", "1", "--log.every", "1", "--log.evaluate", "0", "--log.count", "1")
        train = (str(scripts / "train.py"), str(config), "--data", str(data), "--out", run, *brief)
        sample = (str(scripts / "sample.py"), run, "--guidance", "2", "--categories", category, "--count", "1")
        first_step = seconds_until((sys.executable, *train), rb"\b1/1 \[")
        first_sprite = seconds_until((sys.executable, *sample, "--out", f"{folder}/grid.png"), rb"\b1/1 \[")
    rows = [("scripts/train.py", "first step", first_step), ("scripts/sample.py", "first sprite", first_sprite)]
    rows += [(name, "first step, in a process of its own", f.seconds) for name, f in alone.items()]
    notes = ("seconds from the start of the command or process; the latter has its sprites given",)
    return Table("Set-up time", ("", "until", "seconds"), rows, notes)
