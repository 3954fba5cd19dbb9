"""Context: which category, or mixture of categories, a sprite is to be; and the mask that hides it in training.

A context is a row of K weights: one-hot for a category, any weights for a mixture, all zeros for "no context".
"""

import difflib
import re
import reprlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sprites.files import some

UNCOND = "uncond"
MAX_TEXT = 1000  # characters


def one_hot(labels: Tensor, categories: int) -> Tensor:
    """int64 [B] labels -> float32 [B, K] contexts."""
    return F.one_hot(labels, categories).float()


def mask_context(context: Tensor, keep_probability: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Hide the context of some samples, so that one network learns to denoise with and without it.

    Draws a Bernoulli(keep_probability) mask per sample: 1 keeps a row of `context` [B, K], 0 zeroes it (Ho & Salimans
    2022, arXiv:2207.12598, algorithm 1, whose p_uncond is 1 - keep_probability). Returns the masked context, a new
    tensor, and the mask, float32 [B]. Only training calls this; sampling chooses its contexts itself.
    """
    keep = torch.full((len(context),), keep_probability, device=generator.device)
    mask = torch.bernoulli(keep, generator=generator).to(context.device)
    return context * mask[:, None], mask


def mask_tags(
    context: Tensor, keep_tag: float, few_tags: float, keep_all: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Hide tags of contexts [B, V], so that a network learns to answer for any of them: each by a Bernoulli(keep_tag)
    of its own, and all of a sample by `mask_context` with keep_all.

    With 0.9, one of six tags would be seen alone in 54 of a million samples, but it is how people ask. So a share
    `few_tags` of the samples keep just some of their n tags, any as likely as others: k of them with probability
    log(1 + 1/k) / log(1 + n), so one alone most often.

    Returns the masked context and which samples have any left, float32 [B].
    """
    which, u = torch.rand(2, len(context), 1, generator=generator)
    present = (context != 0).cpu()
    k = ((present.sum(1, keepdim=True) + 1) ** u).long().clamp(max=context.shape[1])
    order = torch.rand(context.shape, generator=generator).masked_fill(~present, 2)
    last = order.sort(1).values.gather(1, k - 1)
    each = torch.bernoulli(torch.full(context.shape, keep_tag), generator=generator).bool()
    kept = torch.where(which < few_tags, order <= last, each).to(context.device)
    masked, _ = mask_context(context * kept, keep_all, generator)
    return masked, masked.any(1).float()


def quoted(name: str) -> str:
    """The name of a category as it can stand in a mixture or a sum, whatever it holds."""
    return "'" + name.replace("'", "''") + "'"


class Wording:
    """A text in which quoted names of categories are hidden, so that nothing in them is read as an operator."""

    def __init__(self, text: str, categories: Sequence[str]):
        if len(text) > MAX_TEXT or not text.isprintable():  # it labels a row of the grid, and names a folder
            expected = f"expected a category or a sum in {MAX_TEXT} printable characters"
            raise ValueError(f"got {reprlib.repr(text)}, {expected}")
        self.text, self.names, self.categories = text, [], categories
        self.hidden = re.sub(r"(?<![^\s,*])'((?:[^']|'')*)'(?![^\s,=])", self._hide, text)

    def _hide(self, found: re.Match) -> str:
        name = found[1].replace("''", "'")
        if name not in self.categories:
            return found[0]
        self.names.append(name)
        return f"\0{len(self.names) - 1}\0"

    def name(self, part: str) -> str:
        """What a part of `hidden` names: a quoted name without its quotes, else the part as it was given."""
        if re.fullmatch("\0\\d+\0", part):
            return self.names[int(part[1:-1])]
        return re.sub("\0(\\d+)\0", lambda found: quoted(self.names[int(found[1])]), part)


def parse_context(text: str, categories: Sequence[str]) -> Tensor:
    """Read one context, float32 [K], from "hero", from a mixture like "hero=0.7,food=0.3", or from "uncond".

    What is the name of a category is that category. In a mixture, a name may stand in single quotes, and must where it
    holds a comma, an equals sign or spaces at its ends: "'a,b'=0.7,food=0.3"; a quote in it is doubled. Raises
    ValueError for an unknown name (with the nearest known ones) and for a weight that is no finite number.
    """
    if text in categories:
        return _one(text, categories)
    wording = Wording(text, categories)
    return _mixture(wording.hidden, wording)


def _one(name: str, categories: Sequence[str]) -> Tensor:
    return torch.tensor([float(c == name) for c in categories])


def _mixture(part: str, wording: Wording) -> Tensor:
    """The context, float32 [K], that a part of a text asks for."""
    categories, said = wording.categories, wording.name(part)
    weights: dict[str, float] = {}
    if part.strip() == UNCOND:
        return torch.zeros(len(categories))
    if wording.name(part.strip()) in categories:
        return _one(wording.name(part.strip()), categories)
    for piece in part.split(","):
        name, weight = wording.name(piece.strip()), ""
        if name not in categories:
            name, weight = (wording.name(s.strip()) for s in piece.partition("=")[::2])
        if name not in categories:
            raise ValueError(_unknown(name, wording))
        if name in weights:
            raise ValueError(f"{name!r} is given twice in {said!r}")
        try:
            weights[name] = float(weight or 1)
        except ValueError:
            raise ValueError(
                f"the weight of {name!r} in {said!r} is {weight!r}: expected a number, as in {name}=0.5"
            ) from None
    context = torch.tensor([weights.get(name, 0.0) for name in categories])
    if not context.isfinite().all():
        raise ValueError(f"the weights in {said!r} must be finite numbers")
    return context


def _unknown(name: str, wording: Wording) -> str:
    """What is wrong with a name, and what may have been meant."""
    categories = wording.categories
    if name == UNCOND:
        return f"{UNCOND} stands alone: it has no weight and mixes with nothing, got {wording.text!r}"
    for known in categories:
        if known in wording.text and re.search(r"[,=]|\s[+-]\s|^\s|\s$", known):
            return f"unknown category {name!r} in {wording.text!r}: write {quoted(known)}, in quotes, for that category"
    near = difflib.get_close_matches(name, [*categories, UNCOND], n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown category {name!r}: {hint}The model knows {some(categories)} and {UNCOND}"


def parse_composition(text: str, categories: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Read a sum of contexts with a scale each, like "hero + 0.4 food - side_facing"; one context alone is a sum too.

    Returns contexts [M, K] and weights [M]. What is the name of a category is that category; in a sum, a name that
    holds a plus or minus with spaces around it stands in quotes, as `parse_context` reads them. Raises ValueError as
    that does. Plus and minus need spaces around them, since the names of categories may contain them.
    """
    if text in categories:
        return _one(text, categories)[None], torch.ones(1)
    wording = Wording(text, categories)
    first, *rest = re.split(r"\s+([+-])\s+", wording.hidden.strip())
    contexts, weights = [], []
    for sign, term in zip(["+", *rest[::2]], [first, *rest[1::2]], strict=True):
        starts = (term, re.split("[=,]", term)[0].strip())  # "2 handed" may be a name
        named = any(wording.name(start) in categories for start in starts)
        number = None if named else re.match(r"(\d*\.?\d+)(?:\s*\*\s*|\s+)(?=\S)", term)
        contexts.append(_mixture(term[number.end() :] if number else term, wording))
        weights.append(float(sign + (number[1] if number else "1")))
    if not torch.tensor(weights).isfinite().all():
        raise ValueError(f"the scales in {text!r} must be finite numbers")
    return torch.stack(contexts), torch.tensor(weights)


def stack_compositions(compositions: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Contexts [B, M, K] and weights [B, M] of B compositions, the shorter ones filled up with terms of weight 0."""
    contexts, weights = zip(*compositions, strict=True)
    return pad_sequence(contexts, batch_first=True), pad_sequence(weights, batch_first=True)
