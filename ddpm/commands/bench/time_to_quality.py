"""Time to quality: contestants train for some minutes each and are judged by the same judge."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import torch

from ddpm.commands.bench.contestants import OWN, Contestant
from ddpm.commands.bench.timing import seconds_of
from ddpm.evaluation.judge import Judge
from ddpm.system.console import progress

OnSeconds = Callable[[float], object]
JUDGED_STEPS = 20  # of a sampler at most, when its sprites are judged; more would not fit into the hour
BASELINE_MINUTES = 4  # of baseline16 beside others, in one training; neither would more


@dataclass(frozen=True)
class Point:
    """How good the sprites of a contestant are after a time of training."""

    name: str
    minutes: float
    seconds: float
    """Of training, as it took."""
    sprites: int
    guidance: float
    frechet_distance: float
    class_accuracy: float


class Panel:
    """Judges contestants, always by the same sprites per category, scales and seed."""

    def __init__(self, judge: Judge, per_category: int, scales: Sequence[float], seed: int = 0):
        self.judge, self.scales, self.seed = judge, scales, seed
        self.labels = torch.arange(len(judge.data.sprites.categories)).repeat_interleave(per_category)

    def __call__(self, contestant: Contestant) -> tuple[float, float, float]:
        """Guidance scale, Frechet distance and class accuracy, at the scale with the lowest distance."""
        found = []
        for scale in self.scales:
            x = contestant.sample(self.labels, scale, self.seed, min(contestant.steps, JUDGED_STEPS), 100)
            figures = self.judge(x, self.labels)
            found.append((figures["frechet_distance"], scale, figures["class_accuracy"]))
        distance, scale, accuracy = min(found)
        return scale, distance, accuracy


def train(
    contestant: Contestant, on_seconds: OnSeconds, *, steps: float = math.inf, seconds: float = math.inf
) -> tuple[int, float]:
    """Train until so many steps are done or so many seconds have passed; returns both as they were at the end."""
    done, spent = 0, 0.0
    while done < steps and spent < seconds:
        taken = seconds_of(contestant.step, torch.device("cpu"))
        done, spent = done + 1, spent + taken
        on_seconds(taken)
    return done, spent


def in_one_run(contestant: Contestant, minutes: Sequence[float], panel: Panel, on_seconds: OnSeconds) -> list[Point]:
    """One training, judged on its way, whose time does not count."""
    points, steps, spent = [], 0, 0.0
    for m in sorted(minutes):
        more, seconds = train(contestant, on_seconds, seconds=60 * m - spent)
        steps, spent = steps + more, spent + seconds
        points.append(Point(contestant.name, m, spent, steps * contestant.batch, *panel(contestant)))
    return points


def seconds_a_step(contestant: Contestant, warmup: int = 3, steps: int = 10) -> float:
    """Train an untrained contestant for a few steps; the median of those after the first few."""
    return median([seconds_of(contestant.step, torch.device("cpu")) for _ in range(warmup + steps)][warmup:])


def in_runs(
    make: Callable[..., Contestant], minutes: Sequence[float], panel: Panel, on_seconds: OnSeconds
) -> list[Point]:
    """A training for each of the times, of as many steps as fit into it; `make(steps=...)` takes their number."""
    points, pace = [], seconds_a_step(make(steps=1000))
    for m in sorted(minutes):
        planned = max(1, round(60 * m / pace))
        contestant = make(steps=planned)
        steps, spent = train(contestant, on_seconds, steps=planned)
        pace = spent / steps
        points.append(Point(contestant.name, m, spent, steps * contestant.batch, *panel(contestant)))
    return points


def minutes_for(name: str, minutes: Sequence[float], alone: bool) -> Sequence[float]:
    """The times after which this contestant is judged."""
    return minutes if alone or name != "baseline16" else (min(BASELINE_MINUTES, max(minutes)),)


def compete(makers: Mapping[str, Callable[..., Contestant]], minutes: Sequence[float], panel: Panel) -> list[Point]:
    """How good each is after some minutes of training. The makers of our own configs take a number of steps."""
    plans = {name: minutes_for(name, minutes, len(makers) == 1) for name in makers}
    total = 60 * sum(sum(plan) if name in OWN else max(plan) for name, plan in plans.items())
    points: list[Point] = []
    with progress(total=total, bar_format="{desc}{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s", leave=False) as bar:

        def on_seconds(seconds: float) -> None:
            bar.update(min(seconds, total - bar.n))

        for name, plan in plans.items():
            bar.set_description(f"training {name}")
            if name in OWN:
                points += in_runs(makers[name], plan, panel, on_seconds)
            else:
                points += in_one_run(makers[name](), plan, panel, on_seconds)
    return points
