"""The nearest training sprite against brute force; copies on the shipped sprites; the verdict against the odds."""

from math import comb

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT
from torch import Tensor

from ddpm.data.collection import SpriteData
from ddpm.data.loading import load_data
from ddpm.evaluation import copies as memorisation
from ddpm.evaluation.copies import COPY_SHARE, VISIBLE, background, changed, is_copy, nearest, variants, verdict


def noise(n: int, seed: int = 0, channels: int = 3, h: int = 6, w: int = 5) -> Tensor:
    return torch.rand(n, channels, h, w, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(scope="module")
def shipped() -> SpriteData:
    return load_data(ROOT / "sprites")


def test_variants_by_hand():
    x = torch.tensor([[1.0, 2, 3], [4, 5, 6]])[None, None]
    found = {tuple(v.flatten().tolist()) for v in variants(x)}
    assert variants(x).shape == (18, 1, 1, 2, 3)
    assert torch.equal(variants(x)[0], x)
    assert len(found) == 18
    assert {(1, 1, 2, 4, 4, 5), (2, 3, 3, 5, 6, 6), (1, 2, 3, 1, 2, 3), (4, 5, 6, 4, 5, 6)} < found  # right, left, ...
    assert {(3, 2, 1, 6, 5, 4), (6, 6, 5, 6, 6, 5)} < found  # flipped; and moved right and up


def test_finds_a_sprite_flipped_and_shifted():
    training = noise(40)
    for row, (flip, dy, dx) in enumerate([(False, 0, 0), (True, 0, 0), (False, 1, -1), (True, -1, 0), (True, 1, 1)]):
        sprite = training[row : row + 1].flip(-1) if flip else training[row : row + 1]
        moved = F.pad(sprite, (1, 1, 1, 1), mode="replicate")[..., 1 + dy : 7 + dy, 1 + dx : 6 + dx]
        found = nearest(moved, training)
        assert found.index.item() == row and found.distance.item() == 0
        assert torch.equal(found.sprite, moved)


def test_a_shift_by_two_is_too_far():
    training = noise(40)
    two = F.pad(training[:1], (2, 2, 0, 0), mode="replicate")[..., :5]
    assert nearest(two, training).distance.item() > 1


@pytest.mark.parametrize("chunk_bytes", [100e6, 60_000, 1])
def test_parity_with_brute_force(monkeypatch, chunk_bytes):
    monkeypatch.setattr(memorisation, "CHUNK_BYTES", chunk_bytes)
    x, training = noise(20, 1), noise(50, 2)
    copies, done = (x.clone(), training.clone()), []
    found = nearest(x, training, done.append)
    distances = torch.cdist(x.flatten(1).double(), variants(training).flatten(2).flatten(0, 1).double())
    assert torch.equal(found.index, distances.argmin(1) % 50)
    assert torch.allclose(found.distance, distances.amin(1).float())
    assert torch.allclose((x - found.sprite).square().sum((1, 2, 3)).sqrt(), found.distance)
    assert torch.equal(found.sprite, variants(training).flatten(0, 1)[distances.argmin(1)])
    assert sum(done) == 50 and len(done) == {100e6: 1, 1: 50}.get(chunk_bytes, len(done))
    assert torch.equal(x, copies[0]) and torch.equal(training, copies[1])


def test_training_sprites_find_themselves():
    training = noise(30)
    found = nearest(training, training)
    assert torch.equal(found.index, torch.arange(30)) and torch.equal(found.sprite, training)
    assert not found.distance.any()


def test_no_sprites_to_look_for():
    found = nearest(noise(0), noise(3))
    assert found.index.shape == (0,) and found.sprite.shape == (0, 3, 6, 5)
    assert is_copy(noise(0), found, torch.zeros(3)).shape == (0,)


def test_background_is_the_commonest_corner():
    x = noise(9)
    x[:5, :, :: x.shape[2] - 1, :: x.shape[3] - 1] = torch.tensor([1.0, 0.5, -1])[:, None, None]
    assert background(x).tolist() == [1, 0.5, -1]


def test_background_of_the_shipped_sprites_is_transparent(shipped):
    assert background(shipped.batch(shipped.train[:200])[0]).tolist() == [-1] * 4


def test_changed_by_hand():
    ground = torch.tensor([1.0, 1, 1])
    x = torch.ones(1, 3, 4, 4)
    x[..., :2, :] = 0  # eight pixels drawn
    y = x.clone()
    y[0, 1, 0, :2] += 1.01 * VISIBLE  # two of them look different in one channel,
    y[0, :, 1, :2] += 0.99 * VISIBLE  # two no more than a shade,
    y[0, 2, 3, 0] = 0  # and there is one more
    assert changed(x, y, ground).item() == pytest.approx(3 / 9)
    assert changed(y, x, ground).item() == pytest.approx(3 / 9)
    assert changed(x, x, ground).item() == 0
    blank = torch.ones(1, 3, 4, 4)
    assert changed(blank, blank, ground).item() == 0 and changed(x, blank, ground).item() == 1


def test_an_empty_margin_changes_nothing():
    ground = torch.tensor([1.0, 1, 1])
    x, y = noise(5, 1), noise(5, 2)
    wide = [F.pad(z, (3, 4, 5, 6), value=1.0) for z in (x, y)]
    assert torch.equal(changed(*wide, ground), changed(x, y, ground))


def test_training_sprites_with_slight_noise_are_copies_and_few_held_out_sprites_are(shipped):
    some = range(7000, 8000)  # neighbours, so that frames of one walk are among them
    training = shipped.batch(np.intersect1d(shipped.train, some))[0]
    ground = background(training)
    x = training[::20]
    noisy = (x + 0.03 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    assert is_copy(noisy, nearest(noisy, training), ground).all()
    assert is_copy(noisy.flip(-1), nearest(noisy.flip(-1), training), ground).all()
    held_out = shipped.batch(np.intersect1d(shipped.val, some))[0]
    rate = is_copy(held_out, nearest(held_out, training), ground).float().mean()
    assert 0 < rate < COPY_SHARE  # frames of one walk, above all


def test_verdict_is_fisher_s():
    # A table of 3 of 4 against 1 of 4: (C(4,3) C(4,1) + C(4,4) C(4,0)) / C(8,4) = 17 / 70.
    result = verdict((3, 4), (1, 4))
    assert result.p == pytest.approx(17 / 70)
    assert (result.generated, result.held_out, result.memorises) == (0.75, 0.25, None)
    # None of 20 held out: p = C(100, k) / C(120, k)
    assert verdict((30, 100), (0, 20)).p == pytest.approx(comb(100, 30) / comb(120, 30))


@pytest.mark.parametrize(
    "generated, held_out, memorises",
    [
        ((300, 1000), (10, 250), True),
        ((40, 1000), (10, 250), False),  # as often as real ones
        ((0, 1000), (50, 250), False),  # less often: the test is one-sided
        ((3, 10), (1, 10), None),  # too few to tell
        ((300, 1000), (0, 12), None),
        ((3000, 10000), (1000, 5000), True),
    ],
)
def test_verdict(generated, held_out, memorises):
    result = verdict(generated, held_out)
    assert result.memorises is memorises
    assert result.generated == generated[0] / generated[1] and result.held_out == held_out[0] / held_out[1]


def test_beyond_chance_but_by_a_small_margin():
    result = verdict((2400, 10000), (1000, 5000))
    assert result.p < 0.01 and result.memorises is False


def test_no_verdict_without_held_out_sprites():
    result = verdict((9, 10), None)
    assert (result.generated, result.held_out, result.p, result.memorises) == (0.9, None, None, None)
