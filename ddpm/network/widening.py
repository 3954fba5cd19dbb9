"""A network made wider: it goes on from where a narrower one stopped (Net2Net: Chen et al. 2015, arXiv:1511.05641)."""

import math
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

Parts = tuple[int, ...]  # channels that stand one after another


def channels(widths: Sequence[int], blocks: int) -> dict[str, tuple[Parts, int]]:
    """Of each block of a ContextUNet, by its name: the channels that it takes, of each source, and that it gives."""
    found: dict[str, tuple[Parts, int]] = {}
    skips, above = [], widths[0]
    for level, width in enumerate(widths):
        for i in range(blocks):
            found[f"down.{level}.{i}"] = (above,), width
            skips.append(above := width)
    found["middle"] = (above,), above
    for stage, width in enumerate(reversed(widths)):
        for i in range(blocks):
            found[f"up.{stage}.{i}"] = (above, skips.pop()), width
            above = width
    return found


def parts(name: str, widths: Sequence[int], blocks: int) -> tuple[Parts, Parts]:
    """Which channels the rows and the columns of a parameter are of; none where they are of something else."""
    block, (*_, layer, _) = name, name.split(".")
    while block and block not in (of := channels(widths, blocks)):
        block = block.rpartition(".")[0]
    if not block:
        first = (widths[0],)
        return {"stem": (first, ()), "norm": (first, ()), "head": ((), first), "qk": ((), first)}.get(layer, ((), ()))
    inputs, width = of[block]
    match name.split(".")[-3:-1]:
        case ["conv1", "0"]:  # of separable convolutions, each channel by itself
            return inputs, ()
        case ["conv2", "0"]:
            return (width,), ()
        case [_, "norm1"]:
            return inputs, inputs
        case ["conv1", "1"] | [_, "conv1" | "shortcut"]:
            return (width,), inputs
        case [_, "qkv"]:
            return (width,) * 3, (width,)
        case [_, "modulation" | "kv"]:
            return (width,) * 2, ()
    return (width,), (width,)


def places(old: Parts, new: Parts) -> Tensor:
    """int64: where the channels of the old parts are among those of the new ones, at the beginning of each."""
    starts = [sum(new[:i]) for i in range(len(new))]
    return torch.cat([torch.arange(start, start + count) for start, count in zip(starts, old, strict=True)])


def can_widen(old: Sequence[int], new: Sequence[int], attention: Collection[int]) -> bool:
    """Whether `widened` can bring a network of the old widths to the new ones: no level becomes narrower, all are whole
    groups of 16 channels, heads stay as large as they are, and no level becomes as wide as the one above that was not.

    attention: the levels that have any, of pixels or of frames.
    """
    if len(old) != len(new) or any(w % 16 for w in (*old, *new)) or any(a > b for a, b in zip(old, new, strict=True)):
        return False
    heads = all(math.gcd(old[level], 32) == math.gcd(new[level], 32) for level in attention if level < len(old))
    return heads and all(old[i] == old[i - 1] or new[i] != new[i - 1] for i in range(1, len(old)))


def widened(
    its: Mapping[str, Tensor], like: Mapping[str, Tensor], old: Sequence[int], new: Sequence[int], blocks: int
) -> dict[str, Tensor]:
    """The weights `its` of a network of the old widths, in one of the new widths, which is `like` this at its start.

    What was there does not depend on what is added, so the network begins by saying nearly what it said: nearly, since
    the normalisation before an attention is over all channels.
    """
    found = {}
    for name, tensor in its.items():
        (rows, columns), (to_rows, to_columns) = (parts(name, widths, blocks) for widths in (old, new))
        if columns and tensor.dim() > 1:
            wide = tensor.new_zeros(tensor.shape[0], sum(to_columns), *tensor.shape[2:])
            tensor = wide.index_copy(1, places(columns, to_columns), tensor)
        if rows:
            start = like[name] if like[name].shape[1:] == tensor.shape[1:] else tensor.new_zeros(1, *tensor.shape[1:])
            start = start.expand(sum(to_rows), *tensor.shape[1:])
            tensor = start.index_copy(0, places(rows, to_rows), tensor)
        found[name] = tensor
    for name in (n for n in like.keys() - its.keys() if n.endswith("shortcut.weight")):
        # Between levels that were as wide as each other, where it was the identity.
        (width,), (inputs,) = parts(name, old, blocks)
        found[name], bias = like[name].clone(), name.replace("weight", "bias")
        found[bias] = like[bias].clone()
        found[name][:width], found[bias][:width] = 0, 0
        found[name][:width, :inputs] = torch.eye(width)[..., None, None]
    return found
