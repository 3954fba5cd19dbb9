"""Judging sampled sprites by a classifier trained on the very data set."""

from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ddpm import classifier
from ddpm.checkpoint import ModelSpec, read_safetensors, write_safetensors
from ddpm.classifier import Classifier, judge, train_classifier
from ddpm.data import SpriteData
from ddpm.generate import generate
from ddpm.metrics import class_accuracy, frechet_distance
from sprites.io import content_hashes


def fingerprint(data: SpriteData, seed: int) -> str:
    """16 hexadecimal digits that change with any training sprite, its label, the seed or the classifier's code."""
    parts = content_hashes(data.sprites.images)[data.train], data.sprites.labels[data.train], np.array([seed])
    code = Path(classifier.__file__).read_bytes()
    return blake2b(b"".join([*(p.tobytes() for p in parts), code]), digest_size=8).hexdigest()


class Judge:
    """A classifier fitted to the training split of `data`, and the features of those sprites to compare with."""

    def __init__(self, data: SpriteData, seed: int = 0, cache: Path | None = None):
        """Train the classifier, or take it from the folder `cache`, where it is kept under the data's fingerprint."""
        x, labels = data.batch(data.train)
        self.data = data
        file = cache and cache / f"{fingerprint(data, seed)}.safetensors"
        if file and file.exists():
            self.classifier = Classifier(x.shape[1], len(data.sprites.categories)).eval()
            self.classifier.load_state_dict(read_safetensors(file)[0])
        else:
            self.classifier = train_classifier(x, labels, len(data.sprites.categories), seed=seed)
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                write_safetensors(file, self.classifier.state_dict(), {"fingerprint": file.stem})
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
