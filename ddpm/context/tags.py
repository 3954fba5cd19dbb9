"""Tags as context: a sprite has values of several facets (category, kind, colour, ...), any of which may be left open.

A context is a row of V flags, one for each value of each facet, in the order of a vocabulary. A tag that is missing is
a zero, and has no part in what the network computes (ddpm/network/attention.py); a row of zeros is no context at all.
"""

import math
import shlex
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from ddpm.config import Config
from ddpm.context.categories import mask_context
from ddpm.context.condition import Condition
from ddpm.system.names import nearest
from sprites.tags import Tags

CATEGORY = "category"
Vocabulary = Mapping[str, tuple[str, ...]]  # the values of each facet, by its name


def vocabulary_of(tags: Tags) -> dict[str, tuple[str, ...]]:
    """The facets of a tag table that have values; "sword+shield" is two values."""
    found = {
        name: tuple(sorted({part for value in facet.values for part in value.split("+")} - {""}))
        for name, facet in tags.facets.items()
    }
    return {name: values for name, values in found.items() if values}


def flags_of(tags: Tags, vocabulary: Vocabulary) -> Tensor:
    """bool [N, V]: which of these values each sprite has. Raises ValueError for a facet that the table has not."""
    columns = [tags[name].has(value) for name, values in vocabulary.items() for value in values]
    return torch.from_numpy(np.stack(columns, axis=1))


def quoted(facet: str, value: str) -> str:
    """A tag as `parse_tags` reads it."""
    return f"{shlex.quote(facet)}={shlex.quote(value)}"


def suggestion(name: str, known: Sequence[str], facet: str | None = None) -> str:
    """The names most like this one, or all of them if they are few, for a message. facet: whose values they are; then
    they are said as they would have to be typed."""
    if found := nearest(name, known, most=3, cutoff=0.5):
        said = map(repr, found) if facet is None else (quoted(facet, value) for value in found)
        return f"did you mean {' or '.join(said)}?"
    return f"there are {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"


def parse_tags(text: str, vocabulary: Vocabulary) -> dict[str, Tensor]:
    """Read "kind=knight colour=red accessory='full helm+sword'": by facet, in the order given, float32 [V] with a 1 for
    each of its values. Names are quoted as in a shell. Empty text asks for nothing.

    Raises ValueError for an unknown facet or value, with the nearest known ones, and for one given twice.
    """
    places = [(facet, value) for facet, values in vocabulary.items() for value in values]
    example = [quoted(f, values[0]) for f, values in vocabulary.items()][:2]
    found: dict[str, Tensor] = {}
    try:
        parts = shlex.split(text)
    except ValueError as e:
        raise ValueError(f"tags {text!r}: {e}; expected facet=value, as in {quoted(*places[0])}") from e
    for part in parts:
        facet, equals, value = part.partition("=")
        if not equals:
            owners = [f"{f}={v}" for f, v in places if v == part]
            raise ValueError(f"tag {part!r}: expected facet=value, as in {(owners or [quoted(*places[0])])[0]}")
        if facet not in vocabulary:
            raise ValueError(f"no facet {facet!r} is known: {suggestion(facet, tuple(vocabulary))}")
        if facet in found:
            raise ValueError(f"{facet} is given twice in {text!r}; join values by +, as in {facet}=a+b")
        names = [value] if value in vocabulary[facet] else value.split("+")  # a category may hold a plus
        for name in names:
            if name not in vocabulary[facet]:
                if set(",;=") & set(value):
                    raise ValueError(f"tags {text!r}: they stand apart by spaces, as in {' '.join(example)}")
                raise ValueError(f"no {facet} {name!r} is known: {suggestion(name, vocabulary[facet], facet)}")
        wanted = {(facet, name) for name in names}
        found[facet] = torch.tensor([float(place in wanted) for place in places])
    return found


def spelled(context: Tensor, vocabulary: Vocabulary) -> str:
    """The tags of a context of flags [V], as `parse_tags` reads them."""
    flags, found = iter(context.tolist()), []
    for facet, values in vocabulary.items():
        if has := [value for value in values if next(flags)]:
            found.append(quoted(facet, "+".join(has)))
    return " ".join(found)


def facet_guidance(asked: Mapping[str, Tensor], scales: Mapping[str, float]) -> Condition:
    """One composition that guides every facet by a scale of its own. asked: float32 [V] by facet.

    The facets join one after the other, and each step is scaled, as Brooks et al. 2023 (arXiv:2211.09800, eq. 3) do
    with two conditions: with c_0 = none, c_i = the tags of the first i facets,

        out = f(c_0) + sum_i s_i (f(c_i) - f(c_(i-1))) = f(c_0) + sum_i (s_i - s_(i+1)) (f(c_i) - f(c_0)),  s_(M+1) = 0.

    So facets of one scale need one call together, and equal scales for all are plain guidance. Facets without a scale
    come last, with 1. Raises ValueError for the scale of a facet that is not asked for.
    """
    for facet in scales:
        if facet not in asked:
            raise ValueError(f"--guidance {facet}={scales[facet]:g} is for a facet that --tags does not ask for")
    order = [*scales, *(facet for facet in asked if facet not in scales)]
    contexts = torch.stack([asked[facet] for facet in order]).cumsum(0)
    s = torch.tensor([*scales.values(), *(1.0 for _ in range(len(order) - len(scales))), 0.0])
    terms = s[:-1] - s[1:]
    needed = terms != 0
    needed[0] |= not needed.any()  # all scales 0: no context, as a term that counts for nothing
    return Condition(contexts[None, needed], terms[None, needed])


def mask_tags(
    context: Tensor, categories: int, config: Config, generator: torch.Generator, rarity: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Hide tags of contexts [B, V], so that a network learns to answer for any of them: each by a Bernoulli(keep_tag)
    of its own, and all of a sample by `mask_context` with keep_context. The first columns are those of the categories.

    By keep_tag = 0.9 alone, only 54 of a million samples would show one of six tags by itself, which is how people ask.
    So a share `few_tags` of the samples keep k of their n tags; k has the probability log(1 + 1/k) / log(1 + n), so
    that one alone is the most frequent. They are drawn one after another, each with a chance in proportion to `rarity`,
    float32 [V]: the first are those with the smallest of Exp(1) / rarity (Efraimidis & Spirakis 2006). By
    `SpriteData.rarity` each facet is alone about as often as others, and each value as others of its facet. None: all
    alike. A share `category_alone` keep their category and no more.

    Returns the masked context and which samples have any left, float32 [B].
    """
    device = generator.device
    which, u = torch.rand(2, len(context), 1, generator=generator, device=device)
    present = (context != 0).to(device)
    k = ((present.sum(1, keepdim=True) + 1) ** u).long().clamp(max=context.shape[1])
    order = -torch.log1p(-torch.rand(context.shape, generator=generator, device=device))
    order = (order if rarity is None else order / rarity.to(device)).masked_fill(~present, math.inf)
    last = order.sort(1).values.gather(1, k - 1)
    each = torch.bernoulli(torch.full(context.shape, config.keep_tag, device=device), generator=generator).bool()
    kept = torch.where(which < config.few_tags, order <= last, each)
    if config.category_alone:  # or runs from before would see other random numbers
        alone = torch.rand(len(context), 1, generator=generator, device=device) < config.category_alone
        kept = torch.where(alone, torch.arange(context.shape[1], device=device) < categories, kept)
    masked, _ = mask_context(context * kept.to(context.device), config.keep_context, generator)
    return masked, masked.any(1).float()


def hide(
    context: Tensor, categories: int, config: Config, generator: torch.Generator, rarity: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """What training hides of contexts [B, V], by `mask_tags` where they have tags beside the K categories, else by
    `mask_context`: the masked context, and which samples have any left, float32 [B]."""
    if context.shape[1] > categories:
        return mask_tags(context, categories, config, generator, rarity)
    return mask_context(context, config.keep_context, generator)


def without(facets: Sequence[str], vocabulary: Vocabulary) -> Tensor:
    """bool [V]: the columns of a context but those of some facets."""
    return torch.tensor([facet not in facets for facet, values in vocabulary.items() for _ in values])


def slices(vocabulary: Vocabulary) -> dict[str, slice]:
    """The columns of each facet in a context."""
    ends = torch.tensor([0, *map(len, vocabulary.values())]).cumsum(0).tolist()
    return {facet: slice(ends[i], ends[i + 1]) for i, facet in enumerate(vocabulary)}
