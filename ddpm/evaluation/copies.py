"""Does a model repeat its training sprites? The nearest of them by pixels, which of those are copies, and a verdict."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK_BYTES = 100e6
VISIBLE = 2 * 32 / 255  # on [-1, 1]; less is a shade, such as a sampler leaves
# Measured: 70 % of the sprites of a model overfitted to 128 change fewer pixels, and 2 to 7 % of real held-out ones.
# The share is of the drawn pixels, since among all of them a small sprite's own would hardly count.
COPY_SHARE = 0.1
P_VALUE, EXCESS = 0.01, 0.05


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest training sprite of each of N sprites."""

    index: Tensor
    """int64 [N], which one."""
    sprite: Tensor
    """float32 [N, C, H, W], as flipped and shifted."""
    distance: Tensor
    """float32 [N], Euclidean over pixels and channels in [-1, 1]."""


def variants(x: Tensor) -> Tensor:
    """Sprites [L, C, H, W] as they are and flipped left to right, shifted by up to a pixel each way: [18, L, C, H, W].

    A shift repeats the edge. The first of the 18 is x itself.
    """
    h, w = x.shape[-2:]
    wide = F.pad(torch.cat([x, x.flip(-1)]), (1, 1, 1, 1), mode="replicate").unflatten(0, (2, len(x)))
    shifts = sorted(((i, j) for i in range(3) for j in range(3)), key=lambda ij: ij != (1, 1))
    return torch.stack([wide[..., i : i + h, j : j + w] for i, j in shifts]).flatten(0, 1)


def nearest(x: Tensor, training: Tensor, progress: Callable[[int], object] = lambda done: None) -> Nearest:
    """Find for sprites x [N, C, H, W] the nearest of training [L, C, H, W], flips and shifts included; in [-1, 1].

    `progress` is called with the number of training sprites looked at since the last call, L in all.
    """
    assert x.shape[1:] == training.shape[1:] and len(training), (x.shape, training.shape)
    a = x.flatten(1)
    rows = int(CHUNK_BYTES / 4 / 18 / (2 * a.shape[1] + 2 * len(a))) + 1
    best, index, sprite = torch.full((len(x),), torch.inf), torch.zeros(len(x), dtype=torch.int64), x.clone()
    for start in range(0, len(training), rows):
        moved = variants(training[start : start + rows])
        b = moved.flatten(2).flatten(0, 1)
        # |a - b|^2 = |a|^2 + |b|^2 - 2 a . b, of which |a|^2 changes nothing
        closeness, column = torch.addmm(torch.linalg.vector_norm(b, dim=1).square(), a, b.mT, alpha=-2).min(1)
        better = closeness < best
        best[better], column = closeness[better], column[better]
        index[better] = start + column % moved.shape[1]
        sprite[better] = moved.flatten(0, 1)[column]
        progress(moved.shape[1])
    return Nearest(index, sprite, torch.linalg.vector_norm(a - sprite.flatten(1), dim=1))


def background(training: Tensor) -> Tensor:
    """[C]: the commonest colour in the corners of sprites [L, C, H, W]; premultiplied RGBA has one for transparent."""
    corners = training[:, :, :: training.shape[2] - 1, :: training.shape[3] - 1].movedim(1, -1).flatten(0, 2)
    colours, counts = corners.unique(dim=0, return_counts=True)
    return colours[counts.argmax()]


def changed(x: Tensor, y: Tensor, background: Tensor) -> Tensor:
    """float32 [N]: of the pixels drawn in sprites x or y [N, C, H, W], the share that visibly differs between them."""

    def differ(a: Tensor, b: Tensor) -> Tensor:
        return (a - b).abs().amax(1) > VISIBLE

    ground = background[:, None, None]
    drawn = differ(x, ground) | differ(y, ground)
    return differ(x, y).sum((1, 2)) / drawn.sum((1, 2)).clamp(min=1)


def is_copy(x: Tensor, found: Nearest, background: Tensor) -> Tensor:
    """bool [N]: which of sprites x [N, C, H, W] hardly differ from the training sprite found for them."""
    return changed(x, found.sprite, background) <= COPY_SHARE


@dataclass(frozen=True)
class Verdict:
    """Shares of copies among generated and among real held-out sprites, and whether the first is too high.

    memorises is None where it cannot be told: too few held-out sprites, or none, in which case p is None too.
    """

    generated: float
    held_out: float | None = None
    p: float | None = None
    memorises: bool | None = None


def verdict(generated: tuple[int, int], held_out: tuple[int, int] | None) -> Verdict:
    """Judge by (copies, sprites) of the generated ones and of real held-out ones, None if there are none.

    Real sprites resemble one another too, so a model memorises only if it copies more often than they do: by Fisher's
    exact test, one-sided, and by a margin that matters.
    """
    (copies, count), rate = generated, generated[0] / generated[1]
    if held_out is None:
        return Verdict(rate)
    from scipy.stats import fisher_exact  # takes half a second, which training need not wait for

    table, expected = [[copies, count - copies], [held_out[0], held_out[1] - held_out[0]]], held_out[0] / held_out[1]
    p = float(fisher_exact(table, alternative="greater").pvalue)
    memorises = False if rate - expected < EXCESS else True if p < P_VALUE else None
    return Verdict(rate, expected, p, memorises)
