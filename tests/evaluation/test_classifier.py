"""The classifier of the judges: its version stands for all that decides what it learns and tells."""

from inspect import signature

import pytest
import torch
from torch import Tensor

from ddpm.evaluation import classifier
from ddpm.evaluation.classifier import STEPS_MIN, Classifier, features_and_classes, smoothed, train_classifier
from ddpm.evaluation.copies import variants

BEHAVIOUR = {
    1: {
        "shapes": {
            "body.0.0.weight": [32, 3, 3, 3],
            "body.0.3.weight": [32, 32, 3, 3],
            "body.2.0.weight": [64, 32, 3, 3],
            "body.2.3.weight": [64, 64, 3, 3],
            "body.4.0.weight": [128, 64, 3, 3],
            "body.4.3.weight": [128, 128, 3, 3],
            "head.weight": [2, 128],
        },
        "tensors": 38,
        "features": [0.208287, 0.0, 0.0, 0.089015, 0.005763, 0.229252, 0.252345, 0.015295],
        "rates": [  # learning rate, betas, weight decay
            [0.00016, 0.95, 0.999, 0.05],
            [0.00380194, 0.854952, 0.999, 0.05],
            [0.00155497, 0.911126, 0.999, 0.05],
            [1.6e-08, 0.95, 0.999, 0.05],
        ],
        "batches": [128] * 10,
        "least steps": 200,
        "epochs": 20,
        "dropout": 0.3,
        "loss": 1.534778,
    }
}


def network() -> Classifier:
    """Weights that depend on no generator, with a state of the batch norms that is not as at first."""
    model = Classifier(4, 3, cells=2, width=2).eval()
    for i, values in enumerate(model.state_dict().values()):
        if values.is_floating_point():
            values.copy_(torch.arange(values.numel()).add(i).sin().view_as(values) / 2 + (values.ndim == 1))
    return model


def behaviour(monkeypatch) -> dict[str, object]:
    """What decides how a classifier learns and looks, in values that any version of torch gives."""
    rates, batches = [], []

    class Recorder(torch.optim.AdamW):
        def step(self) -> None:
            (group,) = self.param_groups
            rates.append([group["lr"], *group["betas"], group["weight_decay"]])
            super().step()

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        batches.append(len(labels))
        return smoothed(logits, labels)

    monkeypatch.setattr(torch.optim, "AdamW", Recorder)
    monkeypatch.setattr(classifier, "STEPS_MIN", 8)
    x, labels = torch.linspace(-1, 1, 130 * 48).view(130, 3, 4, 4), torch.arange(130) % 2
    model = train_classifier(x, labels, 2, epochs=5, loss=loss)
    features, _ = features_and_classes(network(), torch.linspace(-9, 9, 4 * 256).sin().view(1, 4, 16, 16))
    return {
        "shapes": {name: list(values.shape) for name, values in model.state_dict().items() if values.ndim > 1},
        "tensors": len(model.state_dict()),
        "features": features[0, ::4].tolist(),
        "rates": rates[::3],
        "batches": batches,
        "least steps": STEPS_MIN,
        "epochs": signature(train_classifier).parameters["epochs"].default,
        "dropout": model.drop.p,
        "loss": smoothed(torch.tensor([[1.0, 0, 0]]), torch.tensor([1])).item(),
    }


def test_a_classifier_that_behaves_otherwise_has_another_version(monkeypatch):
    """Kept judges are found by their data and this version. Where this fails, raise it, and enter what is found."""
    assert list(BEHAVIOUR) == [classifier.VERSION]
    found, pinned = behaviour(monkeypatch), BEHAVIOUR[classifier.VERSION]
    assert found.keys() == pinned.keys()
    for name, values in pinned.items():
        if name in ("features", "rates"):
            assert torch.allclose(torch.tensor(found[name]), torch.tensor(values), rtol=1e-4, atol=1e-9), name
        else:
            assert found[name] == (pytest.approx(values, rel=1e-4) if name == "loss" else values), name


@pytest.mark.parametrize("flips", [True, False])
def test_sprites_are_shifted_and_flipped_in_training(flips, monkeypatch):
    """A sprite is seen as all of its allowed variants and as nothing else. The version stands for this too."""
    seen = set()

    class Watching(Classifier):
        def forward(self, x: Tensor) -> Tensor:
            seen.add(tuple(x[0].flatten().tolist()))  # all are the same sprite, moved alike
            return self.head.bias.expand(len(x), -1)

    monkeypatch.setattr(classifier, "Classifier", Watching)
    x = torch.arange(48.0).view(1, 3, 4, 4) / 48
    train_classifier(x, torch.zeros(1, dtype=torch.int64), 2, epochs=1, flips=flips)
    allowed = variants(x).flatten(2)[:, 0]
    assert seen == {tuple(sprite.tolist()) for sprite in (allowed if flips else allowed[::2])}
