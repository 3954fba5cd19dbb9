"""Our own training: how it scales, what each decision costs, how it goes beside other programs, where its time goes,
and how fast one device is."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from ddpm.commands.bench.contestants import Contestant, Own
from ddpm.commands.bench.tables import Table
from ddpm.commands.bench.time_to_quality import Panel
from ddpm.commands.bench.timing import (
    TRAINING_PASSES,
    Effort,
    flops_of,
    interleave,
    matrix_peak,
    medians,
    rate,
    seconds_of,
    with_threads,
)
from ddpm.config import Config, DataConfig
from ddpm.data.collection import SpriteData
from ddpm.data.loading import load_data
from ddpm.system.console import progress
from ddpm.training.optim import Muon

SIZES = (16, 24, 32, 48, 64)  # of images
CPU = torch.device("cpu")
BUSY_SECONDS = 4  # of a block beside other programs, for each of an effort: the system shares out cores in turns


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
    sizes = {size: load_data(folder, DataConfig(size=size, resize="nearest")) for size in SIZES}
    data, own, threads = sizes[16], config.model.for_size(16).widths or (), torch.get_num_threads()

    def with_batch(batch: int) -> Config:
        return replace(config, optim=replace(config.optim, batch=batch))

    def with_width(factor: float) -> Config:
        widths = tuple(8 * round(w * factor / 8) for w in own)
        return replace(config, model=replace(config.model, widths=widths))

    found = [Variant("batch", n, with_batch(n), data, threads) for n in (16, 32, 64, 128, 256)]
    found += [Variant("image size", size, config, d, threads) for size, d in sizes.items()]
    found += [Variant("width", round(own[0] * f), with_width(f), data, threads) for f in (0.5, 1.0, 1.5, 2.0)]
    return found + [Variant("cores", n, config, data, n) for n in (1, 2) if n <= (os.cpu_count() or 1)]


def scaling(changes: Sequence[Variant], effort: Effort) -> Table:
    """Sprites a second of our training against what is changed."""
    blocks = {}
    for v in changes:
        contestant = Own("ours", v.config, v.data, CPU)
        measure = partial(rate, contestant.step, contestant.batch, effort.seconds / 2, CPU)
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


def with_torchs_muon(contestant: Own) -> Own:
    """The same, stepped by torch's Muon, which computes in bfloat16 whatever the processor has."""
    parts = contestant.trainer.optimizers.parts
    for name, part in parts.items():
        if isinstance(part, Muon):
            parts[name] = torch.optim.Muon(part.param_groups, weight_decay=0.0)
    return contestant


def levers(config: Config, folder: Path, effort: Effort) -> Table:
    """Sprites a second of our training with one decision taken otherwise, and operations of a forward pass."""
    data = load_data(folder, DataConfig(config.size))
    model, optim = config.model.for_size(data.sprites.size), config.optim
    deepest = len(model.widths or ()) - 1
    others = {
        "as it is": config,
        "float32": replace(config, optim=replace(optim, precision="fp32")),
        "AdamW for all": replace(config, optim=replace(optim, optimizer="adamw")),
        "no attention": replace(config, model=replace(model, attention=())),
        "attention one level higher, too": replace(config, model=replace(model, attention=(deepest - 1, deepest))),
        "patches of 2x2": replace(config, model=replace(model, patch=2)),
    }
    if model.separable:
        others["whole convolutions"] = replace(config, model=replace(model, separable=()))
    if data.palette is not None:
        others["numbers for colours"] = replace(config, diffusion=replace(config.diffusion, prediction="x0"))
    entered = {name: Own("ours", other, data, CPU) for name, other in others.items()}
    entered["torch's Muon"] = with_torchs_muon(Own("ours", config, data, CPU))
    if (folder / "tags.csv").exists():
        entered["with tags"] = Own("ours", config, load_data(folder, DataConfig(config.size, tags=True)), CPU)
    blocks = {name: partial(rate, c.step, c.batch, effort.seconds, CPU) for name, c in entered.items()}
    found = medians(interleave(blocks, effort.rounds, "levers"))
    base = found["as it is"]
    rows = [(name, flops_of(c.forward) / 1e6, found[name], found[name] / base) for name, c in entered.items()]
    notes = ("of the speed alone: what a lever does to the sprites is told in docs/experiments.md",)
    return Table("Levers", ("", "MFLOP", "sprites/s", "ratio"), rows, notes)


@contextmanager
def programs(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many other programs, each of which keeps a core busy."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield others
    finally:
        for other in others:
            other.kill()
            other.wait()


def train_on(config: Config, data: SpriteData, begun: Event) -> None:
    """Train until this process is ended."""
    own = Own("another", config, data, CPU)
    while True:
        own.step()
        begun.set()


@contextmanager
def another_run(config: Config, data: SpriteData) -> Iterator[None]:
    """Such a training in another process."""
    context = get_context("spawn")
    begun = context.Event()
    other = context.Process(target=train_on, args=(config, data, begun), daemon=True)
    other.start()
    begun.wait()
    try:
        yield
    finally:
        other.kill()
        other.join()


def busy(config: Config, data: SpriteData, effort: Effort) -> Table:
    """Sprites a second of our training alone and beside others; and of the same training where every operation is split
    among the cores, as torch does it by itself."""
    own, split = Own("ours", config, data, CPU), Own("split", config, data, CPU)
    split.trainer.shared = split.trainer.accumulated  # type: ignore[method-assign]
    places: dict[str, Callable[[], AbstractContextManager[Any]]] = {
        "alone": partial(programs, 0),
        "beside a busy program": partial(programs, 1),
        "beside two": partial(programs, 2),
        "two runs at once, each": partial(another_run, config, data),
    }

    def measured(place: Callable[[], AbstractContextManager[Any]], contestant: Own) -> float:
        with place():
            return rate(contestant.step, contestant.batch, BUSY_SECONDS * effort.seconds, CPU)

    blocks = {f"{where} {c.name}": partial(measured, place, c) for where, place in places.items() for c in (own, split)}
    found = medians(interleave(blocks, min(effort.rounds, 3), "a busy machine"))
    rows = []
    for where in places:
        speeds = [found[f"{where} {name}"] for name in ("ours", "split")]
        alone = [found[f"alone {name}"] for name in ("ours", "split")]
        rows.append((where, speeds[0], speeds[0] / alone[0], speeds[1], speeds[1] / alone[1]))
    columns = ("", "sprites/s", "ratio", "each operation split: sprites/s", "ratio")
    notes = (f"on {torch.get_num_threads()} cores; ratio: to alone",)
    return Table("A busy machine", columns, rows, notes)


def profile(contestant: Contestant, steps: int = 5, most: int = 12) -> Table:
    """Where the time of a training step goes on one core, by torch's operators: what keeps it from the peak."""

    def profiled() -> torch.profiler.profile:
        contestant.step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
            for _ in range(steps):
                contestant.step()
        return found

    found = with_threads(1, profiled)
    events = sorted(found.key_averages(), key=lambda e: e.self_cpu_time_total, reverse=True)
    whole = sum(e.self_cpu_time_total for e in events)
    rows = [
        (e.key, e.self_cpu_time_total / steps / 1e3, e.self_cpu_time_total / whole, e.count // steps)
        for e in events[:most]
    ]
    return Table("A training step of ours, on one core", ("operator", "milliseconds", "share", "calls"), rows)


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
        row(f"sampling {sprites:,} guided sprites", sampled, 3.0, contestant.calls * sprites),
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
