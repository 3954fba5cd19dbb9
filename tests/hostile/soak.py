"""A run that trains, saves, evaluates, is sampled from, stopped, killed and resumed for MINUTES (30), watched from
outside: memory, threads, open files and what it keeps on the disk may not grow. Half of the time another process keeps
one core busy. `make test` leaves it out.

    make soak MINUTES=3        or        MINUTES=3 python -m pytest -s tests/hostile/soak.py
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, mode

import pytest
from conftest import ROOT, SMALL, command
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

MINUTES = float(os.environ.get("MINUTES", "30"))
LIVES = [(1 / 3, signal.SIGTERM)] + [(1 / 9, end) for end in 3 * (signal.SIGKILL, signal.SIGTERM)]  # share of the time
FOR_EVER = 10_000_000  # steps
BUSY = 30  # seconds that the other process works, and then rests
GROWTH = 3  # MB that the median of the memory may rise from the middle to the last third of the long life
# glibc gives freed memory back at once, so that what a process has is what it needs.
EXACT = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}

EVERY = {"loss/train": 10, "loss/validation": 50, "samples/blank": 100, "evaluation/class_accuracy": 100}  # steps
SETTINGS = ["--log.every", 10, "--log.validate", 50, "--log.snapshot", 100, "--log.count", 1, "--log.guidance", 0, 2]
SETTINGS += ["--log.evaluate", 100, "--log.evaluate-count", 4, "--log.checkpoint", 25, "--log.early", 0]
SETTINGS += ["--val-fraction", 0.5, "--diffusion.timesteps", 50, *SMALL]


@dataclass
class Life:
    """Of one process that trains: what is seen of it every second from its first checkpoint on, and what it leaves."""

    end: signal.Signals
    memory: list[float] = field(default_factory=list)  # MB
    handles: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)  # MB of checkpoints and weights
    steps: int = 0
    curves: float = 0.0  # MB

    def look(self, pid: int, run: Path) -> None:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        self.memory.append(int(status["VmRSS"].split()[0]) / 1024)
        self.threads.append(int(status["Threads"]))
        self.handles.append(len(os.listdir(f"/proc/{pid}/fd")))
        self.kept.append(kept(run))

    def row(self) -> str:
        middle, last = map(median, thirds(self.memory))
        return (
            f"{self.end.name} {len(self.memory) / 60:8.1f} {self.steps:6d} {middle:8.1f} {last:8.1f} "
            f"{max(self.memory):8.1f} {mode(self.handles):8d} {mode(self.threads):8d} "
            f"{self.kept[-1]:8.2f} {max(self.kept):8.2f} {1e3 * self.curves / self.steps:8.3f}"
        )


HEADER = """                           memory, MB                            kept, MB   curves, MB
        minutes  steps   middle     last     most    files  threads   at end     most per 1000"""


def thirds(values: list[float]) -> tuple[list[float], list[float]]:
    """The middle and the last third; the first is to warm up."""
    n = len(values) // 3
    return values[n : 2 * n], values[-n:]


def megabytes(folder: Path, pattern: str) -> float:
    """Size of the files that are there; one may go at any time."""
    sizes = []
    for path in folder.glob(pattern):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            continue
    return sum(sizes) / 2**20


def kept(run: Path) -> float:
    """Megabytes of weights and checkpoints."""
    return megabytes(run, "*.safetensors") + megabytes(run, "checkpoints/*")


def newest_step(run: Path) -> int:
    return max((int(path.stem[-8:]) for path in run.glob("checkpoints/step_*.safetensors")), default=0)


def train(out: Path, steps: int, *more: str) -> list[str]:
    config = out.with_name("c.toml")
    config.write_text("")
    return command("train", config, "--data", ROOT / "sprites", "--out", out, "--steps", steps, *SETTINGS, *more)


def live(run: Path, seconds: float, end: signal.Signals) -> Life:
    """Train for so long, or on from where the last one ended; draw samples beside it, four times."""
    life, before = Life(end), newest_step(run)
    draw = command("sample", run, "--guidance", 2, "--count", 2, "--steps", 5, "--out", run.with_name("grid.png"))
    samplers, start = [], time.monotonic()
    with open(run.with_name("train.log"), "wb") as log:
        go_on = ["--resume"] if before else []
        process = subprocess.Popen(train(run, FOR_EVER, *go_on), stdout=log, stderr=log, env=os.environ | EXACT)
        try:
            while (passed := (time.monotonic() - start) / seconds) < 1:
                time.sleep(1)
                assert process.poll() is None, Path(log.name).read_text()
                if newest_step(run) > before:
                    life.look(process.pid, run)
                if passed > (len(samplers) + 1) / 5:
                    samplers.append(
                        subprocess.Popen(draw, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                    )
            process.send_signal(end)
            process.wait(60)
        finally:
            process.kill()
    assert process.returncode == (128 + end if end == signal.SIGTERM else -end), Path(log.name).read_text()
    for sampler in samplers:
        told = sampler.communicate(timeout=60)[1]
        assert sampler.returncode == 0, told
    life.kept.append(kept(run))
    life.steps = newest_step(run) - before
    life.curves = max((run / "tb").iterdir()).stat().st_size / 2**20  # the newest file
    return life


@contextmanager
def busy_half_of_the_time() -> Iterator[None]:
    """Another process, which takes all that it gets of one core for `BUSY` seconds, and then none of it for as long."""
    script = f"""import time
while True:
    end = time.monotonic() + {BUSY}
    while time.monotonic() < end:
        pass
    time.sleep({BUSY})"""
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def check_curves(run: Path, steps: int) -> None:
    """Neither a step twice nor one that lacks; groups that may be empty for a while have none twice."""
    found = EventAccumulator(str(run / "tb"), size_guidance={"scalars": 0}).Reload()
    for name in found.Tags()["scalars"]:
        points = [event.step for event in found.Scalars(name)]
        assert points == sorted(set(points)), name
    for name, every in EVERY.items():
        assert [event.step for event in found.Scalars(name)] == list(range(every, steps + 1, every)), name


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory and open files are read from /proc")
def test_soak(tmp_path):
    run, lives = tmp_path / "run", []
    subprocess.run(train(tmp_path / "first", 1), check=True, capture_output=True)  # leaves a judge for the others
    print(f"\n{HEADER}")
    with busy_half_of_the_time():
        for share, end in LIVES:
            lives.append(live(run, share * MINUTES * 60, end))
            print(lives[-1].row(), flush=True)
    long, steps = lives[0], newest_step(run)
    pictures = megabytes(run, "samples/*")
    print(f"{steps} steps; pictures {1e3 * pictures / steps:.3f} MB per 1000 steps")

    middle, last = map(median, thirds(long.memory))
    assert last - middle < GROWTH, f"the memory grows by {last - middle:.1f} MB"
    for values in ("handles", "threads"):
        found = {mode(third) for life in lives for third in thirds(getattr(life, values))}
        assert len(found) == 1, f"{values}: {found}"
    whole = [life.kept[-1] for life in lives if life.end == signal.SIGTERM]
    assert max(whole) < 1.01 * min(whole), "what is kept grows"
    assert max(max(life.kept) for life in lives) < 2 * whole[0]
    check_curves(run, steps)

    names = {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}
    shown = {f"samples/{kind}_{step:07d}.png" for kind in ("grid", "path") for step in range(100, steps + 1, 100)}
    weights = {f"{name}.safetensors" for name in ("model", "early", "best")}
    checkpoints = {name for name in names if name.startswith("checkpoints/step_")}
    curves = {name for name in names if name.startswith("tb/")}
    assert len(checkpoints) == 2 and len(curves) == len(lives)
    assert names == {"config.toml"} | weights | shown | checkpoints | curves  # no .part, nothing set aside as damaged
