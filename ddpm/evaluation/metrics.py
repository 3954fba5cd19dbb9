"""Figures of sample quality: their mathematics, then the table of all that are told of a set of sprites.

To add one, enter it in `METRICS`. `Judge.measure` and the tables of a report, as text, Markdown and JSON, follow.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

import numpy as np
import torch
from torch import Tensor, nn

from ddpm.data.tensors import to_uint8
from ddpm.evaluation.classifier import TOLD_FEWEST, in_equal_shares, told_apart
from ddpm.evaluation.copies import background, is_copy, nearest
from ddpm.evaluation.pixel_art import (
    alpha_hardness,
    blacks,
    chroma,
    count_colours,
    greys,
    holes,
    near_colours,
    orphans,
    palette_share,
    parts,
)

CHUNK = 1000  # rows of distances at a time: 40 MB to 10,000 real sprites
NEIGHBOURS = 5  # of precision, recall, density and coverage
Table = Literal["features", "colours", "pixels"]
OnSprites = Callable[[float], object]  # is told how many more sprites are done, in parts too, for a bar


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal distribution by its mean [F] and the symmetric root [F, F] of its covariance, both float64."""

    mean: Tensor
    root: Tensor

    @classmethod
    def fit(cls, x: Tensor, mass: Tensor | None = None) -> Self:
        """To features x [N, F]. mass [N]: how much each row counts, positive, of any scale; left out, all the same."""
        x = x.double()
        p = torch.ones_like(x[:, 0]) if mass is None else mass.to(x)
        p = p / p.sum()
        values, vectors = torch.linalg.eigh(x.mT.cov(correction=0, aweights=p))
        return cls(p @ x, vectors * values.clamp(min=0).sqrt() @ vectors.mT)


def frechet_distance(
    a: Tensor | Gaussian, b: Tensor | Gaussian, mass_a: Tensor | None = None, mass_b: Tensor | None = None
) -> float:
    """Frechet distance of Gaussians fitted to features a [N, F] and b [L, F] (Heusel et al. 2017, arXiv:1706.08500).

    mass_a [N], mass_b [L]: how much each row counts, as in `Gaussian.fit`. A set that is compared with many times may
    be given as its `Gaussian.fit(features, mass)`.

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)), with covariances A and B. The trace of the root is the sum of the
    singular values of A^(1/2) B^(1/2). Zero for equal features; biased upwards for few samples.
    """
    a = a if isinstance(a, Gaussian) else Gaussian.fit(a, mass_a)
    b = b if isinstance(b, Gaussian) else Gaussian.fit(b, mass_b)
    trace = a.root.square().sum() + b.root.square().sum() - 2 * torch.linalg.svdvals(a.root @ b.root).sum()
    return ((a.mean - b.mean).square().sum() + trace).item()


def kernel_distance(a: Tensor, b: Tensor, *, seed: int) -> tuple[float, float]:
    """Kernel distance of features a [N, F] and b [L, F] (Binkowski et al. 2018, arXiv:1801.01401).

    The squared maximum mean discrepancy under the kernel (x . y / F + 1)^3, without bias: about 0, and as often below,
    for samples of one distribution. Returns its mean and standard deviation over 50 random subsets of half the smaller
    set. By the delete-half jackknife (Shao & Wu 1989) this deviation is the standard error of the mean for two sets of
    one size. It is above it for sets of different sizes, and twice it at distance 0.

    Raises ValueError for fewer than 4 rows in either set.
    """
    if min(len(a), len(b)) < 4:
        raise ValueError(f"a kernel distance of {len(a)} and {len(b)} samples says nothing; give at least 4 of each")
    from torchmetrics.image.kid import KernelInceptionDistance  # takes seconds to import

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings("ignore", "Metric `Kernel Inception Distance` will save", UserWarning)
        torch.manual_seed(seed)
        metric = KernelInceptionDistance(
            nn.Identity(),
            subsets=50,
            subset_size=min(len(a), len(b)) // 2,
            sync_on_compute=False,  # of this process's rows alone
        )
        metric.update(a.double(), real=True)
        metric.update(b.double(), real=False)
        mean, deviation = metric.compute()
    return mean.item(), deviation.item()


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """[N, L], exact: by the expansion of the square, a row would not be at distance 0 from itself."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _radii(x: Tensor, k: int) -> Tensor:
    """[N]: how far each row is from its k-th nearest among the others (itself is the nearest of k + 1)."""
    return torch.cat([_distances(part, x).topk(k + 1, largest=False).values[:, -1] for part in x.split(CHUNK)])


def manifold(real: Tensor, generated: Tensor, k: int = 5) -> dict[str, Tensor]:
    """How the sets lie in each other's manifold, per row of features real [L, F] and generated [N, F]; float32.

    A manifold is the union of balls about its rows that reach to their k-th nearest neighbours.

    precision [N], recall [L]: 1 where the row is in the other set's manifold (Kynkaanniemi et al. 2019,
    arXiv:1904.06991). density [N]: how many real balls hold the row, over k; may exceed 1. coverage [L]: 1 where the
    real row's own ball holds a generated row (Naeem et al. 2020, arXiv:2002.09797). The figures are their means.

    An outlier's ball is huge: one among the real rows adds to precision, one among the generated to recall, and
    neither much to density and coverage.

    Raises ValueError for fewer than k + 1 rows in either set.
    """
    for name, x in (("real", real), ("generated", generated)):
        if len(x) <= k:
            raise ValueError(f"{len(x)} {name} samples are too few for {k} nearest neighbours; give at least {k + 1}")
    real_radii, generated_radii = _radii(real, k), _radii(generated, k)
    parts, recall, coverage = [], torch.zeros(len(real)), torch.zeros(len(real))
    for part, radii in zip(generated.split(CHUNK), generated_radii.split(CHUNK), strict=True):
        d = _distances(part, real)
        inside = d <= real_radii
        parts.append(inside.sum(1))
        coverage[inside.any(0)] = 1
        recall[(d <= radii[:, None]).any(0)] = 1
    balls = torch.cat(parts)
    return {"precision": (balls > 0).float(), "recall": recall, "density": balls / k, "coverage": coverage}


def class_accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Share of samples that the classifier takes for the category they were asked to be."""
    return (predicted == labels).float().mean().item()


def standard_error(
    statistic: Callable[[np.ndarray], float], strata: np.ndarray, *, replicates: int = 50, seed: int = 0
) -> float:
    """Bootstrap standard error of a figure of n samples (Efron 1979): its deviation over samples drawn from them.

    strata: integers [n]; each stratum keeps its size, as where it was chosen. `statistic` takes int64 [n], the rows
    drawn, with repeats; 50 replicates know the error to about a tenth.
    """
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    resampled = (np.concatenate([rng.choice(rows, len(rows)) for rows in groups]) for _ in range(replicates))
    return float(np.std([statistic(rows) for rows in resampled], ddof=1))


def balanced(labels: Tensor) -> Tensor:
    """How much each sprite with one of int64 labels [N] counts so that every category counts the same: float32 [N]."""
    return (1 / torch.bincount(labels))[labels]


@dataclass(frozen=True, eq=False)
class Observed:
    """What a judge has seen of a set of N sprites, and the L training sprites to compare them with."""

    x: Tensor
    """float32 [N, C, H, W] in [-1, 1]."""
    labels: Tensor
    """int64 [N], the categories that were asked for."""
    features: Tensor
    """float32 [N, F], of the judge's classifier."""
    predicted: Tensor
    """int64 [N], the categories that the classifier sees."""
    training: Tensor
    """float32 [L, C, H, W] in [-1, 1]."""
    real: Tensor
    """float32 [at most N, F]: features of training sprites, as many of each category as were asked for."""
    gaussian: Gaussian
    """Fitted to the features of all training sprites, every category counting the same."""
    palette: np.ndarray
    """uint8 [P, 3], of the training sprites; none if they have too many colours for one."""
    training_colours: np.ndarray
    """int64 [L], how many colours each of them has."""
    unseen: tuple[Tensor, Tensor]
    """float32 [M, C, H, W] and labels int64 [M]: real sprites that were never trained on, to tell these apart from; or
    none."""
    seed: int
    on_sprites: OnSprites
    """Called with how many of the N sprites are done, by the metric that takes longest."""

    @cached_property
    def pixels(self) -> np.ndarray:
        """uint8 [N, H, W, C]."""
        return to_uint8(self.x)

    @cached_property
    def colours(self) -> np.ndarray:
        """int64 [N], how many each sprite has."""
        return count_colours(self.pixels)

    @cached_property
    def both(self) -> tuple[Tensor, Tensor]:
        """These sprites and the unseen ones, as many of each category: float32 [n, C, H, W] each."""
        rows, others = in_equal_shares(self.labels, self.unseen[1], self.seed)
        return self.x[rows], self.unseen[0][others]

    @cached_property
    def neighbours(self) -> dict[str, Tensor]:
        """Precision, recall, density and coverage, row by row: see `manifold`."""
        return manifold(self.real, self.features, NEIGHBOURS)


def frechet_with_error(seen: Observed) -> tuple[float, float]:
    """Distance from the training sprites, and a bootstrap of its error, category by category."""

    def distance(rows: np.ndarray | slice) -> float:
        return frechet_distance(seen.features[rows], seen.gaussian, balanced(seen.labels[rows]))

    return distance(slice(None)), standard_error(distance, seen.labels.numpy(), seed=seen.seed)


def copied(seen: Observed) -> Tensor:
    """bool [N]: which sprites are copies of a training sprite."""
    share = len(seen.x) / len(seen.training)
    found = nearest(seen.x, seen.training, lambda count: seen.on_sprites(count * share))
    return is_copy(seen.x, found, background(seen.training))


def median_colours(seen: Observed) -> tuple[float, float]:
    """Of exact colours a sprite, and a bootstrap of its error."""

    def median(rows: np.ndarray | slice) -> float:
        return float(np.median(seen.colours[rows]))

    return median(slice(None)), standard_error(median, seen.labels.numpy(), seed=seen.seed)


def colours_apart(seen: Observed) -> tuple[float, float]:
    """How far the numbers of colours are from those of training sprites: by how many colours each sprite would have to
    change for the two distributions to be one (Wasserstein-1)."""
    from scipy.stats import wasserstein_distance  # takes half a second

    def apart(rows: np.ndarray | slice) -> float:
        return float(wasserstein_distance(seen.colours[rows], seen.training_colours))

    return apart(slice(None)), standard_error(apart, seen.labels.numpy(), seed=seen.seed)


def has_alpha(seen: Observed) -> bool:
    """Whether the sprites may be transparent."""
    return seen.x.shape[1] == 4


Found = Tensor | np.ndarray | tuple[float, float]


def with_error(found: Found) -> tuple[float, float]:
    """A figure and its standard error, of these two or of values [N], whose mean it is: std / sqrt(N)."""
    if isinstance(found, tuple):
        return found
    values = torch.as_tensor(found).double()
    return values.mean().item(), (values.std(correction=0) / len(values) ** 0.5).item()


@dataclass(frozen=True)
class Metric:
    """A figure of a set of sprites, and how tables show it."""

    heading: str
    compute: Callable[[Observed], Found]
    """A value for each sprite (or training sprite), whose mean is the figure; or the figure and its standard error."""
    table: Table = "features"
    """Which of the text tables it stands in, so that a row fits a terminal."""
    digits: int = 3
    """After the decimal point."""
    applies: Callable[[Observed], bool] = lambda seen: True
    """Whether it means anything for these sprites."""

    def __call__(self, seen: Observed) -> tuple[float, float]:
        """The figure and its standard error."""
        return with_error(self.compute(seen))


METRICS: dict[str, Metric] = {
    "class_accuracy": Metric("accuracy", lambda seen: seen.predicted == seen.labels),
    "frechet_distance": Metric("Frechet", frechet_with_error),
    "kernel_distance": Metric("kernel", lambda seen: kernel_distance(seen.real, seen.features, seed=seen.seed)),
    "precision": Metric("precision", lambda seen: seen.neighbours["precision"]),
    "recall": Metric("recall", lambda seen: seen.neighbours["recall"]),
    "density": Metric("density", lambda seen: seen.neighbours["density"]),
    "coverage": Metric("coverage", lambda seen: seen.neighbours["coverage"]),
    "told_apart": Metric(
        "told apart",
        lambda seen: told_apart(*seen.both, seed=seen.seed),
        applies=lambda seen: len(seen.both[0]) >= TOLD_FEWEST,
    ),
    "colours": Metric("colours", median_colours, "colours", digits=1),
    "colours_apart": Metric("from real", colours_apart, "colours", digits=1),
    "near_colours": Metric("near ones", lambda seen: near_colours(seen.pixels), "colours", digits=1),
    "in_palette": Metric(
        "in palette",
        lambda seen: palette_share(seen.pixels, seen.palette),
        "colours",
        applies=lambda seen: len(seen.palette) > 0,
    ),
    "chroma": Metric("chroma", lambda seen: chroma(seen.pixels), "colours"),
    "greys": Metric("grey", lambda seen: greys(seen.pixels), "colours"),
    "blacks": Metric("black", lambda seen: blacks(seen.pixels), "colours"),
    "copies": Metric("copies", copied, "pixels"),
    "orphans": Metric("orphans", lambda seen: orphans(seen.pixels), "pixels"),
    "alpha_hardness": Metric("hard alpha", lambda seen: alpha_hardness(seen.x), "pixels", applies=has_alpha),
    "holes": Metric("holes", lambda seen: holes(seen.pixels), "pixels", applies=has_alpha),
    "parts": Metric("parts", lambda seen: parts(seen.pixels), "pixels", digits=1, applies=has_alpha),
}
