"""Tags as context: a sprite has values of several facets (category, kind, colour, ...), any of which may be left open.

A context is a row of V flags, one for each value of each facet, in the order of a vocabulary. A tag that is missing is
a zero, and has no part in what the network computes (ddpm/attention.py); a row of zeros is no context at all.
"""

import difflib
import shlex
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

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


def flags_of(tags: Tags) -> Tensor:
    """bool [N, V]: which of the values of `vocabulary_of(tags)` each sprite has."""
    columns = [tags[name].has(value) for name, values in vocabulary_of(tags).items() for value in values]
    return torch.from_numpy(np.stack(columns, axis=1))


def quoted(facet: str, value: str) -> str:
    """A tag as `parse_tags` reads it."""
    return f"{shlex.quote(facet)}={shlex.quote(value)}"


def near(name: str, known: Sequence[str]) -> str:
    """The names most like this one, or all of them if they are few, for a message."""
    found = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if found:
        return f"did you mean {' or '.join(map(repr, found))}?"
    return f"there are {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"


def parse_tags(text: str, vocabulary: Vocabulary) -> dict[str, Tensor]:
    """Read "kind=knight colour=red accessory='full helm+sword'": by facet, in the order given, float32 [V] with a 1 for
    each of its values. Names are quoted as in a shell. Empty text asks for nothing.

    Raises ValueError for an unknown facet or value, with the nearest known ones, and for one given twice.
    """
    places = [(facet, value) for facet, values in vocabulary.items() for value in values]
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
            raise ValueError(f"no facet {facet!r} is known: {near(facet, tuple(vocabulary))}")
        if facet in found:
            raise ValueError(f"{facet} is given twice in {text!r}; join values by +, as in {facet}=a+b")
        names = [value] if value in vocabulary[facet] else value.split("+")  # a category may hold a plus
        for name in names:
            if name not in vocabulary[facet]:
                raise ValueError(f"no {facet} {name!r} is known: {near(name, vocabulary[facet])}")
        wanted = {(facet, name) for name in names}
        found[facet] = torch.tensor([float(place in wanted) for place in places])
    return found


def describe(vocabulary: Vocabulary) -> str:
    """All that can be asked for, a facet a line."""
    return "\n".join(
        f"{shlex.quote(facet)}: {', '.join(map(shlex.quote, values))}" for facet, values in vocabulary.items()
    )


def parse_row(text: str, vocabulary: Vocabulary, scales: Mapping[str, float]) -> tuple[Tensor, Tensor]:
    """Contexts [M, V] and weights [M] of "kind=knight colour=red", guided as `facet_guidance` says, or as a whole."""
    asked = parse_tags(text, vocabulary)
    if not asked:
        return torch.zeros(1, sum(map(len, vocabulary.values()))), torch.ones(1)
    return facet_guidance(asked, scales)


def facet_guidance(asked: Mapping[str, Tensor], scales: Mapping[str, float]) -> tuple[Tensor, Tensor]:
    """Contexts [M, V] and weights [M] of a sum that guides every facet by a scale of its own.

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
    weights = s[:-1] - s[1:]
    needed = weights != 0
    return contexts[needed], weights[needed]
