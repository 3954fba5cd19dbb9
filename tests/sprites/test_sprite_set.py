"""Whether a network can tell what the shipped sprites show: their tags are then worth training on."""

import pytest
import torch
from conftest import ROOT

from ddpm.data.tensors import to_tensor
from ddpm.evaluation.classifier import features_and_classes, train_classifier
from sprites.loading import load_sprites
from sprites.tags import load_tags


@pytest.fixture(scope="module")
def shown():
    """The shipped sprites, and the walk cycle of each: whole cycles are held out, so that no frame leaks."""
    sprites = load_sprites(ROOT / "sprites")
    return sprites, torch.arange(len(sprites)) // 4


@pytest.mark.slow
def test_a_network_that_saw_an_eighth_of_the_sprites_names_the_category_of_others(shown, monkeypatch):
    monkeypatch.setattr("ddpm.evaluation.classifier.STEPS_MIN", 100)
    sprites, cycles = shown
    x, categories = to_tensor(sprites.images), torch.from_numpy(sprites.labels)
    seen, held_out = cycles % 8 == 0, cycles % 80 == 4
    model = train_classifier(x[seen], categories[seen], len(sprites.categories), epochs=1)
    _, predicted = features_and_classes(model, x[held_out])
    assert (predicted == categories[held_out]).float().mean() >= 0.85


@pytest.mark.slow
def test_a_small_classifier_names_category_and_kind_of_held_out_sprites(shown):
    (sprites, cycles), tags = shown, load_tags(ROOT / "sprites")
    kinds, categories = torch.from_numpy(tags["kind"].codes), torch.from_numpy(sprites.labels)
    pair, kind_of_pair = torch.unique(categories * (kinds.max() + 1) + kinds, return_inverse=True)
    held_out = cycles % 20 == 0
    x = to_tensor(sprites.images)
    model = train_classifier(x[~held_out], kind_of_pair[~held_out], len(pair), epochs=20)
    _, predicted = features_and_classes(model, x[held_out])
    kind_right = predicted == kind_of_pair[held_out]
    category_right = pair[predicted] // (kinds.max() + 1) == categories[held_out]
    print(f"kind {kind_right.float().mean():.4f}, category {category_right.float().mean():.4f} of {held_out.sum()}")
    assert kind_right.float().mean() >= 0.95
    assert category_right.float().mean() >= 0.99
