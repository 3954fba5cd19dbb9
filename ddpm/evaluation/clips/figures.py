"""Figures of clips: do they walk, stay what they are, and look like real ones? First what is seen of them, then the
table of all that is told.

To add one, enter it in `FIGURES`. The tables of the report follow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ddpm.data.tensors import to_tensor
from ddpm.evaluation.classifier import TOLD_FEWEST, told_apart
from ddpm.evaluation.clips.cycles import STEP, Cycles
from ddpm.evaluation.clips.pixels import changes, feet_moves, upper_changes
from ddpm.evaluation.metrics import Found, standard_error, with_error
from ddpm.evaluation.pixel_art import count_colours, orphans
from ddpm.evaluation.tag_judge import TagJudge, ranks
from sprites.colour import opaque

Table = Literal["judges", "pixels"]


@dataclass(frozen=True, eq=False)
class Walked:
    """N clips of F frames that begin with step 0 of their cycle."""

    name: str
    clips: np.ndarray
    """uint8 [N, F, H, W, C]"""
    like: Cycles
    """N real cycles, whose tags they should have."""
    given: int = 0
    """How many of their first frames are those of these cycles, as they were given to the model."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What is seen of clips."""

    walked: Walked
    judge: TagJudge
    other: np.ndarray
    """uint8 [M, L, H, W, C]: real cycles to tell them apart from; none: they are not."""
    seed: int

    @cached_property
    def frames(self) -> np.ndarray:
        """uint8 [N * F, H, W, C]"""
        return self.walked.clips.reshape(-1, *self.walked.clips.shape[2:])

    @cached_property
    def asked(self) -> dict[str, Tensor]:
        """By facet, the values that a clip should show, or the first place where it should show none: bool
        [N, 1 + values]."""
        contexts = self.walked.like.judged.contexts(self.walked.like.rows[:, 0])
        parts = self.judge.with_none(contexts).bool().split(self.judge.sizes, 1)
        return dict(zip(self.judge.columns, parts, strict=True))

    @cached_property
    def logits(self) -> dict[str, Tensor]:
        """By facet, what the judge sees in each frame: [N, F, 1 + values]."""
        shape = self.walked.clips.shape[:2]
        found = self.judge(to_tensor(self.frames)).logits
        return {facet: logits.unflatten(0, shape) for facet, logits in found.items()}

    def values(self, facet: str) -> Tensor:
        """bool [N, F, 1 + values]: of each frame the likeliest values, as many as the clip should show."""
        logits = self.logits[facet]
        count = self.asked[facet].sum(1)[:, None, None]
        return ranks(-logits.flatten(0, 1)).view_as(logits) < count

    @property
    def facets(self) -> list[str]:
        """Those that a clip has as a whole."""
        return [facet for facet in self.asked if facet != STEP]

    @cached_property
    def right(self) -> dict[str, Tensor]:
        """By facet, whether a frame shows what it should: bool [N, F]."""
        return {f: (self.values(f) == self.asked[f][:, None]).all(2) for f in self.facets}

    @cached_property
    def same(self) -> dict[str, Tensor]:
        """By facet, whether a frame shows what the first one of its clip shows: bool [N, F]."""
        return {f: (values == values[:, :1]).all(2) for f, values in ((f, self.values(f)) for f in self.facets)}

    @cached_property
    def in_step(self) -> Tensor:
        """Whether a frame is taken for the step that it should be, bool [N, F]."""
        steps = self.logits[STEP][..., 1:].argmax(2)
        return steps == torch.arange(steps.shape[1]) % self.walked.like.length

    @cached_property
    def steady(self) -> np.ndarray:
        """See `upper_changes`."""
        return upper_changes(self.walked.clips)

    @cached_property
    def changes(self) -> np.ndarray:
        """See `changes`."""
        return changes(self.walked.clips)

    def made(self, values: Tensor) -> Tensor:
        """The mean over the frames that were not given, of [N, F]: [N]."""
        return values[:, self.walked.given :].float().mean(1)

    def identity(self) -> Tensor:
        """Whether all frames of a clip are taken for one of each facet, bool [N]."""
        return torch.stack([same.all(1) for same in self.same.values()]).all(0)

    def by_frame(self) -> dict[str, list[float]]:
        """Of each frame of the clips: how often it is in step, how often it is what the first frame is, and how much
        of head and torso changes from the frame before (that of the first is the seam)."""
        whole = torch.stack(list(self.same.values())).all(0).float().mean(0)
        phase = self.in_step.float().mean(0)
        return {"phase": phase.tolist(), "identity": whole.tolist(), "steadiness": self.steady.mean(0).tolist()}


def seam(seen: Seen) -> tuple[float, float]:
    """Pixels that change from the last frame to the first, over those that change between others; and its error."""

    def ratio(rows: np.ndarray | slice) -> float:
        found = seen.changes[rows].mean(0)
        return float(found[0] / max(found[1:].mean(), 1e-9))

    return ratio(slice(None)), standard_error(ratio, np.zeros(len(seen.changes)), seed=seen.seed)


def apart(seen: Seen) -> tuple[float, float]:
    """Share of clips that a network which sees all their frames, as channels, tells apart from real ones."""
    a, b = (to_tensor(clips).flatten(1, 2) for clips in (seen.walked.clips, seen.other))
    count = min(len(a), len(b))
    return told_apart(a[:count], b[:count], seed=seen.seed)


def exact(seen: Seen) -> np.ndarray:
    """bool [N]: whether the frames that were given came back as they were."""
    given = seen.walked.given
    return (seen.walked.clips[:, :given] == seen.walked.like.pixels[:, :given]).all((1, 2, 3, 4))


def as_drawn(seen: Seen) -> np.ndarray:
    """[N]: of the pixels that are opaque in a frame that was not given, or in that of the real cycle, the share that is
    the same in both."""
    a, b = (clips[:, seen.walked.given :] for clips in (seen.walked.clips, seen.walked.like.pixels))
    either = opaque(a) | opaque(b)
    return ((a == b).all(-1) & either).sum((1, 2, 3)) / either.sum((1, 2, 3)).clip(1)


def strip_colours(clips: np.ndarray) -> np.ndarray:
    """int64 [N]: the colours of clips uint8 [N, F, H, W, C], all frames together."""
    return count_colours(clips.reshape(len(clips), -1, *clips.shape[3:]))


def per_clip(seen: Seen, values: np.ndarray) -> np.ndarray:
    """The mean over the frames of each clip, of values [N * F]."""
    return values.reshape(seen.walked.clips.shape[:2]).mean(1)


@dataclass(frozen=True)
class Figure:
    """A figure of a set of clips, and how tables show it."""

    heading: str
    compute: Callable[[Seen], Found]
    """A value for each clip, whose mean is the figure; or the figure and its standard error."""
    table: Table = "judges"
    digits: int = 3
    applies: Callable[[Seen], bool] = lambda seen: True
    """Whether it means anything for these clips."""

    def __call__(self, seen: Seen) -> tuple[float, float]:
        """The figure and its standard error."""
        return with_error(self.compute(seen))


def comparable(seen: Seen) -> bool:
    """Whether there are real cycles of as many frames to tell them apart from, and enough."""
    clips, other = seen.walked.clips, seen.other
    return clips.shape[1:] == other.shape[1:] and min(len(clips), len(other)) >= TOLD_FEWEST


def continues_real(seen: Seen) -> bool:
    """Whether the clips begin with frames of real cycles, as long as they are."""
    return seen.walked.given > 0 and seen.walked.clips.shape == seen.walked.like.pixels.shape


FIGURES: dict[str, Figure] = {
    "phase": Figure("phase", lambda seen: seen.made(seen.in_step)),
    "identity": Figure("identity", lambda seen: seen.identity()),
    "as_asked": Figure("as asked", lambda seen: seen.made(torch.stack(list(seen.right.values())).all(0))),
    "told_apart": Figure("told apart", apart, applies=comparable),
    "given_exact": Figure("given exact", exact, digits=2, applies=lambda seen: seen.walked.given > 0),
    "as_drawn": Figure("as drawn", as_drawn, applies=continues_real),
    "steadiness": Figure("steadiness", lambda seen: seen.steady[:, 1:].mean(1), "pixels"),
    "anchor": Figure("anchor", lambda seen: feet_moves(seen.walked.clips)[:, 1:].mean(1), "pixels"),
    "seam": Figure("seam", seam, "pixels"),
    "clip_colours": Figure("colours a clip", lambda seen: strip_colours(seen.walked.clips), "pixels", 2),
    "frame_colours": Figure("a frame", lambda seen: per_clip(seen, count_colours(seen.frames)), "pixels", 2),
    "orphans": Figure("orphans", lambda seen: per_clip(seen, orphans(seen.frames)), "pixels"),
}
