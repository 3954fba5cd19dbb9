"""A sprite collection with its split, its mirroring and its tags."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np
import torch
from torch import Tensor

from ddpm.context.categories import one_hot
from ddpm.context.completion import MOST
from ddpm.context.tags import CATEGORY, parse_tags
from ddpm.data.pixel_art import Style
from ddpm.data.tensors import to_tensor
from sprites.clips import begins, lengths_of
from sprites.content import count_duplicates
from sprites.loading import Sprites

STYLE_MOST = 2000  # sprites whose style is looked at, evenly spread
VALIDATION_MAX = 512  # sprites used for the validation loss; more would only take time


def digest(values: np.ndarray) -> str:
    """Of an array's bytes, as 16 hexadecimal digits."""
    return blake2b(np.ascontiguousarray(values).data, digest_size=8).hexdigest()


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
    """Of the content of each sprite, uint64 [N], before it was brought to a palette; see
    `sprites.content.content_hashes`."""
    facets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The values of each facet of its tags, if they are part of the context."""
    flags: Tensor | None = None
    """bool [N, V]: which of those values each sprite has."""
    notes: tuple[str, ...] = ()
    """What the user should know of the data, one line each."""
    palette: np.ndarray | None = None
    """The colours of all opaque pixels, uint8 [P, 3], if they are few or were given."""

    @cached_property
    def cycles(self) -> np.ndarray:
        """The first sprite and the length of each clip of two frames or more that is trained on as a whole,
        int64 [M, 2]."""
        if self.sprites.clips is None:
            return np.empty((0, 2), np.int64)
        first, length = np.flatnonzero(begins(self.sprites.clips)), lengths_of(self.sprites.clips)
        trained = np.zeros(len(self.sprites) + 1, np.int64)
        trained[1 + self.train] = 1
        trained = trained.cumsum()
        whole = (length > 1) & (trained[first + length] - trained[first] == length)
        return np.stack([first, length], 1)[whole]

    @property
    def moving(self) -> tuple[str, ...]:
        """The categories that have clips to train on."""
        return tuple(self.sprites.categories[label] for label in np.unique(self.sprites.labels[self.cycles[:, 0]]))

    @cached_property
    def moved(self) -> dict[str, tuple[str, ...]]:
        """Of each facet but those of `varying`, the values that some clip to train on shows."""
        if self.flags is None:
            return {}
        shown = self.flags[self.cycles[:, 0]].any(0).split([len(values) for values in self.facets.values()])
        return {
            facet: tuple(value for value, is_shown in zip(values, flags.tolist(), strict=True) if is_shown)
            for (facet, values), flags in zip(self.facets.items(), shown, strict=True)
            if facet not in self.varying
        }

    @cached_property
    def varying(self) -> tuple[str, ...]:
        """The facets, such as "frame", whose tags differ between the frames of a cycle."""
        if self.flags is None or self.sprites.clips is None:
            return ()
        same_clip = torch.from_numpy(self.sprites.clips[1:] == self.sprites.clips[:-1])
        changes = ((self.flags[1:] != self.flags[:-1]) & same_clip[:, None]).any(0)
        of_facets = changes.split([len(values) for values in self.facets.values()])
        return tuple(facet for facet, change in zip(self.facets, of_facets, strict=True) if change.any())

    @cached_property
    def rarity(self) -> Tensor:
        """float32 [V]: of each value of a context, 1 / (values of its facet * share of the sprites that have it)."""
        having = np.bincount(self.sprites.labels, minlength=len(self.sprites.categories))
        if self.flags is not None:
            having = np.concatenate([having, self.flags.sum(0).numpy()])
        values = np.array([len(values) for values in self.vocabulary.values() for _ in values])
        return torch.from_numpy(len(self.sprites) / (values * having.clip(1))).float()

    @cached_property
    def turned(self) -> Tensor:
        """int64 [V]: the places of a context that a sprite has when it is mirrored: left and right change places."""
        places = [(facet, value) for facet, values in self.vocabulary.items() for value in values]
        other = {"left": "right", "right": "left"}
        turned = [(facet, value if facet == CATEGORY else other.get(value, value)) for facet, value in places]
        return torch.tensor([places.index(place) for place in turned])

    @cached_property
    def together(self) -> list[list[int]]:
        """Of training sprites, at most `MOST` evenly spread, the places of a context that each has; half of those
        that may be mirrored are. Of none where there are no tags."""
        if self.flags is None:
            return []
        some = self.train[np.linspace(0, len(self.train) - 1, min(MOST, len(self.train))).astype(int)]
        contexts = self.contexts(some)
        if self.mirror.any():
            turned = self.mirror[torch.from_numpy(self.sprites.labels[some])] & (
                torch.rand(len(some), generator=torch.Generator()) < 0.5
            )
            contexts[turned] = contexts[turned][:, self.turned]
        return [context.nonzero().flatten().tolist() for context in contexts]

    @cached_property
    def style(self) -> Style | None:
        """What the training sprites are like, if they have a palette."""
        some = self.train[:: -(-len(self.train) // STYLE_MOST)]
        return None if self.palette is None else Style.of(self.sprites.take(some), self.sprites.labels[some])

    @cached_property
    def duplicates(self) -> int:
        """How many sprites are exact copies of an earlier one."""
        return count_duplicates(self.hashes)

    def batch(self, indices: Tensor | np.ndarray) -> tuple[Tensor, Tensor]:
        """x float32 [B, C, H, W] in [-1, 1], labels int64 [B]."""
        indices = np.asarray(indices)
        return to_tensor(self.sprites.take(indices)), torch.from_numpy(self.sprites.labels[indices])

    def contexts(self, indices: Tensor | np.ndarray) -> Tensor:
        """All that is known of these sprites, float32 [B, K], or with tags [B, K + V]."""
        indices = torch.as_tensor(indices)
        context = one_hot(torch.from_numpy(self.sprites.labels)[indices], len(self.sprites.categories))
        return context if self.flags is None else torch.cat([context, self.flags[indices].float()], 1)

    def flips(self, labels: Tensor, generator: torch.Generator) -> Tensor | None:
        """bool [B]: which sprites of these categories to mirror, half of those that may be; None if none may."""
        if not self.mirror.any():
            return None
        device = generator.device
        return (torch.rand(len(labels), generator=generator, device=device) < 0.5) & self.mirror.to(device)[labels]

    @property
    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        """The values of each facet, of the category first, in the order of a context."""
        return {CATEGORY: self.sprites.categories} | self.facets

    def having(self, text: str) -> tuple[Tensor, Tensor]:
        """Indices of the sprites that have all of these tags, int64 [*], and the tags as a context, float32 [V].

        Raises ValueError as `parse_tags` does.
        """
        context = torch.zeros(sum(map(len, self.vocabulary.values())))
        for flags in parse_tags(text, self.vocabulary).values():
            context += flags
        known = self.contexts(torch.arange(len(self.sprites)))
        return known[:, context > 0].all(1).nonzero().flatten(), context

    def showing(self, text: str) -> tuple[Tensor, Tensor]:
        """As `having`. Raises ValueError also for tags that no sprite has together."""
        rows, context = self.having(text)
        if not len(rows):
            raise ValueError(f"no sprite has the tags {text!r} together")
        return rows, context

    def without(self, texts: Sequence[str], missing_ok: bool = True) -> "SpriteData":
        """The same data, but without training on sprites that have all the tags of one of these texts, or on their
        copies. The validation split does not change: it stays a draw from all sprites.

        Raises ValueError as `having` does, or, not missing_ok, as `showing`.
        """
        if not texts:
            return self
        find = self.having if missing_ok else self.showing
        rows = np.concatenate([find(text)[0] for text in texts])
        return replace(self, train=self.train[~np.isin(self.hashes[self.train], self.hashes[rows])])

    def validation(self) -> tuple[Tensor, Tensor]:
        """The held-out sprites, or `VALIDATION_MAX` at most of them, evenly spread: x and contexts."""
        rows = self.val[:: max(1, -(-len(self.val) // VALIDATION_MAX))]
        return self.batch(rows)[0], self.contexts(rows)

    def facts(self) -> dict[str, str]:
        """What tells this collection from another, for a run that is resumed."""
        facts = {"sprites": self.describe(), "pixels": digest(self.hashes), "labels": digest(self.sprites.labels)}
        if self.flags is not None:
            facts["tags"] = digest(self.flags.numpy())
        return facts if self.palette is None else facts | {"palette": digest(self.palette)}

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
