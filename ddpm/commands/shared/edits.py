"""What edit.py makes: images read and made ready, and the cells of its picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ddpm.commands.shared.edit_arguments import Arguments
from ddpm.commands.shared.flags import parse_guidance, ready
from ddpm.commands.shared.requests import asked, check_form, labels_of, named
from ddpm.config import Sampling
from ddpm.context.completion import Completion
from ddpm.context.condition import Condition
from ddpm.data.tensors import to_tensor
from ddpm.diffusion.editing import Change, From, slerp
from ddpm.diffusion.guidance import guidance_labels
from ddpm.network.unet import ContextUNet
from ddpm.runs.spec import ModelSpec
from ddpm.system.console import progress, warn
from ddpm.system.outputs import check_is_sprite
from sprites.colour import count_colours, hardened
from sprites.originals import brought_to, read_first, read_mask, recoloured, told, without_ground
from sprites.palettes import read_palette

# Strengths that are not given: all over; within a mask; within the frame of --tile, where a higher one would leave an
# edge of its own, between the frame and what is inside.
ALL_OVER, MASKED, FRAMED = 0.5, 1.0, 0.6
STEPS = 24  # between two images, backwards and forwards
FRAME = 5  # one part in so many of a side is painted anew along an edge that is made to fit


@dataclass(frozen=True, eq=False)
class Edited:
    """Sprites of R rows, S columns and N in each cell."""

    pixels: np.ndarray
    """uint8 [R, S, N, H, W, C]"""
    done: np.ndarray
    """bool [R, S, N]"""
    rows: Sequence[str]
    columns: Sequence[str]
    labels: np.ndarray
    """Categories of the rows, int64 [R], -1 for none."""
    scales: Sequence[float]
    """Guidance scales of the columns."""
    sampling: Sampling | None
    """How they were sampled, if they were."""
    before: np.ndarray | None = None
    """The image of each row, uint8 [R, H, W, C]."""


def made(args: Arguments, model: ContextUNet, spec: ModelSpec, caught: list[int]) -> Edited:
    """All that the command line asks for; after a signal in `caught`, what was done by then."""
    if args.recolour:
        return in_palette(args)
    if args.between is None:
        return changed(args, model, spec, caught)
    return between(args, model, spec, caught)


def originals(args: Arguments, spec: ModelSpec) -> tuple[np.ndarray, np.ndarray, dict[Path, tuple[int, ...]]]:
    """The images as they are, uint8 [R, H, W, C]; as the model takes them: with hard alpha, and without the ground that
    a drawing stands on, unless a part of it is to stay; and the height and width of each file."""
    exact, plain, shapes = [], [], {}
    for path in args.images:
        check_is_sprite(path)
        pixels, animated = read_first(path)
        shapes[path] = pixels.shape[:2]
        pixels, ground = brought_to(path, pixels, spec.size, args.fit), 0
        if spec.channels == 4 and not args.mask and args.tile is None:
            pixels, ground = without_ground(pixels)
        hard, moved = hardened(pixels)
        for line in told(path, animated, ground, int(moved)):
            print(line)
        if spec.channels == 3 and (hard[..., 3] == 0).any():
            warn(f"{path} has transparent pixels, and sprites of this model have none: they become black")
        exact.append(pixels[..., : spec.channels])
        plain.append(hard[..., : spec.channels])
    return np.stack(exact), np.stack(plain), shapes


def requests(args: Arguments, spec: ModelSpec, usual: str) -> tuple[Sequence[str], Condition, tuple[float, ...]]:
    """What sprites are to be, a row each, or one row of anything if nothing is said; and their guidance scales, `usual`
    if none is given."""
    scales, by_facet = parse_guidance(args.guidance or (usual,))
    check_form(args.sampling.form, by_facet)
    rows: Sequence[str] = [""]
    condition = Condition.of(torch.zeros(1, spec.places))
    if args.categories or args.tags or by_facet:
        rows, condition = asked(spec, args.categories, args.tags, by_facet)
    return rows, condition.away_from(None if args.negative is None else named(spec, args.negative)), scales


def usual_strength(args: Arguments) -> float:
    """That of a change, where none is given."""
    return MASKED if args.mask else ALL_OVER if args.tile is None else FRAMED


def region(args: Arguments, size: int, shapes: Mapping[Path, tuple[int, ...]]) -> np.ndarray | None:
    """Which pixels are painted anew, bool [H, W]; None: all of them, by their strength. shapes: of the images."""
    if args.mask:
        return read_mask(args.mask, shapes, size, args.fit)
    if args.tile is None or args.strength:
        return None
    return frame(size, *args.ways)


def frame(size: int, across: bool, down: bool) -> np.ndarray:
    """Pixels near the edges that are to fit, bool [size, size]."""
    near = np.minimum(np.arange(size), np.arange(size)[::-1]) < max(1, size // FRAME)
    return (near[None] & across) | (near[:, None] & down)


def changed(args: Arguments, model: ContextUNet, spec: ModelSpec, caught: list[int]) -> Edited:
    """Images and what is asked of them down, strengths and guidance scales across."""
    exact, plain, shapes = originals(args, spec)
    part = region(args, spec.size, shapes)
    asked_for, condition, scales = requests(args, spec, "2")
    sampler = ready(args.sampling, args.weak, args.model, model, spec)
    R, every = len(plain) * len(condition), torch.arange(len(condition)).repeat(len(plain))
    exact, x0 = exact.repeat(len(condition), 0), to_tensor(plain.repeat(len(condition), 0))
    mask = None if part is None else torch.from_numpy(part).expand(R, 1, -1, -1)
    strengths, cells = args.strength or (usual_strength(args),), []
    filled = args.tile is not None and spec.channels == 4 and bool((plain[..., 3] == 255).all())
    for strength in strengths:
        sampler.guide.check(condition, Change(x0, strength))
    total = R * len(strengths) * len(scales) * args.count
    with progress(total=total, desc="editing", unit="sprite") as bar:
        for strength in strengths:
            edit, stop = Change(x0, strength, mask, filled), lambda: max(caught, default=0)
            cells.append(
                sampler.cells(condition[every], scales, args.count, edit=edit, stop=stop, on_sprites=bar.update)
            )
    pixels, done = (np.concatenate(parts, 1) for parts in zip(*cells, strict=True))
    pixels = kept(pixels, exact, part, strengths, len(scales))
    rows = [f"{path.stem} {row}".strip() for path in args.images for row in asked_for]
    labels = labels_of(spec, condition[every]).numpy()
    names, every_scale = columns(strengths, scales), [*scales] * len(strengths)
    return Edited(pixels, done, rows, names, labels, every_scale, sampler.sampling, exact)


def kept(
    pixels: np.ndarray, exact: np.ndarray, part: np.ndarray | None, strengths: Sequence[float], S: int
) -> np.ndarray:
    """Cells [R, S * strengths, N, H, W, C] with the bytes of the images, [R, H, W, C], wherever nothing may change:
    soft alpha too, and colours under transparent pixels."""
    stays = np.repeat(np.array(strengths) == 0, S)[None, :, None, None, None, None]
    if part is not None:
        stays = stays | ~part[..., None]
    return np.where(stays, exact[:, None, None], pixels)


def columns(strengths: Sequence[float], scales: Sequence[float]) -> list[str]:
    """What differs from column to column, in words."""
    of_strength = [f"strength {strength:g}" for strength in strengths] if len(strengths) > 1 else [""]
    of_scale = guidance_labels(scales) if len(scales) > 1 else [""]
    return [" ".join([first, second]).strip() or "edited" for first in of_strength for second in of_scale]


def between(args: Arguments, model: ContextUNet, spec: ModelSpec, caught: list[int]) -> Edited:
    """From one image, category or tags to another across, other noises down."""
    assert args.between is not None
    asked_for, condition, (scale, *_) = requests(args, spec, "1" if args.images else "2")
    N, K = args.between + 2, args.count
    share, ends = torch.linspace(0, 1, N), condition[torch.tensor([0, -1])]
    sampling, stop = replace(args.sampling, complete=False), lambda: max(caught, default=0)
    if args.sampling.complete and not args.images:  # once for all of the way; images tell what is open themselves
        known = Completion(spec.places, spec.together)
        ends = known.of(ends, torch.full((2,), float(scale)), sampling.seed, [0, 0])
    mixed = mixture(ends, share)
    if args.images:
        sampling = replace(sampling, sampler="ddim", steps=sampling.steps or STEPS)
    sampler = ready(sampling, args.weak, args.model, model, spec)
    with progress(total=K * N, desc="editing", unit="sprite") as bar:
        if args.images:
            exact, plain, _ = originals(args, spec)
            x0, both = to_tensor(plain).repeat(K, 1, 1, 1), torch.arange(2).repeat(K)
            a, b = sampler.inverted(x0, ends[both], range(2 * K)).unflatten(0, (K, 2)).unbind(1)
            noises = slerp(a.repeat_interleave(N, 0), b.repeat_interleave(N, 0), share.repeat(K))
            every = torch.arange(N).repeat(K)
            made = sampler.cells(mixed[every], [scale], 1, edit=From(noises), stop=stop, on_sprites=bar.update)
            pixels, done = (values.reshape(K, N, 1, *values.shape[3:]) for values in made)
            pixels[:, 0], pixels[:, -1] = exact[:1], exact[1:]
            asked_for = [path.stem for path in args.images]
        else:
            made = sampler.cells(mixed, [scale], K, stop=stop, on_sprites=bar.update)
            pixels, done = (values.swapaxes(0, 2).swapaxes(1, 2) for values in made)
    name, labels = " to ".join(dict.fromkeys(asked_for)), np.full(args.count, -1)
    names = [f"{name} {i}" for i in range(1, args.count + 1)] if args.count > 1 else [name]
    return Edited(pixels, done, names, [f"{u:.2g}" for u in share], labels, [scale] * N, sampler.sampling)


def mixture(ends: Condition, share: Tensor) -> Condition:
    """From the first to the second of two conditions, a row for each share [N]."""

    def mixed(a: Tensor) -> Tensor:
        return torch.lerp(a[:1], a[1:], share.view(-1, *[1] * (a.ndim - 1)))

    return Condition(mixed(ends.contexts), mixed(ends.scales), None if ends.away is None else mixed(ends.away))


def in_palette(args: Arguments) -> Edited:
    """Each image in the colours of a palette; of any size, as no model draws. Raises ValueError for several sizes."""
    assert args.recolour
    palette, exact = read_palette(args.recolour), [read_first(path)[0] for path in args.images]
    if others := [path for path, image in zip(args.images, exact, strict=True) if image.shape != exact[0].shape]:
        raise ValueError(f"{others[0]} is not as large as {args.images[0]}; recolour images of one size at a time")
    height, width = exact[0].shape[:2]
    if height != width:
        raise ValueError(f"{args.images[0]} has {width}x{height} pixels, expected a square; add empty pixels around it")
    plain = np.stack([hardened(image)[0] for image in exact])
    pixels = np.stack([recoloured(image, palette) for image in plain])[:, None, None]
    for path, before, after in zip(args.images, count_colours(plain), count_colours(pixels[:, 0, 0]), strict=True):
        if after < before:
            print(
                f"{path}: {before} colours became {after}, each the nearest of the {len(palette)} that the palette has"
            )
    rows, labels = [path.stem for path in args.images], np.full(len(exact), -1)
    return Edited(
        pixels, np.ones(pixels.shape[:3], bool), rows, [args.recolour.name], labels, [0.0], None, np.stack(exact)
    )
