"""Context: which category, or mixture of categories, a sprite is to be; and the mask that hides it in training.

A context is a row of K weights: one-hot for a category, any weights for a mixture, all zeros for "no context".
"""

import difflib
import re
import reprlib

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


def parse_context(text: str, categories: tuple[str, ...]) -> Tensor:
    """Read one context, float32 [K], from "hero", from a mixture like "hero=0.7,food=0.3", or from "uncond".

    Raises ValueError for an unknown name (with the nearest known ones) and for a weight that is no finite number.
    """
    weights: dict[str, float] = {}
    if text.strip() == UNCOND:
        return torch.zeros(len(categories))
    for part in text.split(","):
        name, _, weight = (s.strip() for s in part.partition("="))
        if name not in categories:
            if name == UNCOND:
                raise ValueError(f"{UNCOND} stands alone: it has no weight and mixes with nothing, got {text!r}")
            near = difflib.get_close_matches(name, [*categories, UNCOND], n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown category {name!r}: {hint}The model knows {some(categories)} and {UNCOND}")
        if name in weights:
            raise ValueError(f"{name!r} is given twice in {text!r}")
        try:
            weights[name] = float(weight or 1)
        except ValueError:
            raise ValueError(
                f"the weight of {name!r} in {text!r} is {weight!r}: expected a number, as in {name}=0.5"
            ) from None
    context = torch.tensor([weights.get(name, 0.0) for name in categories])
    if not context.isfinite().all():
        raise ValueError(f"the weights in {text!r} must be finite numbers")
    return context


def parse_composition(text: str, categories: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    """Read a sum of contexts with a scale each, like "hero + 0.4 food - side_facing"; one context alone is a sum too.

    Returns contexts [M, K] and weights [M]. Raises ValueError as `parse_context` does. Plus and minus need spaces
    around them, since the names of categories may contain them.
    """
    if len(text) > MAX_TEXT or not text.isprintable():  # it labels a row of the grid, and names a folder
        raise ValueError(f"got {reprlib.repr(text)}, expected a category or a sum in {MAX_TEXT} printable characters")
    first, *rest = re.split(r"\s+([+-])\s+", text.strip())
    contexts, weights = [], []
    for sign, term in zip(["+", *rest[::2]], [first, *rest[1::2]], strict=True):
        named = re.split("[=,]", term)[0].strip() in categories  # "2 handed" may be a name
        number = None if named else re.match(r"(\d*\.?\d+)(?:\s*\*\s*|\s+)(?=\S)", term)
        contexts.append(parse_context(term[number.end() :] if number else term, categories))
        weights.append(float(sign + (number[1] if number else "1")))
    if not torch.tensor(weights).isfinite().all():
        raise ValueError(f"the scales in {text!r} must be finite numbers")
    return torch.stack(contexts), torch.tensor(weights)


def stack_compositions(compositions: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Contexts [B, M, K] and weights [B, M] of B compositions, the shorter ones filled up with terms of weight 0."""
    contexts, weights = zip(*compositions, strict=True)
    return pad_sequence(contexts, batch_first=True), pad_sequence(weights, batch_first=True)
