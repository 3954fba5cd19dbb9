"""What `scripts/facets.py` says of a model that takes tags: tables, curves, and a grid with a row for each facet."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import torch
from PIL import Image
from torch import Tensor

from ddpm.data import SpriteData
from ddpm.grids import guidance_labels
from ddpm.report import new_figure, picture
from ddpm.tag_judge import SEEN_TOGETHER, FacetResult, slices
from ddpm.tags import quoted

Results = Mapping[float, Sequence[FacetResult]]  # by guidance scale


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns are aligned, to be read as it is too."""
    wide = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * w for w in wide], *rows]
    return "".join(f"| {' | '.join(map(str.ljust, line, wide))} |\n" for line in lines)


def facet_table(results: Sequence[FacetResult], facets: Sequence[str], name: str) -> str:
    """A row for each question, a column for each facet: accuracy where it was asked for, else (variety); then the share
    that shows all that was asked for, the variety of all that is left open, and the Frechet distance."""
    rows = []
    for r in results:
        cells = {f: f"({share:.2f})" for f, share in r.variety.items()} | {f: f"{a:.3f}" for f, a in r.accuracy.items()}
        asked = f"{r.together:.3f}" if r.accuracy else ""
        rest = "" if r.variety_together is None else f"({r.variety_together:.2f})"
        distance = "" if r.frechet is None else f"{r.frechet:.2f}"
        rows.append([r.name, *(cells.get(f, "") for f in facets), asked, rest, distance])
    return table([name, *facets, "all asked", "all open", "Frechet"], rows)


def pair_table(results: Results, real: Sequence[FacetResult]) -> str:
    """The share of sprites that show all that they are asked for, of `TagJudge.pairs`: real ones, then a column for
    each scale."""
    rows = [(row[0].name, *(r.together for r in row)) for row in zip(real, *results.values(), strict=True)]
    unseen = [shares for name, *shares in rows if name != SEEN_TOGETHER]
    rows.insert(len(unseen), ("their mean", *map(fmean, zip(*unseen, strict=True))))
    cells = [[name, *(f"{share:.3f}" for share in shares)] for name, *shares in rows]
    return table(["never seen together", "real", *guidance_labels(list(results))], cells)


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
    figure.legend(loc="outside right")
    figure.suptitle("One facet asked for alone: is it shown, and does the rest still vary?")
    return picture(figure)


def examples(data: SpriteData) -> dict[str, Tensor]:
    """The commonest value of each facet, as a context [V], by its name."""
    counts, found = data.contexts(data.train).sum(0), {}
    for facet, columns in slices(data.vocabulary).items():
        best = int(counts[columns].argmax())
        if counts[columns][best]:
            found[quoted(facet, data.vocabulary[facet][best])] = torch.eye(len(counts))[columns.start + best]
    return found
