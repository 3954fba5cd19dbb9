"""Curves and pairs as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from torch import Tensor

from ddpm.data.tensors import to_uint8
from ddpm.evaluation.report import Report, Results
from ddpm.show.grids import labelled_grid

LOSSES = {"loss/train": "training sprites, some tags hidden", "loss/validation": "held-out sprites, all tags given"}

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tradeoff(report: Report) -> Image.Image:
    """Frechet distance and recall against class accuracy, a point for each scale (as Ho & Salimans 2022, figure 4).

    The floor of the Frechet distance is that of as many training sprites, since it grows with fewer sprites.
    """
    figure, rows = new_figure(9, 4), report.asking()
    floors = {"frechet_distance": report.training, "recall": report.held_out}
    for axes, (key, floor) in zip(figure.subplots(1, 2), floors.items(), strict=True):
        x, y = ([r.figures[k] for r in rows] for k in ("class_accuracy", key))
        x_error, y_error = ([r.errors[k] for r in rows] for k in ("class_accuracy", key))
        axes.errorbar(x, y, y_error, x_error, "o-", markersize=4, linewidth=1, capsize=2)
        for r, at in zip(rows, zip(x, y, strict=True), strict=True):
            axes.annotate(f" {r.guidance:g}", at, textcoords="offset points", xytext=(3, 5))
        if floor:
            axes.axhline(floor.figures[key], color="black", linestyle=":", linewidth=1, label=f"{floor.name} sprites")
            axes.legend()
        axes.set(xlabel="class accuracy", ylabel=key.replace("_", " ").replace("frechet", "Frechet"))
        axes.grid(alpha=0.3)
    figure.axes[0].set_yscale("log")
    figure.suptitle("Guidance scales s: likeness against nearness and variety")
    return picture(figure)


def gap_curves(by_name: dict[str, list[tuple[float, float]]]) -> Image.Image:
    """Mean length of cond - uncond over the noise level, a curve each: where in sampling the category matters."""
    figure = new_figure(6, 4)
    axes = figure.subplots()
    for name, points in by_name.items():
        axes.plot(*zip(*points, strict=True), "o-", markersize=3, linewidth=1, label=name)
    axes.set(xscale="log", xlabel="noise level sigma / alpha", ylabel="|cond - uncond|, root mean square of x0")
    axes.invert_xaxis()
    axes.grid(alpha=0.3)
    axes.legend()
    return picture(figure)


def training_curves(run: Path) -> Image.Image:
    """The losses of a run over its steps, from its TensorBoard files. Raises ValueError if it has none."""
    if not (run / "tb").is_dir():
        raise ValueError(f"{run} has no folder tb with the curves of its training")
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    events = EventAccumulator(str(run / "tb"), size_guidance={SCALARS: 0})
    events.Reload()
    names = [name for name in LOSSES if name in events.Tags()["scalars"]]
    if not names:
        raise ValueError(f"{run}/tb has no curves of losses")
    figure = new_figure(9, 3.5)
    axes = figure.subplots()
    for name in names:
        points = [(event.step, event.value) for event in events.Scalars(name)]
        axes.plot(*zip(*points, strict=True), linewidth=1, label=LOSSES[name])
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return picture(figure)


def likeness(rows: Sequence[Mapping[str, float]]) -> Image.Image:
    """The share of pixels that stay over the strength of a change."""
    figure = new_figure(4.5, 3)
    axes, names = figure.subplots(), list(rows[0])
    axes.plot(*([row[name] for row in rows] for name in names), "o-", markersize=4, linewidth=1)
    axes.set(xlabel=names[0], ylabel=names[1], ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    return picture(figure)


def pairs(generated: Tensor, training: Tensor) -> Image.Image:
    """Generated sprites [N, C, H, W] above their nearest training sprites."""
    cells = np.stack([to_uint8(generated), to_uint8(training)])[:, :, None]
    return labelled_grid(cells, ["generated", "training"], [""] * len(generated))


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, width x height in inches."""
    from matplotlib.figure import Figure  # takes a third of a second

    return Figure(figsize=(width, height), layout="constrained")


def picture(figure: "Figure") -> Image.Image:
    """A matplotlib figure as an RGB picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def curves(results: Results, facets: Sequence[str]) -> Image.Image:
    """Accuracy of each facet asked for alone over the guidance scale, and the variety of the others together."""
    figure, scales = new_figure(9, 4), sorted(results)
    shown, varies = figure.subplots(1, 2)
    for facet in facets:
        found = [r for s in scales for r in results[s] if r.name == facet]
        if not found:
            continue
        shown.plot(scales, [r.accuracy[facet] for r in found], "o-", markersize=4, linewidth=1, label=facet)
        varies.plot(scales, [r.variety_together for r in found], "o-", markersize=4, linewidth=1)
    shown.set(ylabel="accuracy of the facet")
    varies.set(ylabel="entropy of the other facets, real = 1")
    for axes in (shown, varies):
        axes.set(xlabel="guidance scale s")
        axes.grid(alpha=0.3)
    figure.legend(loc="outside right center")
    figure.suptitle("One facet asked for alone: is it shown, and does the rest still vary?")
    return picture(figure)
