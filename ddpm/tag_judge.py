"""Does a sprite show the tags that were asked for, and does it vary in those left open? Judged facet by facet, by a
classifier trained on the very data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ddpm.checkpoint import ModelSpec
from ddpm.classifier import judge, train_classifier
from ddpm.data import SpriteData, generator
from ddpm.generate import generate
from ddpm.metrics import Gaussian, frechet_distance
from ddpm.tags import Vocabulary

CELLS = 4  # parts of a sprite each way that the classifier tells apart: a leg is forward or back, a tool left or right
ALL, NONE, SEEN_TOGETHER = "all", "none", "seen together"


@dataclass(frozen=True)
class Asked:
    """What N sprites are asked to be."""

    name: str
    contexts: Tensor
    """[N, V]"""
    like: Tensor
    """int64 [N], real sprites with these tags."""


@dataclass(frozen=True)
class FacetResult:
    """How N sprites answer."""

    name: str
    accuracy: dict[str, float]
    """Share of the asked values that are seen, of each facet asked for."""
    together: float
    """Share of the sprites that show all they are asked for."""
    variety: dict[str, float]
    """Entropy of each facet left open by all, as a share of that of real sprites with the same tags."""
    frechet: float
    """Distance from all training sprites."""


@dataclass(frozen=True)
class Seen:
    """What the judge sees in N sprites."""

    logits: dict[str, Tensor]
    """Of none and of the values of each facet, [N, 1 + values]."""
    features: Tensor
    """[N, 128], wherever in the sprite they are."""


def slices(vocabulary: Vocabulary) -> dict[str, slice]:
    """The columns of each facet in a context."""
    ends = torch.tensor([0, *map(len, vocabulary.values())]).cumsum(0).tolist()
    return {facet: slice(ends[i], ends[i + 1]) for i, facet in enumerate(vocabulary)}


def entropy(values: Tensor) -> float:
    """In nats, of int64 [N], from how often each occurs."""
    p = values.unique(return_counts=True)[1].double() / len(values)
    return -(p * p.log()).sum().item()


def variety(seen: Seen, real: Seen, facets: Sequence[str]) -> dict[str, float]:
    """Entropy of facets in sprites, as a share of that in as many real ones; those that hardly vary in these are left
    out."""
    values, wanted = ({f: entropy(s.logits[f].argmax(1)) for f in facets} for s in (seen, real))
    return {facet: values[facet] / h for facet, h in wanted.items() if h >= 0.1}


class TagJudge:
    """Sees the values of every facet in sprites, or that they have none; trained on the training split of `data`."""

    def __init__(self, data: SpriteData, seed: int = 0, epochs: int = 20):
        self.data, self.columns = data, slices(data.vocabulary)
        self.sizes = [1 + c.stop - c.start for c in self.columns.values()]
        x, flags = data.batch(data.train)[0], data.contexts(data.train)
        # Not mirrored: a sprite that faces left would face right.
        how = {"epochs": epochs, "seed": seed, "progress": True, "loss": self.loss, "flips": False, "cells": CELLS}
        self.classifier = train_classifier(x, self.with_none(flags), sum(self.sizes), **how)
        self.gaussian = Gaussian.fit(self(x).features)

    def with_none(self, contexts: Tensor) -> Tensor:
        """Contexts [N, V] with one flag more before those of each facet, for those that have none of it."""
        parts = [contexts[:, c] for c in self.columns.values()]
        return torch.cat([torch.cat([1 - part.amax(1, keepdim=True), part], 1) for part in parts], 1)

    def loss(self, logits: Tensor, flags: Tensor) -> Tensor:
        """Cross entropy of each facet; several values of one share its probability (Mahajan et al. 2018,
        arXiv:1805.00932, section 2.2). Sprites with a value weigh as much together as those with none."""
        parts = []
        for found, asked in zip(logits.split(self.sizes, 1), flags.split(self.sizes, 1), strict=True):
            each = F.cross_entropy(found, asked / asked.sum(1, keepdim=True), label_smoothing=0.05, reduction="none")
            none = asked[:, 0] > 0
            parts += [each[rows].mean() for rows in (none, ~none) if rows.any()]
        return torch.stack(parts).sum()

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Seen:
        """Look at sprites x [N, C, H, W]."""
        features, _ = judge(self.classifier, x)
        logits = self.classifier.head(features).split(self.sizes, 1)
        return Seen(dict(zip(self.columns, logits, strict=True)), features.unflatten(1, (-1, CELLS**2)).mean(2))

    def right(self, seen: Seen, contexts: Tensor) -> dict[str, Tensor]:
        """For each facet, the share of what contexts [N, V] ask for that is seen: float [N], NaN where none is asked.

        Of n values asked for, it is how many are among the n likeliest.
        """
        found = {}
        for facet, logits in seen.logits.items():
            asked = contexts[:, self.columns[facet]].bool()
            rank = logits.argsort(1, descending=True).argsort(1)[:, 1:]
            n = asked.sum(1, keepdim=True)
            found[facet] = (asked & (rank < n)).sum(1) / n[:, 0]
        return found

    def questions(self, count: int, seed: int) -> list[Asked]:
        """`count` training sprites at random, asked for by one of their facets alone, facet by facet; and by all of
        them, by all but one, by half of them, and by none."""
        g, questions, data = generator(seed), [], self.data
        train = torch.from_numpy(data.train)
        flags = data.contexts(train)
        for facet, columns in self.columns.items():
            has = flags[:, columns].any(1).nonzero().flatten()
            rows = has[torch.randint(len(has), (count,), generator=g)]
            contexts = torch.zeros(count, flags.shape[1])
            contexts[:, columns] = flags[rows][:, columns]
            questions.append(Asked(facet, contexts, train[rows]))
        rows = torch.randint(len(flags), (count,), generator=g)
        place = torch.cat([torch.full((c.stop - c.start,), i) for i, c in enumerate(self.columns.values())])
        has = torch.stack([flags[rows][:, c].any(1) for c in self.columns.values()], 1)
        order = torch.rand(has.shape, generator=g).masked_fill(~has, 2).argsort(1).argsort(1)  # those it has come first
        n = has.sum(1, keepdim=True)
        for name, missing in ((ALL, 0 * n), ("one missing", 0 * n + 1), ("half missing", n // 2), (NONE, n)):
            kept = (order < n - missing)[:, place]
            questions.append(Asked(name, flags[rows] * kept, train[rows]))
        return questions

    def pairs(self, texts: Sequence[str], count: int, seed: int) -> list[Asked]:
        """For each text of tags, `count` sprites asked for by them; to compare with, as many in all asked for by tags
        of the same facets that sprites of no text have."""
        g, found = generator(seed, 1), []
        train = torch.from_numpy(self.data.train)
        flags = self.data.contexts(train)
        facets, other = torch.zeros(flags.shape[1], dtype=torch.bool), torch.ones(len(flags), dtype=torch.bool)
        for text in texts:
            rows, context = self.data.showing(text)
            rows = rows[torch.randint(len(rows), (count,), generator=g)]
            found.append(Asked(text, context.expand(count, -1), rows))
            other &= (flags < context).any(1)
            for columns in self.columns.values():
                facets[columns] |= context[columns].any()
        rows = other.nonzero().flatten()
        rows = rows[torch.randint(len(rows), (len(texts) * count,), generator=g)]
        return [*found, Asked(SEEN_TOGETHER, flags[rows] * facets, train[rows])]

    def references(self, count: int, seed: int) -> list[FacetResult]:
        """What is seen in real sprites: all those held out, and `count` of those trained on."""
        rows = torch.randint(len(self.data.train), (count,), generator=generator(seed, 2))
        found = []
        for name, real in (("held-out", self.data.val), ("training", self.data.train[rows.numpy()])):
            if len(real):
                asked = Asked(name, self.data.contexts(real), torch.from_numpy(real))
                found.append(self.answer(asked, self.data.batch(real)[0]))
        return found

    def answer(self, asked: Asked, x: Tensor) -> FacetResult:
        """Judge sprites x [N, C, H, W] by what they were asked to be."""
        seen, real = self(x), self(self.data.batch(asked.like)[0])
        right = self.right(seen, asked.contexts)
        accuracy = {facet: share.nanmean().item() for facet, share in right.items() if not share.isnan().all()}
        together = (torch.stack(list(right.values())).nan_to_num(1) == 1).all(0).float().mean().item()
        open = [facet for facet in self.columns if facet not in accuracy]
        return FacetResult(
            asked.name, accuracy, together, variety(seen, real, open), frechet_distance(seen.features, self.gaussian)
        )


def measure(
    model: nn.Module, spec: ModelSpec, judge: TagJudge, questions: Sequence[Asked], scale: float, seed: int, **how
) -> list[FacetResult]:
    """Sample what is asked for at a guidance scale, and judge it. how: more for `generate`."""
    found = []
    for asked in questions:
        indices = range(len(asked.contexts))
        x = generate(model, spec, asked.contexts, scale, seed=seed, indices=indices, **how).cpu()
        found.append(judge.answer(asked, x))
    return found
