"""Does a sprite show the tags that were asked for, and does it vary in those left open? Judged facet by facet, by a
classifier trained on the very data set."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ddpm.checkpoint import ModelSpec
from ddpm.classifier import judge, train_classifier
from ddpm.data import SpriteData, generator
from ddpm.generate import generate
from ddpm.tags import CATEGORY, Vocabulary

ALL = "all"  # the name of a row
SEVERAL = 10.0  # weight of a facet with several values: few of its many flags are set; their sum would drown the others


@dataclass(frozen=True)
class FacetResult:
    """Of sprites that were asked for their tags of one facet alone, or of all facets."""

    facet: str
    accuracy: dict[str, float]
    """Share of the asked values that are seen, of each facet asked for."""
    variety: dict[str, float]
    """Entropy of each facet left open, as a share of that of real sprites with the same values of this facet."""


def slices(vocabulary: Vocabulary) -> dict[str, slice]:
    """The columns of each facet in a context."""
    ends = torch.tensor([0, *map(len, vocabulary.values())]).cumsum(0).tolist()
    return {facet: slice(ends[i], ends[i + 1]) for i, facet in enumerate(vocabulary)}


def entropy(values: Tensor) -> float:
    """In nats, of int64 [N], from how often each occurs."""
    p = values.unique(return_counts=True)[1].double() / len(values)
    return -(p * p.log()).sum().item()


class TagJudge:
    """Sees the values of every facet in sprites; trained on the training split of `data`, which has tags."""

    def __init__(self, data: SpriteData, seed: int = 0, epochs: int = 20):
        self.vocabulary = {CATEGORY: data.sprites.categories} | data.facets
        self.columns = slices(self.vocabulary)
        self.data, self.flags = data, data.contexts(data.train)
        self.several = {f for f, c in self.columns.items() if (self.flags[:, c].sum(1) > 1).any()}
        x, _ = data.batch(data.train)
        places = self.flags.shape[1]
        # Not mirrored: a sprite that faces left would face right.
        how = {"epochs": epochs, "seed": seed, "progress": True, "loss": self.loss, "flips": False}
        self.classifier = train_classifier(x, self.flags, places, **how)

    def loss(self, logits: Tensor, flags: Tensor) -> Tensor:
        """Cross entropy of each facet that has one value, over the sprites that have one; of each flag, else."""
        parts = []
        for facet, c in self.columns.items():
            if facet in self.several:
                parts.append(F.binary_cross_entropy_with_logits(logits[:, c], flags[:, c]) * SEVERAL)
            else:
                rows = flags[:, c].any(1)
                parts.append(F.cross_entropy(logits[rows, c], flags[rows, c].argmax(1), label_smoothing=0.05))
        return torch.stack([p for p in parts if p.isfinite()]).sum()

    def seen(self, x: Tensor) -> dict[str, Tensor]:
        """The values seen in sprites x [N, C, H, W]: of a facet that has one value int64 [N], else bool [N, values]."""
        features, _ = judge(self.classifier, x)
        logits = self.classifier.head(features)
        return {f: logits[:, c] > 0 if f in self.several else logits[:, c].argmax(1) for f, c in self.columns.items()}

    def right(self, x: Tensor, contexts: Tensor) -> dict[str, Tensor]:
        """For each facet, whether what contexts [N, V] ask for is seen: float [M], of those asked for any."""
        found = {}
        for facet, values in self.seen(x).items():
            asked = contexts[:, self.columns[facet]].bool()
            rows = asked.any(1)
            if facet in self.several:
                found[facet] = (values & asked).sum(1)[rows] / asked.sum(1)[rows]
            else:
                found[facet] = (values == asked.int().argmax(1))[rows].float()
        return found

    def variety(self, x: Tensor, like: Tensor, but: str) -> dict[str, float]:
        """Entropy of each facet but one in sprites x, as a share of that in real sprites `like`; those that hardly vary
        in the real ones are left out."""
        seen, real = self.seen(x), self.seen(like)
        real = {f: entropy(values) for f, values in real.items() if f not in self.several and f != but}
        return {facet: entropy(seen[facet]) / whole for facet, whole in real.items() if whole >= 0.1}


def measure_facets(
    model: nn.Module, spec: ModelSpec, judge: TagJudge, scale: float, count: int, seed: int
) -> list[FacetResult]:
    """Judge `count` sprites sampled at a scale for the tags of one facet alone, facet by facet, and for all together;
    each time those of training sprites drawn at random."""
    g, found = generator(seed), []
    for facet in (*judge.columns, ALL):
        columns = judge.columns.get(facet, slice(None))
        has = judge.flags[:, columns].any(1).nonzero().flatten()
        rows = has[torch.randint(len(has), (count,), generator=g)]
        contexts = torch.zeros(count, judge.flags.shape[1])
        contexts[:, columns] = judge.flags[rows][:, columns]
        x = generate(model, spec, contexts, scale, seed=seed, indices=range(count)).cpu()
        accuracy = {f: right.mean().item() for f, right in judge.right(x, contexts).items() if len(right)}
        like, _ = judge.data.batch(judge.data.train[rows.numpy()])
        found.append(FacetResult(facet, accuracy, {} if facet == ALL else judge.variety(x, like, facet)))
    return found


def table(results: list[FacetResult], name: str) -> str:
    """A row for each facet asked for, a column for each seen: accuracy where it was asked for, else (variety)."""
    facets = [r.facet for r in results if r.facet != ALL]
    lines = [f"{name:12}" + "".join(f"{facet:>11}" for facet in facets)]
    for r in results:
        cells = {f: f"({share:.2f})" for f, share in r.variety.items()} | {f: f"{a:.3f}" for f, a in r.accuracy.items()}
        lines.append(f"{r.facet:12}" + "".join(f"{cells.get(facet, ''):>11}" for facet in facets))
    return "\n".join(lines) + "\n"
