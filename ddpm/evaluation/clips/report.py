"""Sets of clips measured, beside real ones, and their tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from ddpm.evaluation.clips.figures import FIGURES, Seen, Table, Walked
from ddpm.evaluation.report import cell, markdown_table
from ddpm.evaluation.tag_judge import TagJudge


@dataclass(frozen=True)
class Measured:
    """Figures of a set of clips and their standard errors, by their names in `FIGURES`."""

    name: str
    clips: int
    figures: dict[str, float]
    errors: dict[str, float]
    one: dict[str, float]
    """For each facet, the share of clips all of whose frames are taken for one value of it."""
    shown: dict[str, float]
    """For each facet, the share of frames, but those given, that show what was asked for."""
    by_frame: dict[str, list[float]]
    """See `Seen.by_frame`."""


def measure(walked: Walked, judge: TagJudge, other: np.ndarray, seed: int = 0) -> Measured:
    """All figures that apply to clips. other: uint8 [M, L, H, W, C], real cycles to tell them apart from."""
    seen = Seen(walked, judge, other, seed)
    found = {key: figure(seen) for key, figure in FIGURES.items() if figure.applies(seen)}
    figures, errors = ({key: pair[i] for key, pair in found.items()} for i in range(2))
    one = {facet: same.all(1).float().mean().item() for facet, same in seen.same.items()}
    shown = {facet: seen.made(right).mean().item() for facet, right in seen.right.items()}
    return Measured(walked.name, len(walked.clips), figures, errors, one, shown, seen.by_frame())


def table(rows: Sequence[Measured], kind: Table) -> str:
    """Figures with their standard errors; a row for each set of clips."""
    keys = [k for k, f in FIGURES.items() if f.table == kind and any(k in row.figures for row in rows)]
    cells = [
        [row.name, str(row.clips), *(cell(row.figures, row.errors, key, FIGURES[key].digits) for key in keys)]
        for row in rows
    ]
    return markdown_table(["", "clips", *(FIGURES[key].heading for key in keys)], cells)


def shares(real: Measured, rows: Sequence[Measured]) -> str:
    """What the figures are of those of real cycles: a row for each set of clips."""
    keys = [k for k in FIGURES if real.figures.get(k) and k != "told_apart"]
    cells = [[row.name, *(f"{row.figures[k] / real.figures[k]:.2f}" for k in keys)] for row in rows]
    return markdown_table(["share of real", *(FIGURES[key].heading for key in keys)], cells)


def facets(rows: Sequence[Measured]) -> str:
    """For each facet: one value in all frames of a clip, and, in brackets, frames that show what was asked for."""
    names = [facet for facet in rows[0].one if len({row.one[facet] for row in rows} | {1.0}) > 1]
    cells = [[row.name, *(f"{row.one[f]:.3f} ({row.shown[f]:.3f})" for f in names)] for row in rows]
    return markdown_table(["one in all frames (as asked)", *names], cells)


def frames(rows: Sequence[Measured]) -> str:
    """Figures of each frame, counted from 0: a row for each."""
    names = list(rows[0].by_frame)
    head = ["frame", *(f"{row.name}: {name}" for row in rows for name in names)]
    count = len(rows[0].by_frame[names[0]])
    cells = [[str(i), *(f"{row.by_frame[name][i]:.3f}" for row in rows for name in names)] for i in range(count)]
    return markdown_table(head, cells)


def tables(rows: Sequence[Measured], long: Sequence[Measured]) -> str:
    """All tables. rows: the first is that of real cycles. long: clips of more frames than a cycle."""
    told = [*(table(rows, kind) for kind in get_args(Table)), shares(rows[0], rows[1:]), facets(rows)]
    return "\n".join([*told, frames(long)] if long else told)
