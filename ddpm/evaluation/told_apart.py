"""Can a network tell generated sprites from real ones that nobody trained on? A two-sample test by a classifier
(Lopez-Paz & Oquab 2017, arXiv:1610.06545): whatever gives them away, it may find."""

import torch
from torch import Tensor

from ddpm.evaluation.classifier import features_and_classes, train_classifier

STEPS = 1200  # of 128 sprites
MOST = 2000  # sprites of each kind to learn from, and as many for the verdict
FEWEST = 40  # of each kind, below which nothing is told


def told_apart(a: Tensor, b: Tensor, *, seed: int = 0) -> tuple[float, float]:
    """The share of unseen sprites of two kinds, x [N, C, H, W] in [-1, 1], that a network names rightly; and its
    standard error.

    Half of each kind, as many of one as of the other, is learnt from, and the verdict is on the other half. 0.5: it
    cannot tell them apart. It can more often the more it has to learn from: compare sets of one size.
    """
    g = torch.Generator().manual_seed(seed)
    half = min(len(a), len(b), 2 * MOST) // 2
    kinds = [kind[torch.randperm(len(kind), generator=g)[: 2 * half]].split(half) for kind in (a, b)]
    learnt, unseen = (torch.cat(part) for part in zip(*kinds, strict=True))
    labels = torch.arange(2).repeat_interleave(half)
    model = train_classifier(learnt, labels, 2, steps=STEPS, seed=seed, shifts=False, flips=False)
    right = (features_and_classes(model, unseen)[1] == labels).float().mean().item()
    return right, (right * (1 - right) / (2 * half)) ** 0.5
