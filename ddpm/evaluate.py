"""Judging sampled sprites by a classifier trained on the very data set."""

import torch
from torch import Tensor, nn

from ddpm.checkpoint import ModelSpec
from ddpm.classifier import judge, train_classifier
from ddpm.data import SpriteData
from ddpm.generate import generate
from ddpm.metrics import class_accuracy, frechet_distance


class Judge:
    """A classifier fitted to the training split of `data`, and the features of those sprites to compare with."""

    def __init__(self, data: SpriteData, seed: int = 0):
        x, labels = data.batch(data.train)
        self.data = data
        self.classifier = train_classifier(x, labels, len(data.sprites.categories), seed=seed)
        self.features, _ = judge(self.classifier, x)
        self.weights = self._balance(labels)

    def _balance(self, labels: Tensor) -> Tensor:
        """Weights that make every category count the same, whatever its share."""
        return (1 / torch.bincount(labels, minlength=len(self.data.sprites.categories)))[labels]

    def __call__(self, x: Tensor, labels: Tensor) -> dict[str, float]:
        """Class accuracy and Frechet distance of sprites x [N, C, H, W] in [-1, 1] with int64 labels [N]."""
        features, predicted = judge(self.classifier, x.cpu())
        return {
            "class_accuracy": class_accuracy(predicted, labels),
            "frechet_distance": frechet_distance(features, self.features, self._balance(labels), self.weights),
        }

    def held_out(self) -> dict[str, float]:
        """The same figures for the real sprites that were held out."""
        return self(*self.data.batch(self.data.val))


def sample_per_category(
    model: nn.Module, spec: ModelSpec, scale: float, per_category: int, seed: int, **sampling
) -> tuple[Tensor, Tensor]:
    """`per_category` sprites of each category at one scale, each from noise of its own: x [N, C, H, W], labels [N]."""
    K = len(spec.categories)
    labels = torch.arange(K).repeat_interleave(per_category)
    context = torch.eye(K)[labels]
    return generate(model, spec, context, scale, seed=seed, indices=range(len(labels)), **sampling), labels
