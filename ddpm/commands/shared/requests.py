"""What is asked for on the command line, as contexts of a model: categories, mixtures, sums of them, or tags."""

import re
import reprlib
import shlex
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ddpm.context.condition import Condition
from ddpm.context.tags import Vocabulary, facet_guidance, parse_tags
from ddpm.diffusion.forms import parse_form
from ddpm.runs.spec import ModelSpec
from ddpm.system.console import warn
from ddpm.system.names import near
from sprites.files import UNCOND, some


def wide(context: Tensor, spec: ModelSpec) -> Tensor:
    """Contexts of categories [..., K] as contexts of the model [..., V], with all other tags left open."""
    return F.pad(context, (0, spec.places - context.shape[-1]))


def asked(
    spec: ModelSpec, categories: Sequence[str], rows: Sequence[str], scales: Mapping[str, float]
) -> tuple[Sequence[str], Condition]:
    """Names and conditions of the rows of a grid: of `categories`, or `rows` of tags, or all categories of the model.
    scales: of the guidance of each facet, if it has one of its own.

    Raises ValueError for what the model does not know.
    """
    if categories and rows:
        raise ValueError("give --categories or --tags, not both; a category is a tag too, as in category=hero")
    if rows:
        check_tags(spec)
        hint_at_quotes(rows, spec.vocabulary)
        return rows, Condition.stack([parse_row(row, spec.vocabulary, scales) for row in rows])
    if scales:
        raise ValueError(f"--guidance {next(iter(scales))}=... goes with --tags, which say what each row is to be")
    if not categories:
        return spec.categories, Condition.of(spec.contexts())
    found = [parse_composition(name, spec.categories) for name in categories]
    return categories, Condition.stack([Condition(wide(row.contexts, spec), row.scales) for row in found])


def hint_at_quotes(rows: Sequence[str], vocabulary: Vocabulary) -> None:
    """Say so where rows of one tag each, of different facets, may have been meant as one row."""
    facets = [list(parse_tags(row, vocabulary)) for row in rows]
    if len(rows) > 1 and all(len(each) == 1 for each in facets) and len({each[0] for each in facets}) == len(rows):
        warn(f'{len(rows)} rows; for one sprite that is all of it, quote them together: "{" ".join(rows)}"')


def named(spec: ModelSpec, text: str) -> Tensor:
    """One context [V] from a category or a mixture; or, of a model with tags, from tags: a text with an equals sign
    that does not begin with a category."""
    wording = Wording(text, spec.categories)
    first = wording.name(re.split("[=,]", wording.hidden)[0].strip())
    if spec.facets and "=" in text and not {text, first} & set(spec.categories):
        return torch.stack(list(parse_tags(text, spec.vocabulary).values())).sum(0)
    return wide(parse_context(text, spec.categories), spec)


def labels_of(spec: ModelSpec, condition: Condition) -> Tensor:
    """The category that each of R compositions asks for most: int64 [R], -1 where it asks for none."""
    wanted = (condition.scales[..., None] * condition.contexts).sum(1)[:, : len(spec.categories)]
    return torch.where(wanted.amax(1) > 0, wanted.argmax(1), -1)


def check_form(form: str, scales: Mapping[str, float]) -> None:
    """Raise ValueError for a form of guidance that acts on one scale, where each facet has its own."""
    if other := sorted(set(parse_form(form)) - {"cfg", "threshold"} if scales else ()):
        raise ValueError(f"--form {other[0]} needs one guidance scale for all facets, got {', '.join(scales)}=...")


def check_tags(spec: ModelSpec) -> None:
    """Raise ValueError for a model that was not trained with tags."""
    if not spec.facets:
        raise ValueError("this model takes no tags, only categories; train one with --tags")


def describe(spec: ModelSpec) -> str:
    """All the tags that a model knows, a facet a line."""
    check_tags(spec)
    facets = ((shlex.quote(facet), map(shlex.quote, values)) for facet, values in spec.vocabulary.items())
    return "\n".join(f"{facet}: {', '.join(values)}" for facet, values in facets)


MAX_TEXT = 1000  # characters


def quoted_name(name: str) -> str:
    """The name of a category as it can stand in a mixture or a sum, whatever it holds."""
    return "'" + name.replace("'", "''") + "'"


class Wording:
    """A text in which quoted names of categories are hidden, so that nothing in them is read as an operator."""

    def __init__(self, text: str, categories: Sequence[str]):
        if len(text) > MAX_TEXT or not text.isprintable():  # it labels a row of the grid, and names a folder
            expected = f"expected a category or a sum in {MAX_TEXT} printable characters"
            raise ValueError(f"got {reprlib.repr(text)}, {expected}")
        self.text, self.categories = text, categories
        self.names: list[str] = []
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
        return re.sub("\0(\\d+)\0", lambda found: quoted_name(self.names[int(found[1])]), part)


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


def said_as(weights: Mapping[str, float]) -> str:
    """The same mixture with weights that add up to 1, as a user would write it."""
    total = sum(map(abs, weights.values())) or 1
    named = {name if re.fullmatch(r"\w+", name) else quoted_name(name): weight for name, weight in weights.items()}
    return ",".join(f"{name}={weight / total:.2g}" for name, weight in named.items())


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
    if not 0.5 <= sum(weights.values()) <= 1.5:
        total = f"{sum(weights.values()):g}"
        warn(f"the weights in {said!r} add up to {total}; the model has seen 1, as in {said_as(weights)}")
    return context


def _unknown(name: str, wording: Wording) -> str:
    """What is wrong with a name, and what may have been meant."""
    categories = wording.categories
    if name == UNCOND:
        return f"{UNCOND} stands alone: it has no weight and mixes with nothing, got {wording.text!r}"
    for known in categories:
        if known in wording.text and re.search(r"[,=]|\s[+-]\s|^\s|\s$", known):
            said = quoted_name(known)
            return f"unknown category {name!r} in {wording.text!r}: write {said}, in quotes, for that category"
    meant = near(name, [*categories, UNCOND], cutoff=0.4)
    hint = f"did you mean {meant!r}? " if meant else ""
    return f"unknown category {name!r}: {hint}The model knows {some(categories)} and {UNCOND}"


def parse_composition(text: str, categories: Sequence[str]) -> Condition:
    """Read a sum of contexts with a scale each, like "hero + 0.4 food - side_facing"; one context alone is a sum too.

    Returns a condition of one row. What is the name of a category is that category; in a sum, a name that
    holds a plus or minus with spaces around it stands in quotes, as `parse_context` reads them. Raises ValueError as
    that does. Plus and minus need spaces around them, since the names of categories may contain them.
    """
    if text in categories:
        return Condition.of(_one(text, categories)[None])
    wording = Wording(text, categories)
    first, *rest = re.split(r"\s+([+-])\s+", wording.hidden.strip())
    contexts, scales = [], []
    for sign, term in zip(["+", *rest[::2]], [first, *rest[1::2]], strict=True):
        starts = (term, re.split("[=,]", term)[0].strip())  # "2 handed" may be a name
        named = any(wording.name(start) in categories for start in starts)
        number = None if named else re.match(r"(\d*\.?\d+)(?:\s*\*\s*|\s+)(?=\S)", term)
        contexts.append(_mixture(term[number.end() :] if number else term, wording))
        scales.append(float(sign + (number[1] if number else "1")))
    if not torch.tensor(scales).isfinite().all():
        raise ValueError(f"the scales in {text!r} must be finite numbers")
    return Condition(torch.stack(contexts)[None], torch.tensor([scales]))


def parse_row(text: str, vocabulary: Vocabulary, scales: Mapping[str, float]) -> Condition:
    """The condition of one row, "kind=knight colour=red", guided as `facet_guidance` says, or as a whole."""
    asked = parse_tags(text, vocabulary)
    if not asked:
        return Condition.of(torch.zeros(1, sum(map(len, vocabulary.values()))))
    return facet_guidance(asked, scales)
