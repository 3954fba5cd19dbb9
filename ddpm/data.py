"""Sprites as tensors: scaling to [-1, 1] and back, mirroring, and an order of samples that needs no state.

RGBA is trained on with its colour premultiplied by alpha (Porter & Duff 1984): transparent pixels carry no colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ddpm.context import UNCOND, one_hot
from ddpm.tags import CATEGORY, flags_of, parse_tags, vocabulary_of
from sprites.content import examine, notes_on_content
from sprites.io import Sprites, count_duplicates, load_sprites, split
from sprites.tags import load_tags

ORDER, STEP, VALIDATION = 0, 1, 2  # streams of random numbers of a run, kept apart by their seeds
VALIDATION_MAX = 512  # sprites used for the validation loss; more would only take time


def to_tensor(images: np.ndarray) -> Tensor:
    """uint8 [..., H, W, C] with straight alpha -> float32 [..., C, H, W] in [-1, 1] with premultiplied colour."""
    x = torch.from_numpy(np.ascontiguousarray(images)).movedim(-1, -3).float() / 255
    if x.shape[-3] == 4:
        x[..., :3, :, :] *= x[..., 3:, :, :].clone()
    return x * 2 - 1


def to_uint8(x: Tensor) -> np.ndarray:
    """float [..., C, H, W] in [-1, 1] -> uint8 [..., H, W, C]; RGBA gets straight colour and an alpha of 0 or 255.

    Inverse of `to_tensor` for RGB and for RGBA of hard alpha whose transparent pixels are black.
    """
    x = (x.float().clamp(-1, 1) + 1) / 2
    if x.shape[-3] == 4:
        color, alpha = x[..., :3, :, :], x[..., 3:, :, :]
        opaque = alpha >= 0.5
        x = torch.cat([(color / alpha.clamp(min=0.5)).clamp(max=1) * opaque, opaque], dim=-3)
    return (x * 255).round().to(torch.uint8).movedim(-3, -1).cpu().numpy()


def seed_of(*parts: int) -> int:
    """A 64-bit seed from several numbers, well mixed."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])


def generator(*parts: int) -> torch.Generator:
    """A CPU generator seeded from several numbers."""
    return torch.Generator().manual_seed(seed_of(*parts))


def digest(values: np.ndarray) -> str:
    """Of an array's bytes, as 16 hexadecimal digits."""
    return blake2b(np.ascontiguousarray(values), digest_size=8).hexdigest()


class ShuffledOrder:
    """Endless order over n samples: one permutation of all after another, a function of (seed, position) alone."""

    def __init__(self, n: int, seed: int):
        self.n, self.seed = n, seed
        self._permutations: dict[int, Tensor] = {}

    def _permutation(self, epoch: int) -> Tensor:
        if epoch not in self._permutations:
            self._permutations = {e: p for e, p in self._permutations.items() if e == epoch - 1}
            self._permutations[epoch] = torch.randperm(self.n, generator=generator(self.seed, ORDER, epoch))
        return self._permutations[epoch]

    def __call__(self, start: int, count: int) -> Tensor:
        """int64 [count]: the samples at positions start ... start + count - 1."""
        positions = torch.arange(start, start + count)
        epochs = positions // self.n
        return torch.cat([self._permutation(int(e))[positions[epochs == e] % self.n] for e in epochs.unique()])


@dataclass(frozen=True)
class SpriteData:
    """A sprite collection with its split: `train` and `val` are int64 [*] indices into `sprites`.

    mirror: bool [K], the categories whose sprites may be flipped left to right.
    """

    sprites: Sprites
    train: np.ndarray
    val: np.ndarray
    mirror: Tensor
    hashes: np.ndarray
    """Of the content of each sprite, uint64 [N]; see `sprites.io.content_hashes`."""
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The values of each facet of its tags, if they are part of the context."""
    flags: Tensor | None = None
    """bool [N, V]: which of those values each sprite has."""
    notes: tuple[str, ...] = ()
    """What the user should know of the data, one line each."""

    @cached_property
    def duplicates(self) -> int:
        """How many sprites are exact copies of an earlier one."""
        return count_duplicates(self.hashes)

    def batch(self, indices: Tensor | np.ndarray, flipped: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x float32 [B, C, H, W] in [-1, 1], labels int64 [B]; mirrored where `flipped`, bool [B], says so."""
        indices = np.asarray(indices)
        x, labels = to_tensor(self.sprites.take(indices)), torch.from_numpy(self.sprites.labels[indices])
        if flipped is not None:
            x = torch.where(flipped[:, None, None, None], x.flip(-1), x)
        return x, labels

    def contexts(self, indices: Tensor | np.ndarray) -> Tensor:
        """All that is known of these sprites, float32 [B, K], or with tags [B, K + V]."""
        indices = torch.as_tensor(indices)
        context = one_hot(torch.from_numpy(self.sprites.labels)[indices], len(self.sprites.categories))
        return context if self.flags is None else torch.cat([context, self.flags[indices].float()], 1)

    def flips(self, labels: Tensor, generator: torch.Generator) -> Tensor | None:
        """bool [B]: which sprites of these categories to mirror, half of those that may be; None if none may."""
        if not self.mirror.any():
            return None
        return (torch.rand(len(labels), generator=generator) < 0.5) & self.mirror[labels]

    @property
    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        """The values of each facet, of the category first, in the order of a context."""
        return {CATEGORY: self.sprites.categories} | self.facets

    def showing(self, text: str) -> tuple[Tensor, Tensor]:
        """Indices of the sprites that have all of these tags, int64 [*], and the tags as a context, float32 [V].

        Raises ValueError as `parse_tags` does, and for tags that no sprite has together.
        """
        context = torch.zeros(sum(map(len, self.vocabulary.values())))
        for flags in parse_tags(text, self.vocabulary).values():
            context += flags
        K, labels = len(self.sprites.categories), torch.from_numpy(self.sprites.labels)
        shown = torch.ones(len(self.sprites), dtype=torch.bool)
        for place in context.nonzero().flatten().tolist():
            shown &= labels == place if place < K else self.flags[:, place - K]
        rows = shown.nonzero().flatten()
        if not len(rows):
            raise ValueError(f"no sprite has the tags {text!r} together")
        return rows, context

    def without(self, texts: Sequence[str]) -> "SpriteData":
        """The same, but sprites that have all the tags of one of these texts, and copies of them, are not trained on.
        Those held out by chance stay what they are: a draw from all.

        Raises ValueError as `showing` does.
        """
        if not texts:
            return self
        rows = np.concatenate([self.showing(text)[0] for text in texts])
        return replace(self, train=self.train[~np.isin(self.hashes[self.train], self.hashes[rows])])

    def validation(self) -> tuple[Tensor, Tensor]:
        """The held-out sprites, or `VALIDATION_MAX` at most of them, evenly spread: x and contexts."""
        rows = self.val[:: max(1, -(-len(self.val) // VALIDATION_MAX))]
        return self.batch(rows)[0], self.contexts(rows)

    def facts(self) -> dict[str, str]:
        """What tells this collection from another, for a run that is resumed."""
        facts = {"sprites": self.describe(), "pixels": digest(self.hashes), "labels": digest(self.sprites.labels)}
        return facts if self.flags is None else facts | {"tags": digest(self.flags.numpy())}

    def describe(self) -> str:
        """One line: how many sprites, what they are, copies found and the split."""
        s = self.sprites
        kind = {3: "RGB", 4: "RGBA"}[s.channels]
        copies = f", {self.duplicates} exact copies" if self.duplicates else ", no exact copies"
        apart = len(s) - len(self.train) - len(self.val)
        return (
            f"{len(s)} sprites {s.size}x{s.size} {kind} in {len(s.categories)} categories ({', '.join(s.categories)})"
            f"{copies}; {len(self.train)} to train on, {len(self.val)} held out"
            f"{f', {apart} more by their tags' if apart else ''}"
        )


def load_data(
    folder: str | Path,
    *,
    size: int | None = None,
    resize: str | None = None,
    mirror: tuple[str, ...] = (),
    val_fraction: float = 0.05,
    tags: bool = False,
    hold_out: tuple[str, ...] = (),
) -> SpriteData:
    """Read a folder of sprites of any of the three forms and split it by content; tags: with its tag table.

    hold_out: tags, as "kind=knight colour=red", of which those sprites are not trained on that have them all.
    Raises ValueError (from `sprites.io`, for an unknown name in `mirror`, or for tags that are not there) in one line
    that says what to do.
    """
    if hold_out and not tags:
        raise ValueError("hold_out names tags, which are learnt with --tags only; add it")
    sprites = load_sprites(folder, size=size, resize=resize)
    for name in mirror:
        if name not in (*sprites.categories, "*"):
            raise ValueError(f"mirror names {name!r}, but the categories are {', '.join(sprites.categories)} (or '*')")
    if UNCOND in sprites.categories:
        raise ValueError(
            f"{folder}: a category cannot be named {UNCOND!r}, the word for no category; rename it, to {UNCOND}_ say"
        )
    content = examine(sprites.images)
    notes = (*sprites.notes, *notes_on_content(sprites, content))
    train, val = split(content.hashes, val_fraction)
    every = "*" in mirror and "*" not in sprites.categories
    flips = torch.tensor([every or c in mirror for c in sprites.categories])
    facets, flags = read_tags(folder, sprites, flips) if tags else ({}, None)
    data = SpriteData(sprites, train, val, flips, content.hashes, facets, flags, notes)
    try:
        data = data.without(hold_out)
    except ValueError as e:
        raise ValueError(f"hold_out: {e}") from e
    if not len(data.train):
        raise ValueError(
            f"{folder}: no sprite is left to train on; lower val_fraction = {val_fraction:g}, or hold out less"
        )
    return data


def read_tags(folder: str | Path, sprites: Sprites, mirror: Tensor) -> tuple[dict[str, tuple[str, ...]], Tensor]:
    """The facets of a folder's tag table, and the flags of its sprites; see `SpriteData`."""
    table = load_tags(folder)
    if table is None:
        raise ValueError(f"{folder} has no tags.csv to learn tags from; add one (see sprites/README.md)")
    rows, counts = (
        {name: int((labels == k).sum()) for k, name in enumerate(names)}
        for labels, names in ((table.labels, table.categories), (sprites.labels, sprites.categories))
    )
    for name in sorted(rows.keys() | counts.keys()):
        if rows.get(name, 0) != counts.get(name, 0):
            raise ValueError(
                f"{folder}/tags.csv has {rows.get(name, 0)} rows for {name}, of which there are {counts.get(name, 0)} "
                "sprites; give each its row"
            )
    facets = vocabulary_of(table)
    if not facets:
        raise ValueError(f"{folder}/tags.csv has no column with a value beside category and index, so no tags to learn")
    if CATEGORY in facets:
        raise ValueError(f"{folder}/tags.csv: a facet cannot be named {CATEGORY!r}, which every sprite has; rename it")
    for facet in facets:
        if "=" in facet:
            better = facet.replace("=", "_")
            raise ValueError(f"{folder}/tags.csv: a facet cannot hold an equals sign, got {facet!r}; say {better!r}")
    if mirror.any() and {"left", "right"} & {value for values in facets.values() for value in values}:
        raise ValueError("mirror makes sprites that face right of those that face left, against their tags; drop one")
    flags = flags_of(table)
    ours = [sprites.categories.index(table.categories[label]) for label in table.labels]
    place = torch.empty(len(flags), dtype=torch.long)
    place[np.argsort(ours, kind="stable")] = torch.from_numpy(np.argsort(sprites.labels, kind="stable"))
    return facets, torch.empty_like(flags).index_copy_(0, place, flags)
