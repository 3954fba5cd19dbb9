"""Figures of sample quality, from features: no model is known here."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

CHUNK = 1000  # rows of distances at a time: 40 MB to 10,000 real sprites


@dataclass(frozen=True, eq=False)
class Gaussian:
    """A normal distribution by its mean [F] and the symmetric root [F, F] of its covariance, both float64."""

    mean: Tensor
    root: Tensor

    @classmethod
    def fit(cls, x: Tensor, weights: Tensor | None = None) -> Self:
        """To features x [N, F], whose rows may be weighted: weights [N], positive, of any scale."""
        x = x.double()
        p = torch.ones_like(x[:, 0]) if weights is None else weights.to(x)
        p = p / p.sum()
        values, vectors = torch.linalg.eigh(x.mT.cov(correction=0, aweights=p))
        return cls(p @ x, vectors * values.clamp(min=0).sqrt() @ vectors.mT)


def frechet_distance(
    a: Tensor | Gaussian, b: Tensor | Gaussian, weights_a: Tensor | None = None, weights_b: Tensor | None = None
) -> float:
    """Frechet distance of Gaussians fitted to features a [N, F] and b [M, F] (Heusel et al. 2017, arXiv:1706.08500).

    Rows may be weighted: weights_a [N], weights_b [M], positive, of any scale. A set that is compared with many times
    may be given as its `Gaussian.fit(features, weights)`.

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)), with covariances A and B. The trace of the root is the sum of the
    singular values of A^(1/2) B^(1/2). Zero for equal features; biased upwards for few samples.
    """
    a = a if isinstance(a, Gaussian) else Gaussian.fit(a, weights_a)
    b = b if isinstance(b, Gaussian) else Gaussian.fit(b, weights_b)
    trace = a.root.square().sum() + b.root.square().sum() - 2 * torch.linalg.svdvals(a.root @ b.root).sum()
    return ((a.mean - b.mean).square().sum() + trace).item()


def kernel_distance(a: Tensor, b: Tensor, *, seed: int) -> tuple[float, float]:
    """Kernel distance of features a [N, F] and b [M, F] (Binkowski et al. 2018, arXiv:1801.01401).

    The squared maximum mean discrepancy under the kernel (x . y / F + 1)^3, without bias: about 0, and as often below,
    for samples of one distribution. Returns its mean and standard deviation over 50 random subsets of half the smaller
    set. Halves deviate among themselves as whole samples do (the delete-half jackknife; Shao & Wu 1989), so that the
    deviation is the mean's standard error for sets of one size; it is above it for others, and twice it at distance 0.

    Raises ValueError for fewer than 4 rows in either set.
    """
    if min(len(a), len(b)) < 4:
        raise ValueError(f"a kernel distance of {len(a)} and {len(b)} samples says nothing; give at least 4 of each")
    from torchmetrics.image.kid import KernelInceptionDistance  # takes seconds to import

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings("ignore", "Metric `Kernel Inception Distance` will save", UserWarning)
        torch.manual_seed(seed)
        how = {"subsets": 50, "subset_size": min(len(a), len(b)) // 2}
        metric = KernelInceptionDistance(nn.Identity(), **how, sync_on_compute=False)  # of this process's rows alone
        metric.update(a.double(), real=True)
        metric.update(b.double(), real=False)
        mean, deviation = metric.compute()
    return mean.item(), deviation.item()


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """[N, M], exact: by the expansion of the square, a row would not be at distance 0 from itself."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _radii(x: Tensor, k: int) -> Tensor:
    """[N]: how far each row is from its k-th nearest among the others (itself is the nearest of k + 1)."""
    return torch.cat([_distances(part, x).topk(k + 1, largest=False).values[:, -1] for part in x.split(CHUNK)])


def manifold(real: Tensor, generated: Tensor, k: int = 5) -> dict[str, Tensor]:
    """How the sets lie in each other's manifold, per row of features real [M, F] and generated [N, F]; float32.

    A manifold is the union of balls about its rows that reach to their k-th nearest neighbours.

    precision [N], recall [M]: 1 where the row is in the other set's manifold (Kynkaanniemi et al. 2019,
    arXiv:1904.06991). density [N]: how many real balls hold the row, over k; may exceed 1. coverage [M]: 1 where the
    real row's own ball holds a generated row (Naeem et al. 2020, arXiv:2002.09797). The figures are their means.

    An outlier's ball is huge: one among the real rows adds to precision, one among the generated to recall, and
    neither much to density and coverage.

    Raises ValueError for fewer than k + 1 rows in either set.
    """
    for name, x in (("real", real), ("generated", generated)):
        if len(x) <= k:
            raise ValueError(f"{len(x)} {name} samples are too few for {k} nearest neighbours; give at least {k + 1}")
    real_radii, generated_radii = _radii(real, k), _radii(generated, k)
    balls, recall, coverage = [], torch.zeros(len(real)), torch.zeros(len(real))
    for part, radii in zip(generated.split(CHUNK), generated_radii.split(CHUNK), strict=True):
        d = _distances(part, real)
        inside = d <= real_radii
        balls.append(inside.sum(1))
        coverage[inside.any(0)] = 1
        recall[(d <= radii[:, None]).any(0)] = 1
    balls = torch.cat(balls)
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
    draws = (np.concatenate([rng.choice(rows, len(rows)) for rows in groups]) for _ in range(replicates))
    return float(np.std([statistic(rows) for rows in draws], ddof=1))
