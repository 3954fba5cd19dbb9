"""Does a sprite show the tags that were asked for, and does it vary in those left open? Judged facet by facet, by a
classifier trained on the very data set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ddpm.config import Config
from ddpm.context.condition import Condition
from ddpm.context.tags import quoted, slices
from ddpm.data.collection import SpriteData
from ddpm.data.loading import load_data
from ddpm.data.order import generator
from ddpm.evaluation.classifier import features_and_classes, train_classifier
from ddpm.evaluation.judge import at_most
from ddpm.evaluation.metrics import Gaussian, frechet_distance
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import OnSprites, Sampler, ignore

CELLS = 4  # parts of a sprite each way that the classifier tells apart: a leg is forward or back, a tool left or right
ALL, NONE, SEEN_TOGETHER = "all", "none", "seen together"
MOST = 30_000  # sprites that the judge learns from, and asks for
HARDLY = 0.1  # nats of entropy
GROUP = 10  # sprites that are asked for the same, to see how they vary


@dataclass(frozen=True)
class Asked:
    """What N sprites are asked to be."""

    name: str
    contexts: Tensor
    """[N, V]"""
    like: Tensor
    """int64 [N]: for each, a real sprite that has these tags, and maybe further ones."""
    group: int = 1
    """How many consecutive sprites are asked for the same."""
    whole: bool = False
    """Whether together they ask for the whole set, so that their sprites should be distributed as the training sprites
    are."""


@dataclass(frozen=True)
class FacetResult:
    """How N sprites answer."""

    name: str
    accuracy: dict[str, float]
    """Share of the asked values that are seen, of each facet asked for."""
    together: float
    """Share of the sprites that show all they are asked for."""
    error: float | None
    """Its standard error, sprites that were asked for the same counting as one; None if all were."""
    variety: dict[str, float]
    """For each facet left open: mean entropy among sprites that were asked for the same, over that of real sprites.
    Facets in which real sprites hardly vary are left out."""
    variety_together: float | None
    """Total entropy of the open facets over that of real sprites, each capped at the real value. None if real sprites
    hardly vary."""
    frechet: float | None
    """Frechet distance from the training sprites, if the whole set was asked for, else None. It reads too high for few
    sprites."""


@dataclass(frozen=True)
class Seen:
    """What the judge sees in N sprites."""

    logits: dict[str, Tensor]
    """By facet, [N, 1 + values]: of none of its values, then of each."""
    features: Tensor
    """[N, 128], wherever in the sprite they are."""


def entropy(values: Tensor) -> float:
    """In nats, of int64 [N], from how often each occurs."""
    p = values.unique(return_counts=True)[1].double() / len(values)
    return -(p * p.log()).sum().item()


def entropies(seen: Seen, facets: Sequence[str], group: int) -> dict[str, float]:
    """Mean entropy of facets within groups of sprites, one after the other."""
    groups = {facet: seen.logits[facet].argmax(1).split(group) for facet in facets}
    return {facet: sum(map(entropy, parts)) / len(parts) for facet, parts in groups.items()}


def ranks(values: Tensor) -> Tensor:
    """int64, of the shape of values [N, n]: how many others of its row are lower than each."""
    return values.argsort(1).argsort(1)  # the second sort inverts the order that the first one gives


class TagJudge:
    """Tells for every facet which of its values a sprite shows, or none; trained on the training split of `data`."""

    def __init__(
        self,
        data: SpriteData,
        hold_out: Sequence[str] = (),
        seed: int = 0,
        epochs: int = 20,
        more: SpriteData | None = None,
    ):
        """hold_out: tags that the model has not seen together. The judge is trained on sprites with them too, but does
        not ask for any. more: others that it is trained on."""
        self.data, self.columns = data, slices(data.vocabulary)
        self.sizes = [1 + c.stop - c.start for c in self.columns.values()]
        asking = data.without(hold_out)
        self.rows, rows = (torch.from_numpy(at_most(MOST, r, seed)) for r in (asking.train, data.train))
        self.flags, x, flags = data.contexts(self.rows), data.batch(rows)[0], data.contexts(rows)
        if more is not None:
            others = torch.from_numpy(at_most(MOST, more.train, seed))
            x, flags = torch.cat([x, more.batch(others)[0]]), torch.cat([flags, more.contexts(others)])
        # No flips: a sprite that faces left would face right.
        self.classifier = train_classifier(
            x,
            self.with_none(flags),
            sum(self.sizes),
            epochs=epochs,
            seed=seed,
            progress=True,
            loss=self.loss,
            flips=False,
            cells=CELLS,
        )
        self.gaussian = Gaussian.fit(self(data.batch(self.rows)[0]).features)

    def with_none(self, contexts: Tensor) -> Tensor:
        """Contexts [N, V] with one more flag before those of each facet, which is 1 where the sprite has none of its
        values."""
        parts = [contexts[:, c] for c in self.columns.values()]
        return torch.cat([torch.cat([1 - part.amax(1, keepdim=True), part], 1) for part in parts], 1)

    def loss(self, logits: Tensor, flags: Tensor) -> Tensor:
        """Sum over the facets of their cross entropy. Several values of one facet share its probability (Mahajan et al.
        2018, arXiv:1805.00932, section 2.2). In each facet, sprites with a value weigh as much in all as those with
        none."""
        parts = []
        for found, asked in zip(logits.split(self.sizes, 1), flags.split(self.sizes, 1), strict=True):
            each = F.cross_entropy(found, asked / asked.sum(1, keepdim=True), label_smoothing=0.05, reduction="none")
            none = asked[:, 0] > 0
            parts += [each[rows].mean() for rows in (none, ~none) if rows.any()]
        return torch.stack(parts).sum()

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Seen:
        """Look at sprites x [N, C, H, W]."""
        features, _ = features_and_classes(self.classifier, x)
        logits = self.classifier.head(features).split(self.sizes, 1)
        return Seen(dict(zip(self.columns, logits, strict=True)), features.unflatten(1, (-1, CELLS**2)).mean(2))

    def right(self, seen: Seen, contexts: Tensor, whole: Tensor) -> dict[str, Tensor]:
        """For each facet, the share of its asked values that are seen: float [N], NaN where none is asked for.

        contexts [N, V]: what was asked for. whole [N, V]: all tags of a real sprite that has these. A value is seen if
        it is among the n likeliest of its facet, where that real sprite has n values of it.
        """
        found = {}
        for facet, logits in seen.logits.items():
            asked, real = (c[:, self.columns[facet]].bool() for c in (contexts, whole))
            rank = ranks(-logits)[:, 1:]
            found[facet] = (asked & (rank < real.sum(1, keepdim=True))).sum(1) / asked.sum(1)
        return found

    def questions(self, count: int, seed: int) -> list[Asked]:
        """Questions of about `count` sprites each. One for each facet asks for single values of it, `GROUP` sprites for
        a value. The others ask for the tags of training sprites: all of them, all facets but one, half of the facets,
        none."""
        g, questions = generator(seed), []
        pick = partial(torch.randint, generator=g)
        groups = -(-count // GROUP)
        for facet, columns in self.columns.items():
            has = self.flags[:, columns].any(1).nonzero().flatten()
            if not len(has):
                continue
            contexts = self.one_of(self.flags[has[pick(len(has), (groups,))]], columns, g)
            like = torch.cat([self.alike(context, g) for context in contexts])
            questions.append(Asked(facet, contexts.repeat_interleave(GROUP, 0), like, GROUP))
        rows = pick(len(self.flags), (groups * GROUP,))
        flags, place = self.flags[rows], self.places()
        has = torch.stack([flags[:, c].any(1) for c in self.columns.values()], 1)
        order = ranks(torch.rand(has.shape, generator=g).masked_fill(~has, 2))  # facets that it has come first
        n = has.sum(1, keepdim=True)
        for name, missing in ((ALL, 0 * n), ("one missing", 0 * n + 1), ("half missing", n // 2), (NONE, n)):
            kept = (order < n - missing)[:, place]
            group = GROUP if name == NONE else 1
            questions.append(Asked(name, flags * kept, self.rows[rows], group, whole=True))
        return questions

    def places(self) -> Tensor:
        """int64 [V]: the facet, by its number, of each place of a context."""
        return torch.cat([torch.full((c.stop - c.start,), i) for i, c in enumerate(self.columns.values())])

    def one_of(self, flags: Tensor, columns: slice, g: torch.Generator) -> Tensor:
        """Contexts [N, V] with one of the values that flags [N, V] have of a facet."""
        chosen = columns.start + flags[:, columns].multinomial(1, generator=g)
        return torch.zeros_like(flags).scatter_(1, chosen, 1)

    def alike(self, context: Tensor, g: torch.Generator) -> Tensor:
        """int64 [GROUP]: sprites trained on that have all the tags of a context [V], each once if they are enough."""
        rows = (self.flags >= context).all(1).nonzero().flatten()
        rows = rows[torch.randperm(len(rows), generator=g)]
        return self.rows[rows[torch.arange(GROUP) % len(rows)]]

    def pairs(self, texts: Sequence[str], count: int, seed: int) -> list[Asked]:
        """A question of `count` sprites for each text of tags. A last one, as large as all of these, asks for tags of
        the same facets that training sprites do have together."""
        g, found, other = generator(seed, 1), [], []
        for text in texts:
            rows, context = self.data.showing(text)
            found.append(Asked(text, context.expand(count, -1), rows[torch.randint(len(rows), (count,), generator=g)]))
            columns = [c for c in self.columns.values() if context[c].any()]
            rows = torch.stack([self.flags[:, c].any(1) for c in columns], 1).all(1).nonzero().flatten()
            if len(rows):
                rows = rows[torch.randint(len(rows), (count,), generator=g)]
                other.append((sum(self.one_of(self.flags[rows], c, g) for c in columns), self.rows[rows]))
        if not other:
            return found
        contexts, like = (torch.cat(parts) for parts in zip(*other, strict=True))
        return [*found, Asked(SEEN_TOGETHER, contexts, like)]

    def references(self, count: int, seed: int) -> list[FacetResult]:
        """What is seen in real sprites: those held out, and `count` of those trained on."""
        rows = self.rows[torch.randint(len(self.rows), (count,), generator=generator(seed, 2))]
        found = []
        for name, real in (("held-out", torch.from_numpy(self.data.val)), ("training", rows)):
            if len(real):
                found.append(self.real(Asked(name, self.data.contexts(real), real, whole=True)))
        return found

    def real(self, asked: Asked) -> FacetResult:
        """How real sprites with these tags would have answered."""
        return self.answer(asked, self.data.batch(asked.like)[0])

    def answer(self, asked: Asked, x: Tensor) -> FacetResult:
        """Judge sprites x [N, C, H, W] by what they were asked to be.

        Raises ValueError for sprites that are not finite.
        """
        if not x.isfinite().all():
            raise ValueError(f"sprites that were asked for {asked.name} are not finite: the model is broken")
        seen, real = self(x), self(self.data.batch(asked.like)[0])
        right = self.right(seen, asked.contexts, self.data.contexts(asked.like))
        accuracy = {facet: share.nanmean().item() for facet, share in right.items() if not share.isnan().all()}
        together = (torch.stack(list(right.values())).nan_to_num(1) == 1).all(0).float()
        groups = torch.stack([group.mean() for group in together.split(asked.group)])
        open = [facet for facet in self.columns if facet not in accuracy]
        found, wanted = (entropies(s, open, asked.group) for s in (seen, real))
        shared, whole = sum(min(found[facet], h) for facet, h in wanted.items()), sum(wanted.values())
        return FacetResult(
            name=asked.name,
            accuracy=accuracy,
            together=together.mean().item(),
            error=(groups.var() / len(groups)).sqrt().item() if len(groups) > 1 else None,
            variety={facet: found[facet] / h for facet, h in wanted.items() if h >= HARDLY},
            variety_together=shared / whole if whole >= HARDLY else None,
            frechet=frechet_distance(seen.features, self.gaussian) if asked.whole else None,
        )


def measure(
    sampler: Sampler, judge: TagJudge, questions: Sequence[Asked], scale: float, on_sprites: OnSprites = ignore
) -> list[FacetResult]:
    """Sample what is asked for at a guidance scale, each sprite from noise of its own, and judge it."""
    found, start = [], 0
    for asked in questions:
        indices = range(start, start := start + len(asked.contexts))
        x = sampler(Condition.of(asked.contexts), scale, indices, on_sprites=on_sprites).cpu()
        found.append(judge.answer(asked, x))
    return found


def tagged_data(folder: Path, trained: Config, spec: ModelSpec) -> SpriteData:
    """Sprites with the tags, if it takes any, of a model that was `trained` so. Raises ValueError for others."""
    data = load_data(folder, replace(trained, size=spec.size, mirror=(), tags=bool(spec.facets)))
    if list(data.vocabulary.items()) != list(spec.vocabulary.items()) or data.sprites.channels != spec.channels:
        raise ValueError(f"{folder} has other tags or channels than the model; give the data that it was trained on")
    return data


def commonest(data: SpriteData) -> dict[str, Tensor]:
    """The commonest value of each facet in the training split, as a context [V], by its name."""
    counts, found = data.contexts(data.train).sum(0), {}
    for facet, columns in slices(data.vocabulary).items():
        best = int(counts[columns].argmax())
        if counts[columns][best]:
            found[quoted(facet, data.vocabulary[facet][best])] = torch.eye(len(counts))[columns.start + best]
    return found
