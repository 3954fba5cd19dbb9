"""A training that starts from a trained model: the network it needs, and what of the other's weights fits into it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ddpm.config import DiffusionConfig, ModelConfig, PredictionName
from ddpm.context.tags import Vocabulary
from ddpm.network.unet import ContextUNet
from ddpm.network.widening import can_widen, widened
from ddpm.runs.spec import ModelSpec
from sprites.colour import distances, from_hexadecimals

USUAL = 2.0  # of a convolution that learnt for some hundred steps: its root mean square, as a multiple of that at start
EMBEDDINGS = {"embed_context.weight": 1, "embed_tag.weight": 0}  # and which of their dimensions is that of a context


@dataclass(frozen=True)
class Taken:
    """What a network took over from another."""

    kept: frozenset[str] = frozenset()
    """Names of the parameters that are as they were in the other."""
    told_anew: frozenset[str] = frozenset()
    """Names of the embeddings that tell it of categories and tags that the other does not know."""
    about: str = "nothing is taken over"
    """In one line: of how many parameters, and what starts anew."""
    growth: float = 1.0
    """How many times larger its hidden weights are than those of a network that was trained for some hundred steps."""
    notes: tuple[str, ...] = ()
    """What is likely not meant, one line each."""


def model_like(config: ModelConfig, size: int, start: ModelSpec) -> ModelConfig:
    """A network for sprites of this size like that of `start`; what `config` names stays.

    Its levels are those of the other's, from the lowest up; levels above them are added, or left out, where the size
    differs.
    """
    like, plain = start.model, ModelConfig(patch=config.patch).for_size(size)
    assert like.widths and like.attention is not None and like.patch and plain.patch
    # How many times larger the image is in which the network works, in powers of two.
    more = math.ceil(math.log2(size / plain.patch) - math.log2(start.size / like.patch))
    widths = config.widths or (*(ModelConfig.FINE,) * more, *like.widths[max(0, -more) :])

    def there(levels: Sequence[int]) -> tuple[int, ...]:
        return tuple(level + more for level in levels if 0 <= level + more < len(widths))

    attention = there(like.attention) if config.attention is None else config.attention
    separable = there(like.separable)
    return replace(
        config, widths=widths, attention=attention, patch=plain.patch, blocks=like.blocks, separable=separable
    )


def predicts_like(config: DiffusionConfig, start: ModelSpec) -> DiffusionConfig:
    """What a network of sprites without a palette is to predict, if that is left to choose: what `start` does, or the
    x0 that its colours come to, since it is then asked for nothing new."""
    kind: PredictionName = "x0" if start.prediction == "colours" else start.prediction
    return replace(config, prediction=kind) if config.prediction == "auto" else config


def moved(weights: Mapping[str, Tensor], more: int) -> dict[str, Tensor]:
    """The weights by the names that they have in a network of so many more levels above; fewer if it is negative."""
    found = {}
    for name, tensor in weights.items():
        match name.split("."):
            case ["down", level, *rest]:
                name = ".".join(["down", str(int(level) + more), *rest])
        found[name] = tensor
    return found


def places(new: Vocabulary, old: Vocabulary) -> tuple[list[int], list[int]]:
    """Where the values that both know stand in a context of the one, and of the other."""
    rows = [[(facet, value) for facet, values in v.items() for value in values] for v in (new, old)]
    at = {place: i for i, place in enumerate(rows[1])}
    both = [(i, at[place]) for i, place in enumerate(rows[0]) if place in at]
    return [i for i, _ in both], [j for _, j in both]


def alike(new: Vocabulary, old: Vocabulary) -> tuple[str, ...]:
    """A line for each name of the new model that another of the old one differs from in case only."""
    theirs = {(facet.lower(), value.lower()): (facet, value) for facet, values in old.items() for value in values}
    names = [(facet, value) for facet, values in new.items() for value in values]
    pairs = [(name, theirs.get((name[0].lower(), name[1].lower()), name)) for name in names]
    return tuple(
        f"{'='.join(ours)} is not taken for the {'='.join(known)} of the model that is started from, since they differ "
        "in upper and lower case; rename it to have it start from there"
        for ours, known in pairs
        if ours != known and known not in names
    )


def other_size(spec: ModelSpec, start: ModelSpec) -> tuple[str, ...]:
    """A line if the other makes sprites of another size: such a start was of no help (docs/finetuning.md)."""
    (ours, theirs), what = (f"{s.size}x{s.size}" for s in (spec, start)), "the model that is started from"
    return () if ours == theirs else (f"{what} makes sprites of {theirs}, not {ours}; from nothing may come nearer",)


def outputs(spec: ModelSpec, start: ModelSpec) -> Tensor | None:
    """int64 [outputs]: which output of the other's head each of ours is most like; None if they mean another thing."""
    if spec.prediction != start.prediction or spec.model.patch != start.model.patch:
        return None
    rows = likest(spec, start)
    if rows is None:
        return None
    assert spec.model.patch is not None
    area = spec.model.patch**2  # a place within a patch has an output of its own: channel * area + place
    return (rows[:, None] * area + torch.arange(area)).flatten()


def likest(spec: ModelSpec, start: ModelSpec) -> Tensor | None:
    """The same for one pixel, int64 [C], or of colours [K]: the nearest (in OKLab), for transparent transparent."""
    if spec.prediction != "colours":
        return torch.arange(spec.channels) if spec.channels <= start.channels else None
    near = torch.from_numpy(distances(from_hexadecimals(spec.palette), from_hexadecimals(start.palette)).argmin(1))
    if spec.channels == 3:
        return near + (start.channels == 4)
    # Where the other knows no transparent, that is like nothing: it starts as the first colour does.
    return torch.cat([torch.zeros(1, dtype=torch.int64), near + (start.channels == 4)])


def fitted(name: str, like: Tensor, has: Mapping[str, Tensor], spec: ModelSpec, start: ModelSpec) -> Tensor | None:
    """The parameter `name` of the network of `spec`, which is `like` this at its start, with what the other, `start`,
    has for it; None if that is nothing."""
    if name not in has:
        return None
    its = has[name]
    if name in EMBEDDINGS:
        ours, theirs = places(spec.vocabulary, start.vocabulary)
        if not ours or like.shape[1 - EMBEDDINGS[name]] != its.shape[1 - EMBEDDINGS[name]]:
            return None
        return like.index_copy(
            EMBEDDINGS[name], torch.tensor(ours), its.index_select(EMBEDDINGS[name], torch.tensor(theirs))
        )
    if name.startswith("head."):
        rows = outputs(spec, start)
        return its[rows] if rows is not None and like.shape[1:] == its.shape[1:] else None
    if name.startswith("pointer.") and has["pointer.qk.weight"].shape[1] != (spec.model.widths or (0,))[0]:
        return None  # a strength that was learnt with other keys would only harm
    if name == "stem.weight" and spec.model.patch == start.model.patch and len(like) == len(its):
        both = min(like.shape[1], its.shape[1])
        return torch.cat([its[:, :both], like[:, both:]], 1)
    return its if like.shape == its.shape else None


@torch.no_grad()
def take_over(model: ContextUNet, spec: ModelSpec, other: ContextUNet, start: ModelSpec) -> Taken:
    """Write into `model`, which is of `spec`, what fits of `other`, which is of `start`.

    A network that is wider is the other made wider (`widened`), where that can be. Else layers of another shape stay as
    they are. Embeddings are taken by the names of categories and tags, outputs for
    colours from the nearest one, inputs channel by channel.
    """
    assert spec.model.widths and start.model.widths
    has = narrow = moved(other.state_dict(), len(spec.model.widths) - len(start.model.widths))
    old, new = start.model.widths, spec.model.widths
    attention = {*(spec.model.attention or ()), *((0,) if spec.model.frames > 1 else ())}  # frames attend in the last
    wider = old != new and spec.model.blocks == start.model.blocks and can_widen(old, new, attention)
    if wider:
        has = widened(has, model.state_dict(), old, new, start.model.blocks)
    kept, anew, taken, total = set(), dict.fromkeys(("stem", "trunk", "embeddings", "pointer", "head"), 0), 0, 0
    for name, parameter in model.named_parameters():
        part = name.partition(".")[0]
        part = "embeddings" if name in EMBEDDINGS else part if part in anew else "trunk"
        total += parameter.numel()
        value = fitted(name, parameter, has, spec, start)
        if value is None:
            anew[part] += parameter.numel()
            continue
        taken += min(parameter.numel(), narrow[name].numel()) if name in narrow else 0
        parameter.copy_(value)
        if name in narrow and torch.equal(value, has[name]):
            kept.add(name)
    known = len(places(spec.vocabulary, start.vocabulary)[0])
    told = [f"{part} ({count:,} of its parameters)" for part, count in anew.items() if count]
    about = (
        f"{taken / total:.0%} of the parameters are taken over, {known} of {spec.places} categories and tags by name"
    )
    if wider:
        about += f"; made wider, from {' '.join(map(str, old))}"
    if told:
        about += f"; anew: {', '.join(told)}"
    return Taken(
        frozenset(kept),
        frozenset(EMBEDDINGS) - kept if kept else frozenset(),
        about,
        growth(model, {n: narrow[n] for n in kept & narrow.keys()}),
        alike(spec.vocabulary, start.vocabulary) + other_size(spec, start),
    )


def growth(model: ContextUNet, kept: Mapping[str, Tensor]) -> float:
    """`Taken.growth` of the hidden convolutions among the `kept`, by their names: their geometric mean, at least 1.

    Muon's steps all have the same size, so weights grow as they are trained, and the larger they are the less a step
    turns them. A fresh weight is uniform within 1 / sqrt(fan_in), so its root mean square is 1 / sqrt(3 fan_in).
    """
    hidden = {id(m.weight) for m in model.hidden}
    sizes = [
        kept[name].square().mean().mul(3 * kept[name][0].numel()).sqrt() / USUAL
        for name, p in model.named_parameters()
        if name in kept and id(p) in hidden and kept[name].any()
    ]
    return max(1.0, torch.stack(sizes).log().mean().exp().item()) if sizes else 1.0
