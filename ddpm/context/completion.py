"""Tags that are left open, drawn: a sprite that is asked to be a knight gets a colour, a facing, a weapon, as knights
have them.

A network that is told all tags of a sprite draws it better than one that has to decide them while it takes away noise.
So p(sprite | asked) is taken apart: p(tags | asked) is that of the training sprites, p(sprite | tags) the network's.
"""

import base64
import zlib
from collections.abc import Sequence
from functools import cached_property
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from ddpm.context.condition import Condition
from ddpm.context.tags import Vocabulary, slices

NEARLY = 1e-4  # of what tags tell, rounding
MOST_BYTES = 2**24  # of lists of tags, as text
Together = Sequence[Sequence[int]]  # for each of some sprites the places of a context that it has


def packed(together: Together) -> str:
    """As short text: a line for each sprite, in order, compressed by zlib, in base 64."""
    lines = "\n".join(sorted(" ".join(map(str, places)) for places in together))
    return base64.b64encode(zlib.compress(lines.encode(), 9)).decode()


def unpacked(text: str) -> list[list[int]]:
    """What was packed. Raises ValueError for what was not."""
    try:
        lines = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), MOST_BYTES).decode("ascii")
        return [[int(place) for place in line.split(" ")] for line in lines.split("\n")]
    except (ValueError, zlib.error) as e:
        raise ValueError(f"its lists of tags are damaged ({e})") from e


def chances(seed: int, indices: Sequence[int]) -> Tensor:
    """float64 [B] uniform in [0, 1): for each sample one that its number and the seed fix, as they fix its noise."""
    return torch.tensor([np.random.default_rng([seed, i, 1]).random() for i in indices], dtype=torch.float64)


class Completion:
    """Completes contexts of a vocabulary by the tags of sprites that it knows.

    together: for each sprite the places of a context, of V, that it has. only: bool [V], the places that a sprite may
    have to be taken.
    """

    def __init__(self, vocabulary: Vocabulary, together: Together, only: Tensor | None = None) -> None:
        self.facets = tuple(slices(vocabulary).values())
        rows = np.zeros((len(together), sum(map(len, vocabulary.values()))), np.float32)
        rows[np.repeat(np.arange(len(rows)), list(map(len, together))), list(chain(*together))] = 1
        self.rows = torch.from_numpy(rows)
        if only is not None:
            self.rows = self.rows[~self.rows[:, ~only].any(1)]

    @cached_property
    def tells(self) -> Tensor:
        """How much each tag tells of the tags of other facets, in nats, [V]: the entropy of these, each taken by
        itself, less that among the sprites that have the tag."""
        count = self.rows.sum(0)
        among = self.rows.T @ self.rows / count.clamp(min=1)[:, None]
        less = torch.special.entr(torch.stack([count / len(self.rows), 1 - count / len(self.rows)])).sum(0)
        less = less - torch.special.entr(torch.stack([among, 1 - among])).sum(0)
        facet = torch.arange(len(self.facets)).repeat_interleave(torch.tensor([c.stop - c.start for c in self.facets]))
        return (less * (facet != facet[:, None])).sum(1)

    def alike(self, context: Tensor) -> tuple[Tensor, bool]:
        """The sprites, int64 [n], that have all tags of a context [V]; where none has, those that have the most telling
        of them (of a blue banana, that it is a banana). And whether they have all."""
        has = self.rows * context
        all_of_it = (has.sum(1) == context.sum()).nonzero().flatten()
        if len(all_of_it):
            return all_of_it, True
        told = has @ self.tells
        return (told > told.max() - NEARLY).nonzero().flatten(), False

    def asked_facets(self, context: Tensor) -> Tensor:
        """bool [V]: the places of the facets of which a context [V] asks for a value."""
        return torch.cat([context[c].any().expand(c.stop - c.start) for c in self.facets])

    def __call__(self, contexts: Tensor, chance: Tensor) -> Tensor:
        """Contexts [B, V] of flags, with what they leave open drawn by a chance each, [B] in [0, 1). Those that ask for
        nothing, or for something in part as mixtures do, stay as they are."""
        found = contexts.clone()
        kinds, kind = contexts.unique(dim=0, return_inverse=True)
        for i, context in enumerate(kinds):
            if not (len(self.rows) and context.any() and ((context == 0) | (context == 1)).all()):
                continue
            these, (rows, has_all) = (kind == i).nonzero().flatten(), self.alike(context)
            drawn = self.rows[rows[(chance[these] * len(rows)).long()]]
            found[these] = drawn if has_all else torch.where(self.asked_facets(context), context, drawn)
        return found

    def of(self, condition: Condition, chance: Tensor) -> Condition:
        """A condition of B rows with those completed that ask for one context; sums of several stay as they are."""
        terms = condition.scales != 0
        alone = (terms.sum(1) == 1).nonzero().flatten()
        term, contexts = terms[alone].int().argmax(1), condition.contexts.clone()
        contexts[alone, term] = self(contexts[alone, term], chance[alone])
        return Condition(contexts, condition.scales, condition.away)
