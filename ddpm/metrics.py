"""Figures of sample quality, from features: no model is known here."""

import torch
from torch import Tensor


def frechet_distance(a: Tensor, b: Tensor, weights_a: Tensor | None = None, weights_b: Tensor | None = None) -> float:
    """Frechet distance of Gaussians fitted to features a [N, F] and b [M, F] (Heusel et al. 2017, arXiv:1706.08500).

    Rows may be weighted: weights_a [N], weights_b [M], positive, of any scale.

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)), with covariances A and B. The trace of the root is the sum of the
    singular values of A^(1/2) B^(1/2). Zero for equal features; biased upwards for few samples.
    """

    def gaussian(x: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        x = x.double()
        p = torch.ones_like(x[:, 0]) if weights is None else weights.to(x)
        p = p / p.sum()
        return p @ x, x.mT.cov(correction=0, aweights=p)

    def root(cov: Tensor) -> Tensor:
        values, vectors = torch.linalg.eigh(cov)
        return vectors * values.clamp(min=0).sqrt() @ vectors.mT

    (mean_a, cov_a), (mean_b, cov_b) = gaussian(a, weights_a), gaussian(b, weights_b)
    trace = cov_a.trace() + cov_b.trace() - 2 * torch.linalg.svdvals(root(cov_a) @ root(cov_b)).sum()
    return ((mean_a - mean_b).square().sum() + trace).item()


def class_accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Share of samples that the classifier takes for the category they were asked to be."""
    return (predicted == labels).float().mean().item()
