"""What is asked for on the command line, as contexts of a model: categories, mixtures, sums of them, or tags."""

import re
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ddpm import tags
from ddpm.checkpoint import ModelSpec
from ddpm.context import Wording, parse_composition, parse_context, stack_compositions
from ddpm.forms import parse_form


def wide(context: Tensor, spec: ModelSpec) -> Tensor:
    """Contexts of categories [..., K] as contexts of the model [..., V], with all other tags left open."""
    return F.pad(context, (0, spec.places - context.shape[-1]))


def asked(
    spec: ModelSpec, categories: Sequence[str], rows: Sequence[str], scales: Mapping[str, float]
) -> tuple[Sequence[str], Tensor, Tensor]:
    """Names, contexts [R, M, V] and weights [R, M] of the rows of a grid: of `categories`, or `rows` of tags, or all
    categories of the model. scales: of the guidance of each facet, if it has one of its own.

    Raises ValueError for what the model does not know.
    """
    if categories and rows:
        raise ValueError("give --categories or --tags, not both; a category is a tag too, as in category=hero")
    if rows:
        check_tags(spec)
        return rows, *stack_compositions([tags.parse_row(row, spec.vocabulary, scales) for row in rows])
    if scales:
        raise ValueError(f"--guidance {next(iter(scales))}=... goes with --tags, which say what each row is to be")
    if not categories:
        return spec.categories, spec.contexts()[:, None], torch.ones(len(spec.categories), 1)
    contexts, weights = stack_compositions([parse_composition(name, spec.categories) for name in categories])
    return categories, wide(contexts, spec), weights


def named(spec: ModelSpec, text: str) -> Tensor:
    """One context [V], of a category or mixture; or of tags, if the model has facets, where an equals sign follows what
    is no category."""
    wording = Wording(text, spec.categories)
    first = wording.name(re.split("[=,]", wording.hidden)[0].strip())
    if spec.facets and "=" in text and not {text, first} & set(spec.categories):
        return sum(tags.parse_tags(text, spec.vocabulary).values())
    return wide(parse_context(text, spec.categories), spec)


def labels_of(spec: ModelSpec, contexts: Tensor, weights: Tensor) -> Tensor:
    """The category of the largest weight of each composition [R, M, V], [R, M]: int64 [R], -1 where there is none."""
    wanted = (weights[..., None] * contexts).sum(1)[:, : len(spec.categories)]
    return torch.where(wanted.amax(1) > 0, wanted.argmax(1), -1)


def check_form(form: str, scales: Mapping[str, float]) -> None:
    """Raise ValueError for a form of guidance that acts on one scale, where each facet has its own."""
    if other := sorted(set(parse_form(form)) - {"cfg", "threshold"} if scales else ()):
        raise ValueError(f"--form {other[0]} needs one guidance scale for all facets, got {', '.join(scales)}=...")


def check_tags(spec: ModelSpec) -> None:
    """Raise ValueError for a model that was not trained with tags."""
    if not spec.facets:
        raise ValueError("this model takes no tags, only categories; train one with scripts/train.py ... --tags")


def describe(spec: ModelSpec) -> str:
    """All the tags that a model knows, a facet a line."""
    check_tags(spec)
    return tags.describe(spec.vocabulary)
