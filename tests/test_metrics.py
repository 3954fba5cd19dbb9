"""The Frechet distance against closed forms."""

import pytest
import torch

from ddpm.metrics import class_accuracy, frechet_distance

F = 6


def features(rows: int = 200, seed: int = 0, width: int = F) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=g, dtype=torch.float64)
    return torch.randn(rows, width, generator=g, dtype=torch.float64) @ mix + torch.randn(width, generator=g).double()


def orthogonal(width: int = F) -> torch.Tensor:
    g = torch.Generator().manual_seed(5)
    return torch.linalg.qr(torch.randn(width, width, generator=g, dtype=torch.float64))[0]


def white(rows: int = 50) -> torch.Tensor:
    """Rows with mean exactly 0 and covariance exactly 1."""
    x = features(rows)
    x = x - x.mean(0)
    return torch.linalg.qr(x)[0] * rows**0.5


def by_eigenvalues(a: torch.Tensor, b: torch.Tensor) -> float:
    """The formula with tr (A B)^(1/2) from the eigenvalues of A B."""
    A, B = (x.mT.cov(correction=0) for x in (a, b))
    root = torch.linalg.eigvals(A @ B).real.clamp(min=0).sqrt().sum()
    return ((a.mean(0) - b.mean(0)).square().sum() + A.trace() + B.trace() - 2 * root).item()


def test_diagonal_gaussians():
    std_a, std_b = torch.tensor([1.0, 2, 3, 0.5, 1, 4]).double(), torch.tensor([2.0, 2, 1, 0.25, 0, 5]).double()
    mean_a, mean_b = torch.arange(6).double(), torch.tensor([1.0, 1, 1, 4, 4, 4]).double()
    expected = (mean_a - mean_b).square().sum() + (std_a - std_b).square().sum()
    a, b = white(50) * std_a + mean_a, white(70) * std_b + mean_b
    assert frechet_distance(a, b) == pytest.approx(expected.item(), abs=1e-6)
    assert frechet_distance(a @ orthogonal(), b @ orthogonal()) == pytest.approx(expected.item(), abs=1e-6)


def test_shift_is_its_squared_length():
    a, shift = features(), torch.tensor([1.0, 0, -2, 0, 0, 0.5]).double()
    assert frechet_distance(a, a + shift) == pytest.approx(5.25, abs=1e-6)


def test_equal_sets_are_at_no_distance_whatever_their_order_and_number():
    a = features()
    assert frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(a, a.repeat(3, 1)) == pytest.approx(0, abs=1e-5)


def test_parity_with_the_eigenvalues_of_the_product():
    a, b = features(150, 1), features(90, 2)
    assert frechet_distance(a, b) == pytest.approx(by_eigenvalues(a, b), rel=1e-6)
    assert frechet_distance(a, b) > 1


def test_symmetric():
    a, b = features(150, 1), features(90, 2)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_invariant_to_rotation_and_square_of_a_factor():
    a, b = features(150, 1), features(90, 2)
    distance = frechet_distance(a, b)
    assert frechet_distance(a @ orthogonal(), b @ orthogonal()) == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(3 * a, 3 * b) == pytest.approx(9 * distance, rel=1e-9)


def test_weights_are_repetitions():
    a, b = features(40, 1), features(30, 2)
    times = torch.arange(1, 41) % 4 + 1
    expected = frechet_distance(a.repeat_interleave(times, 0), b)
    for weights in (times, times.float(), 0.01 * times.double()):
        assert frechet_distance(a, b, weights) == pytest.approx(expected, rel=1e-6)
        assert frechet_distance(b, a, None, weights) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(a, b) != pytest.approx(expected, rel=1e-3)


def test_plain_mean_is_exact_in_float64():
    # A long mean vector, so that weights rounded to float32 would show.
    a = features(53) + 1e4
    assert frechet_distance(a, a.repeat(3, 1)) == pytest.approx(0, abs=1e-8)


def test_fewer_rows_than_features():
    a, b = features(4, 1, width=20), features(3, 2, width=20)
    assert frechet_distance(a, b) == pytest.approx(by_eigenvalues(a, b), rel=1e-6)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, a + 1) == pytest.approx(20, abs=1e-6)


def test_points_without_spread():
    a, b = torch.zeros(5, F), torch.full((7, F), 2.0)
    assert frechet_distance(a, b) == pytest.approx(4 * F)


def test_float32_features():
    a, b = features(150, 1), features(90, 2)
    assert frechet_distance(a.float(), b.float()) == pytest.approx(frechet_distance(a, b), rel=1e-4)


def test_class_accuracy():
    assert class_accuracy(torch.tensor([1, 2, 3, 0]), torch.tensor([1, 2, 0, 0])) == 0.75
