"""Measuring contestants side by side: speed, memory, time to quality, scaling, set-up time, and the tables of these.

What is compared is measured in turns, one short block each, over and over: a machine that slows down slows them all.
"""

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from ddpm.commands.bench.peers import OWN, Contestant, Own
from ddpm.commands.bench.time_to_quality import JUDGED_STEPS, Panel, Point
from ddpm.commands.bench.timing import (
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
    with_threads,
)
from ddpm.config import Config
from ddpm.data.collection import SpriteData
from ddpm.data.loading import load_data
from ddpm.system.console import progress

Maker = Callable[[], Contestant]
TRAINING_PASSES = 3  # operations of a training step in forward passes: the backward pass takes two
TIMED_STEPS = 12  # of a sampler; the seconds of one with more are scaled


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


FULL, QUICK = Effort(5, 1.0, 100, 128), Effort(2, 0.3, 20, 32)


@dataclass(frozen=True)
class Table:
    """Results of one section: rows of text and numbers under headings, and lines to read them by."""

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        lines = [self.headings, ("---",) * len(self.headings), *self.rows]
        table = "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines)
        return f"## {self.title}\n\n{table}" + "".join(f"\n- {note}" for note in self.notes) + "\n"


def cell(value: Any) -> str:
    """A number with three digits at least, thousands apart; None is empty."""
    if isinstance(value, float) and math.isfinite(value):
        digits = 0 if value.is_integer() else 2 - math.floor(math.log10(abs(value)))
        return f"{value:,.{max(0, digits)}f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def write_results(tables: Sequence[Table], about: dict[str, Any], path: Path) -> None:
    """Write the tables as Markdown to `path`, and all figures as JSON beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = "# Benchmark\n\n" + "".join(f"- {name}: {value}\n" for name, value in about.items())
    path.with_suffix(".md").write_text("\n".join([head, *(t.markdown() for t in tables)]), encoding="utf-8")
    values = {"about": about, "tables": [asdict(t) for t in tables]}
    path.with_suffix(".json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


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


# Speed


def throughput(contestants: Sequence[Contestant], alone: dict[str, Fresh], effort: Effort) -> Table:
    """Training on the CPU: sprites a second, the share of the machine's peak, and the memory of each `alone`."""
    cpu = torch.device("cpu")
    peaks = {str(dtype).removeprefix("torch."): dtype for dtype in (torch.float32, torch.bfloat16)}
    blocks = {c.name: partial(rate, c.step, c.batch, effort.seconds, cpu) for c in contestants}
    blocks |= {precision: partial(matrix_peak, dtype, cpu) for precision, dtype in peaks.items()}
    found = medians(interleave(blocks, effort.rounds, "throughput"))
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
    return Table("Training throughput", headings, rows, tuple(notes))


def sampling(contestants: Sequence[Contestant], scale: float, effort: Effort) -> Table:
    """Seconds for guided sprites, each contestant by the sampler and steps that its users have."""
    cpu, N = torch.device("cpu"), effort.sprites
    labels = torch.zeros(N, dtype=torch.long)

    def block(c: Contestant) -> float:
        steps = min(c.steps, TIMED_STEPS)
        return seconds_of(lambda: c.sample(labels, scale, 0, steps, N), cpu) * c.steps / steps

    for c in contestants:
        c.sample(labels[:1], scale, 0, 2, 1)
    blocks = {c.name: partial(block, c) for c in contestants}
    found = medians(interleave(blocks, min(effort.rounds, 3), "sampling", warmup=0))
    times = ratios(found)
    rows = [(c.name, c.sampler, c.steps, 2 * c.steps, found[c.name], times[c.name]) for c in contestants]
    notes = (
        f"{N} sprites at s = {scale:g}; ratio: to ours; calls of the network: for each sprite",
        f"samplers of more than {TIMED_STEPS} steps are timed over {TIMED_STEPS} and scaled",
    )
    return Table("Guided sampling", ("", "sampler", "steps", "calls", "seconds", "ratio"), rows, notes)


# Time to quality


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


# Scaling


def growth(points: Sequence[tuple[float, float]]) -> float:
    """The power p of y ~ x^p that fits best."""
    x, y = np.log(np.asarray(points, dtype=float)).T
    return float(np.polyfit(x, y, 1)[0])


@dataclass(frozen=True)
class Variant:
    """Our training with one thing changed."""

    what: str
    value: int
    config: Config
    data: SpriteData
    threads: int


def variants(config: Config, folder: Path) -> list[Variant]:
    """Batch sizes, image sizes (by repeating pixels), widths of the first level, and cores."""
    sizes = {size: load_data(folder, size=size, resize="nearest") for size in (16, 32, 64)}
    data, first, threads = sizes[16], config.model.widths[0], torch.get_num_threads()

    def with_batch(batch: int) -> Config:
        return replace(config, optim=replace(config.optim, batch=batch))

    def with_width(factor: float) -> Config:
        widths = tuple(8 * round(w * factor / 8) for w in config.model.widths)
        return replace(config, model=replace(config.model, widths=widths))

    found = [Variant("batch", n, with_batch(n), data, threads) for n in (16, 32, 64, 128, 256)]
    found += [Variant("image size", size, config, d, threads) for size, d in sizes.items()]
    found += [Variant("width", round(first * f), with_width(f), data, threads) for f in (0.5, 1.0, 1.5, 2.0)]
    return found + [Variant("cores", n, config, data, n) for n in (1, 2) if n <= (os.cpu_count() or 1)]


def scaling(changes: Sequence[Variant], effort: Effort) -> Table:
    """Sprites a second of our training against what is changed."""
    cpu, blocks = torch.device("cpu"), {}
    for v in changes:
        contestant = Own("ours", v.config, v.data, cpu)
        measure = partial(rate, contestant.step, contestant.batch, effort.seconds / 2, cpu)
        blocks[f"{v.what} {v.value}"] = partial(with_threads, v.threads, measure)
    found = medians(interleave(blocks, min(effort.rounds, 3), "scaling"))
    rows, notes = [], []
    for what in dict.fromkeys(v.what for v in changes):
        points = [(v.value, found[f"{what} {v.value}"]) for v in changes if v.what == what]
        rows += [(what, value, speed, speed / points[0][1]) for value, speed in points]
        if len(points) > 1:
            (low, slow), (high, fast) = points[0], points[-1]
            power = f"sprites/s ~ {what}^{growth(points):.2f}"
            notes.append(f"{what}: {power}; {fast / slow:.2f} times as many at {high} as at {low}")
    return Table("Scaling", ("", "value", "sprites/s", "ratio"), rows, tuple(notes))


# Levers


def levers(config: Config, folder: Path, effort: Effort) -> Table:
    """Sprites a second of our training with one decision taken otherwise, and operations of a forward pass."""
    cpu, data = torch.device("cpu"), load_data(folder, size=config.size)
    model, optim, deepest = config.model, config.optim, len(config.model.widths) - 1
    others = {
        "as it is": config,
        "float32": replace(config, optim=replace(optim, precision="fp32")),
        "AdamW for all": replace(config, optim=replace(optim, optimizer="adamw")),
        "no attention": replace(config, model=replace(model, attention=())),
        "attention one level higher, too": replace(config, model=replace(model, attention=(deepest - 1, deepest))),
        "patches of 2x2": replace(config, model=replace(model, patch=2)),
    }
    entered = {name: Own("ours", other, data, cpu) for name, other in others.items()}
    if (folder / "tags.csv").exists():
        entered["with tags"] = Own("ours", config, load_data(folder, size=config.size, tags=True), cpu)
    blocks = {name: partial(rate, c.step, c.batch, effort.seconds, cpu) for name, c in entered.items()}
    found = medians(interleave(blocks, effort.rounds, "levers"))
    base = found["as it is"]
    rows = [(name, flops_of(c.forward) / 1e6, found[name], found[name] / base) for name, c in entered.items()]
    notes = ("of the speed alone: what a lever does to the sprites is told in docs/performance.md",)
    return Table("Levers", ("", "MFLOP", "sprites/s", "ratio"), rows, notes)


def profile(contestant: Contestant, steps: int = 5, most: int = 12) -> Table:
    """Where the time of a training step goes, by torch's operators: what keeps it from the peak."""
    contestant.step()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
        for _ in range(steps):
            contestant.step()
    events = sorted(found.key_averages(), key=lambda e: e.self_cpu_time_total, reverse=True)
    total = sum(e.self_cpu_time_total for e in events)
    rows = [
        (e.key, e.self_cpu_time_total / steps / 1e3, e.self_cpu_time_total / total, e.count // steps)
        for e in events[:most]
    ]
    return Table("A training step of ours", ("operator", "milliseconds", "share", "calls"), rows)


# Set-up time


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


# On a GPU


def on_device(config: Config, data: SpriteData, device: torch.device, panel: Panel, sprites: int, batch: int) -> Table:
    """Train `config` from nothing and sample `sprites` guided sprites, `batch` at a time, on one device."""
    dtype = torch.bfloat16
    peak = median(matrix_peak(dtype, device) for _ in range(3))
    contestant, scale = Own("ours", config, data, device), panel.scales[0]
    trained = seconds_of(lambda: train_all(contestant, config.steps), device)
    labels = torch.arange(sprites) % len(data.sprites.categories)
    contestant.sample(labels[:batch], scale, 1, contestant.steps, batch)
    sampled = seconds_of(lambda: contestant.sample(labels, scale, 0, contestant.steps, batch), device)
    flops, seen = flops_of(contestant.forward), config.steps * config.optim.batch
    _, distance, accuracy = panel(contestant)

    def row(what: str, seconds: float, target: float, passes: int) -> tuple[Any, ...]:
        return what, seconds, target, passes * flops / seconds / 1e9, passes * flops / seconds / peak

    rows = [
        row(f"training on {seen:,} sprites", trained, 60.0, TRAINING_PASSES * seen),
        row(f"sampling {sprites:,} guided sprites", sampled, 3.0, 2 * contestant.steps * sprites),
    ]
    notes = (
        f"Frechet distance {distance:.3f}, class accuracy {accuracy:.3f}: {len(panel.labels)} sprites, s = {scale:g}",
        f"peak of a matrix product in bfloat16: {peak / 1e12:.3g} TFLOP/s; trained in {contestant.precision}",
        "targets are for one CUDA GPU",
    )
    return Table("One device", ("", "seconds", "target", "GFLOP/s", "peak"), rows, notes)


def train_all(contestant: Contestant, steps: int) -> None:
    for _ in progress(range(steps), "training", unit="step", leave=False):
        contestant.step()


def machine(device: torch.device) -> dict[str, str]:
    """What the figures were measured on."""
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    return {"torch": torch.__version__, "device": f"{device.type}, {kind}", "threads": str(torch.get_num_threads())}
