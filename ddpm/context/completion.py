"""Tags that are left open, drawn: a sprite that is asked to be a knight gets a colour, a facing, a weapon, as knights
have them.

A network that is told all tags of a sprite draws it better than one that has to decide them while it takes away noise.
So p(sprite | asked) is taken apart: p(tags | asked) is that of the training sprites, p(sprite | tags) the network's.
"""

import base64
import zlib
from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from ddpm.context.condition import Condition

MOST = 10_000  # sprites whose tags a model keeps
MOST_BYTES = 2**24  # of their lists, as text
Together = Sequence[Sequence[int]]  # for each of some sprites the places of a context that it has


def packed(together: Together) -> str:
    """As short text: a line for each sprite, in order, compressed by zlib, in base 64. Of none it is empty."""
    if not together:
        return ""
    lines = "\n".join(sorted(" ".join(map(str, places)) for places in together))
    return base64.b64encode(zlib.compress(lines.encode(), 9)).decode()


def unpacked(text: str) -> list[list[int]]:
    """What was packed. Raises ValueError for what was not."""
    if not text:
        return []
    unzip = zlib.decompressobj()
    try:
        lines = unzip.decompress(base64.b64decode(text, validate=True), MOST_BYTES).decode("ascii").split("\n")
        if not unzip.eof or unzip.unused_data or len(lines) > MOST:
            raise ValueError("they do not end where they should")
        return [[int(place) for place in line.split(" ")] for line in lines]
    except (ValueError, zlib.error) as e:
        raise ValueError(f"its lists of tags are damaged ({e})") from e


def chances(seed: int, indices: Sequence[int]) -> Tensor:
    """float64 [B] uniform in [0, 1): for each sample one that its number and the seed fix, as they fix its noise."""
    return torch.tensor([np.random.default_rng([seed, i, 1]).random() for i in indices], dtype=torch.float64)


def fullest(condition: Condition) -> tuple[Tensor, Tensor]:
    """All that the terms of each row ask for, [B, V], and whether one of them asks for all of it, bool [B]."""
    terms = condition.contexts * (condition.scales != 0)[..., None]
    whole = terms.amax(1)
    return whole, (terms == whole[:, None]).all(2).any(1)


class Completion:
    """Completes contexts by the tags of sprites that it knows.

    places: V, the length of a context. together: for each sprite the places of a context that it has. only: bool [V],
    the places that a sprite may have to be taken.
    """

    def __init__(self, places: int, together: Together, only: Tensor | None = None) -> None:
        rows = np.zeros((len(together), places), np.float32)
        rows[np.repeat(np.arange(len(rows)), list(map(len, together))), list(chain(*together))] = 1
        self.rows = torch.from_numpy(rows)
        if only is not None:
            self.rows = self.rows[~self.rows[:, ~only].any(1)]

    def __call__(self, contexts: Tensor, chance: Tensor, away: Tensor | None = None) -> Tensor:
        """Contexts [B, V] of flags -> those of sprites that have all of them, drawn by a chance each, [B] in [0, 1).

        Those that ask for nothing, for something in part as mixtures do, or for what no sprite has, stay as they are.
        away [B, V]: tags that no sprite that is taken has all of, if others can be taken.
        """
        found, V = contexts.clone(), contexts.shape[1]
        both = torch.cat([contexts, contexts.new_zeros(contexts.shape) if away is None else away], 1)
        kinds, kind = both.unique(dim=0, return_inverse=True)
        has_all = self.rows @ kinds[:, :V].T == kinds[:, :V].sum(1)
        has_gone = self.rows @ kinds[:, V:].T == kinds[:, V:].sum(1)
        for i, context in enumerate(kinds[:, :V]):
            rows = has_all[:, i] & ~has_gone[:, i]
            rows = (rows if rows.any() else has_all[:, i]).nonzero().flatten()
            if len(rows) and context.any() and ((context == 0) | (context == 1)).all():
                these = (kind == i).nonzero().flatten()
                found[these] = self.rows[rows[(chance[these] * len(rows)).long()]]
        return found

    def of(self, condition: Condition, scale: Tensor, seed: int, indices: Sequence[int]) -> Condition:
        """A condition of B rows, completed where it is guided by scales [B] towards one context, or towards one whose
        parts are its other terms, as where facets have scales of their own: then all get what is drawn. indices: B
        numbers, of which each, with the seed, fixes what is drawn."""
        if not len(self.rows):
            return condition
        condition, counts = condition.to(torch.device("cpu")), condition.scales.cpu() != 0
        whole, nested = fullest(condition)
        rows = (nested & (condition.scales.sum(1) * scale.cpu() >= 0)).nonzero().flatten()
        away = None if condition.away is None else condition.away[rows]
        more = self(whole[rows], chances(seed, indices)[rows], away) - whole[rows]
        contexts = condition.contexts.clone()
        contexts[rows] += more[:, None] * counts[rows][..., None]
        return Condition(contexts, condition.scales, condition.away)
