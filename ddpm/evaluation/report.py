"""Tables of a sweep, a comparison and a measurement of facets; the scales to use, and the verdict on copies."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, get_args

import torch
from tabulate import tabulate
from torch import Tensor

from ddpm.diffusion.guidance import guidance_labels
from ddpm.diffusion.schedule import Schedule
from ddpm.evaluation.copies import Verdict, verdict
from ddpm.evaluation.judge import HELD_OUT, TRAINING, Measured
from ddpm.evaluation.metrics import METRICS, Table
from ddpm.evaluation.tag_judge import SEEN_TOGETHER, FacetResult
from ddpm.system.distributed import summed


@dataclass(frozen=True)
class Choice:
    """A guidance scale to use, and why."""

    use: str
    guidance: float
    reason: str


def scale_of(row: Measured) -> float:
    """The guidance scale of sprites that were sampled."""
    assert row.guidance is not None, row.name
    return row.guidance


class Report:
    """The figures of sets of sprites, and what follows from them."""

    def __init__(self, rows: Sequence[Measured]):
        self.rows = list(rows)
        self.held_out, self.training = (next((r for r in rows if r.name == n), None) for n in (HELD_OUT, TRAINING))
        self.scales = sorted((r for r in rows if r.guidance is not None), key=scale_of)

    def table(self) -> str:
        """The figures with their standard errors as text, in a table for each kind."""
        tables = ([k for k in self.shown() if METRICS[k].table == table] for table in get_args(Table))
        return "\n".join(text_table(*self.cells(keys)) for keys in tables)

    def markdown(self) -> str:
        """All figures with their standard errors as one Markdown table."""
        return markdown_table(*self.cells(self.shown()))

    def shown(self) -> list[str]:
        """The metrics that apply to these sprites, in the order of their table."""
        return [key for key in METRICS if any(key in row.figures for row in self.rows)]

    def cells(self, keys: Sequence[str]) -> tuple[list[str], list[list[str]]]:
        """Headings and rows of a table of some of the metrics."""
        head = ["", "sprites", *(METRICS[key].heading for key in keys)]
        return head, [
            [r.name, str(r.sprites), *(cell(r.figures, r.errors, key, METRICS[key].digits) for key in keys)]
            for r in self.rows
        ]

    def text(self) -> str:
        """The tables, the choices and the verdict on copies."""
        lines = [f"{c.use}: s = {c.guidance:g}, {c.reason}" for c in self.choices()]
        return "\n".join([self.table(), *lines, *self.memorisation()]) + "\n"

    def json(self) -> dict[str, Any]:
        """All of it as plain values."""
        rows = [asdict(r) for r in self.rows]
        verdicts = {r.name: asdict(self.verdict(r)) for r in self.scales}
        return {"rows": rows, "choices": [asdict(c) for c in self.choices()], "memorisation": verdicts}

    def asking(self) -> list[Measured]:
        """The scales that ask for the category, those above 0; all of them if none does."""
        return [r for r in self.scales if scale_of(r) > 0] or self.scales

    def choices(self) -> list[Choice]:
        """The scale to take for each of three uses; none if no scale above 0 was tried."""
        rows = [r for r in self.scales if scale_of(r) > 0]
        if not rows:
            return []
        top = max(rows, key=lambda r: r.figures["class_accuracy"])
        near = top.figures["class_accuracy"] - top.errors["class_accuracy"]
        faithful = min((r for r in rows if r.figures["class_accuracy"] >= near), key=scale_of)
        enough = 0.9 * (self.held_out.figures["class_accuracy"] if self.held_out else 1)
        right = [r for r in rows if r.figures["class_accuracy"] >= enough]
        diverse = max(right, key=lambda r: r.figures["recall"], default=top)
        wide = f"the best recall with an accuracy of {enough:.3f} or more"
        best = f"the best accuracy, as none reaches {enough:.3f}"
        balanced = min(rows, key=lambda r: r.figures["frechet_distance"])
        return [
            Choice("most faithful", scale_of(faithful), "the lowest within an error of the best accuracy"),
            Choice("most diverse", scale_of(diverse), wide if right else best),
            Choice("balanced", scale_of(balanced), "the lowest Frechet distance"),
        ]

    def verdict(self, row: Measured) -> Verdict:
        """Whether this row holds more copies of training sprites than the held-out ones do."""
        held_out = (self.held_out.copies, self.held_out.sprites) if self.held_out else None
        return verdict((row.copies, row.sprites), held_out)

    def memorisation(self) -> list[str]:
        """The verdict on the scale with the most copies, in a line."""
        if not self.scales:
            return []
        row = max(self.scales, key=lambda r: r.figures["copies"])
        found = self.verdict(row)
        rates = f"{found.generated:.1%} of the samples at {row.name} are copies of training sprites"
        if found.held_out is None:
            return [f"memorising: unknown; {rates}, and there are no held-out sprites to compare with"]
        answer = {True: "yes", False: "no", None: "unclear, too few sprites were held out"}[found.memorises]
        return [f"memorising: {answer}; {rates}, {found.held_out:.1%} of the held-out sprites (p = {found.p:.2g})"]


def cell(figures: Mapping[str, float], errors: Mapping[str, float], key: str, digits: int) -> str:
    """A figure with its standard error, or nothing where it does not apply."""
    return f"{figures[key]:.{digits}f} ±{errors[key]:.{digits}f}" if key in figures else ""


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a terminal: names to the left, figures to the right."""
    sides = ["left", *["right"] * (len(head) - 1)]
    return tabulate(rows, head, tablefmt="plain", disable_numparse=True, colalign=sides) + "\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns are aligned, to be read as it is too."""
    return tabulate(rows, head, tablefmt="github", disable_numparse=True) + "\n"


class Gaps:
    """Collects, as the `on_gap` of a `Sampler`, the mean length of cond - uncond at each of T timesteps."""

    def __init__(self, T: int) -> None:
        self.sums = torch.zeros(2, T, dtype=torch.float64)  # of the lengths, and of how many there are

    def __call__(self, t: Tensor, gap: Tensor) -> None:
        self.sums.index_add_(1, t.cpu(), torch.stack([gap, torch.ones_like(gap)]).double().cpu())

    def means(self, schedule: Schedule, device: torch.device) -> list[tuple[float, float]]:
        """(noise level sigma / alpha, mean length) of each timestep at which both predictions were made, the noisiest
        first. The means are over all processes, each of which must call this with its device."""
        levels = (schedule.sigma / schedule.alpha).tolist()
        sums = summed(self.sums.to(device)).cpu()
        lengths = (sums[0] / sums[1]).tolist()
        return [(levels[t], lengths[t]) for t in reversed(range(len(levels))) if sums[0, t] and levels[t] < math.inf]


Results = Mapping[float, Sequence[FacetResult]]  # by guidance scale


def facet_table(results: Sequence[FacetResult], facets: Sequence[str], name: str) -> str:
    """A row for each question, a column for each facet: accuracy where it was asked for, else (variety); then the share
    that shows all that was asked for and its error, the variety of all that is left open, and the Frechet distance."""
    rows = []
    for r in results:
        cells = {f: f"({share:.2f})" for f, share in r.variety.items()} | {f: f"{a:.3f}" for f, a in r.accuracy.items()}
        error = "" if r.error is None else f" ±{r.error:.3f}"
        asked = f"{r.together:.3f}{error}" if r.accuracy else ""
        rest = "" if r.variety_together is None else f"({r.variety_together:.2f})"
        distance = "" if r.frechet is None else f"{r.frechet:.2f}"
        rows.append([r.name, *(cells.get(f, "") for f in facets), asked, rest, distance])
    return markdown_table([name, *facets, "all asked", "all open", "Frechet"], rows)


def pair_table(results: Results, real: Sequence[FacetResult]) -> str:
    """The share of sprites that show all that they are asked for, of `TagJudge.pairs`: real ones, then a column for
    each scale."""
    rows = [(row[0].name, *(r.together for r in row)) for row in zip(real, *results.values(), strict=True)]
    unseen = [shares for name, *shares in rows if name != SEEN_TOGETHER]
    rows.insert(len(unseen), ("their mean", *map(fmean, zip(*unseen, strict=True))))
    cells = [[name, *(f"{share:.3f}" for share in shares)] for name, *shares in rows]
    return markdown_table(["never seen together", "real", *guidance_labels(list(results))], cells)
