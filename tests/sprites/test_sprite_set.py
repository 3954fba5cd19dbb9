"""Whether a network can tell what the shipped sprites show: their tags are then worth training on."""

import numpy as np
import pytest
import torch
from conftest import ROOT

from ddpm.data.tensors import to_tensor
from ddpm.evaluation.classifier import judge, train_classifier
from sprites.loading import load_sprites
from sprites.tags import load_tags


@pytest.mark.slow
def test_a_small_classifier_names_category_and_kind_of_held_out_sprites():
    sprites, tags = load_sprites(ROOT / "sprites"), load_tags(ROOT / "sprites")
    kinds, categories = torch.from_numpy(tags["kind"].codes), torch.from_numpy(sprites.labels)
    pair, kind_of_pair = torch.unique(categories * (kinds.max() + 1) + kinds, return_inverse=True)
    held_out = torch.from_numpy(np.arange(len(sprites)) // 4 % 20 == 0)  # whole walk cycles, so that no frame leaks
    x = to_tensor(sprites.images)
    model = train_classifier(x[~held_out], kind_of_pair[~held_out], len(pair), epochs=20)
    _, predicted = judge(model, x[held_out])
    kind_right = predicted == kind_of_pair[held_out]
    category_right = pair[predicted] // (kinds.max() + 1) == categories[held_out]
    print(f"kind {kind_right.float().mean():.4f}, category {category_right.float().mean():.4f} of {held_out.sum()}")
    assert kind_right.float().mean() >= 0.95
    assert category_right.float().mean() >= 0.99
