"""Distances of feature sets against closed forms and torchmetrics; manifolds worked by hand; the bootstrap."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from ddpm.evaluation import metrics
from ddpm.evaluation.metrics import (
    Gaussian,
    class_accuracy,
    frechet_distance,
    kernel_distance,
    manifold,
    standard_error,
)

F = 6


def features(rows: int = 200, seed: int = 0, width: int = F) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=g, dtype=torch.float64)
    return torch.randn(rows, width, generator=g, dtype=torch.float64) @ mix + torch.randn(width, generator=g).double()


def orthogonal(width: int = F) -> Tensor:
    g = torch.Generator().manual_seed(5)
    return torch.linalg.qr(torch.randn(width, width, generator=g, dtype=torch.float64))[0]


def white(rows: int = 50) -> Tensor:
    """Rows with mean exactly 0 and covariance exactly 1."""
    x = features(rows)
    x = x - x.mean(0)
    return torch.linalg.qr(x)[0] * rows**0.5


def by_eigenvalues(a: Tensor, b: Tensor) -> float:
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


def test_mass_is_repetition():
    a, b = features(40, 1), features(30, 2)
    times = torch.arange(1, 41) % 4 + 1
    expected = frechet_distance(a.repeat_interleave(times, 0), b)
    for mass in (times, times.float(), 0.01 * times.double()):
        assert frechet_distance(a, b, mass) == pytest.approx(expected, rel=1e-6)
        assert frechet_distance(b, a, None, mass) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(a, b) != pytest.approx(expected, rel=1e-3)


def test_plain_mean_is_exact_in_float64():
    # A long mean vector, so that masses rounded to float32 would show.
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


def test_parity_with_torchmetrics():
    a, b = features(150, 1), features(150, 2)
    identity = nn.Identity()
    identity.num_features = F
    metric = FrechetInceptionDistance(identity)
    metric.update(a, real=True)
    metric.update(b, real=False)
    # It divides covariances by N - 1, so they are N / (N - 1) of ours: spread the rows about their means by the root.
    wider = [x.mean(0) + (x - x.mean(0)) * (150 / 149) ** 0.5 for x in (a, b)]
    assert frechet_distance(*wider) == pytest.approx(metric.compute().item(), rel=1e-6)


def test_a_fitted_gaussian_stands_for_its_features():
    a, b = features(40, 1), features(30, 2)
    mass = torch.rand(30, generator=torch.Generator().manual_seed(0)) + 0.1
    expected = frechet_distance(a, b, None, mass)
    fitted = Gaussian.fit(b, mass)
    assert frechet_distance(a, fitted) == expected
    assert frechet_distance(fitted, a) == pytest.approx(expected, rel=1e-9)
    assert torch.allclose(Gaussian.fit(b).root @ Gaussian.fit(b).root, b.mT.cov(correction=0))


def squared_mmd(a: Tensor, b: Tensor) -> float:
    """The unbiased estimate of Gretton et al. 2012 (JMLR 13), eq. 3, with the kernel of arXiv:1801.01401."""
    k = lambda x, y: (x @ y.mT / x.shape[1] + 1) ** 3
    off_diagonal = lambda m: (m.sum() - m.trace()) / (len(m) * (len(m) - 1))
    return (off_diagonal(k(a, a)) + off_diagonal(k(b, b)) - 2 * k(a, b).mean()).item()


@pytest.mark.filterwarnings("ignore:Metric .Kernel")
def test_kernel_distance_is_that_of_torchmetrics():
    a, b = features(80, 1), features(95, 2)
    metric = KernelInceptionDistance(nn.Identity(), subsets=50, subset_size=40)
    metric.update(a, real=True)
    metric.update(b, real=False)
    with torch.random.fork_rng():
        torch.manual_seed(6)
        expected = tuple(map(float, metric.compute()))
    assert kernel_distance(a, b, seed=6) == expected


@pytest.mark.parametrize("n", [100, 600])
def test_kernel_distance_is_about_the_discrepancy_of_all_rows(n):
    a, b = features(n + 100, 1), features(n, 2)
    mean, deviation = kernel_distance(a, b, seed=0)
    assert deviation > 0
    assert mean == pytest.approx(squared_mmd(a, b), abs=deviation / 2)  # 3.5 standard errors of 50 subsets


def test_the_deviation_of_a_kernel_distance_is_its_standard_error():
    a, b = features(6000, 1), features(6000, 2)
    fresh = [kernel_distance(x, y, seed=0) for x, y in zip(a.split(100), b.split(100), strict=True)]
    means, deviations = zip(*fresh, strict=True)
    assert np.mean(deviations) == pytest.approx(np.std(means), rel=0.3)


def test_a_kernel_distance_of_too_few():
    x = features(4)
    assert np.isfinite(kernel_distance(x, x, seed=0)).all()
    with pytest.raises(ValueError, match=r"of 4 and 3 samples .* at least 4"):
        kernel_distance(x, x[:3], seed=0)


def test_kernel_distance_of_one_distribution_is_about_zero_and_may_be_below():
    x = features(1200, 1)
    means = [kernel_distance(x[rows[:60]], x[rows[60:120]], seed=0)[0] for rows in shuffles(1200, 12)]
    apart = kernel_distance(x[:60], x[60:120] + 1, seed=0)[0]
    assert min(means) < 0 < max(means)
    assert abs(np.mean(means)) < 0.2 * apart


def shuffles(n: int, times: int) -> list[Tensor]:
    g = torch.Generator().manual_seed(3)
    return [torch.randperm(n, generator=g) for _ in range(times)]


def test_kernel_distance_is_its_seed_s_and_leaves_the_global_generator_alone(recwarn):
    a, b = features(90, 1).float(), features(60, 2).float()
    copies = a.clone(), b.clone()
    before = torch.get_rng_state()
    first = kernel_distance(a, b, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    assert kernel_distance(a, b, seed=1) == first
    assert kernel_distance(a, b, seed=2) != first
    assert torch.equal(a, copies[0]) and torch.equal(b, copies[1])
    assert not recwarn.list


def line(*places: float) -> Tensor:
    return torch.tensor(places, dtype=torch.float32)[:, None]


def test_manifold_by_hand():
    real, generated = line(0, 1, 3, 7), line(0.5, 2.5, 12, 30)
    figures = manifold(real, generated, k=1)
    # Radii: real 1, 1, 2, 4 (balls [-1, 1], [0, 2], [1, 5], [3, 11]); generated 2, 2, 9.5, 18 ([-1.5, 2.5],
    # [0.5, 4.5], [2.5, 21.5], [12, 48]).
    assert figures["precision"].tolist() == [1, 1, 0, 0]
    assert figures["density"].tolist() == [2, 1, 0, 0]
    assert figures["recall"].tolist() == [1, 1, 1, 1]
    assert figures["coverage"].tolist() == [1, 1, 1, 0]
    two = manifold(real, generated, k=2)  # real radii 3, 2, 3, 6: 0.5 is in [-3, 3], [-1, 3], [0, 6], not in [1, 13]
    assert two["density"].tolist() == [1.5, 2, 0.5, 0]


def test_equal_sets_share_their_manifold():
    x = features(120)
    figures = manifold(x, x.flip(0))
    assert all(figures[name].eq(1).all() for name in ("precision", "recall", "coverage"))
    assert figures["density"].mean() == pytest.approx(6 / 5)  # every ball holds its k neighbours and its centre


def test_sprites_that_repeat_are_in_their_manifold_of_no_extent():
    x = features(3).float().repeat(7, 1)
    figures = manifold(x, x[:9], k=2)
    assert all(figures[name].eq(1).all() for name in ("precision", "recall", "coverage"))


def test_disjoint_clusters_share_nothing():
    x = features(100)
    assert all(not values.any() for values in manifold(x, x + 1000).values())


def test_two_samples_of_one_distribution_have_density_about_one():
    x = features(1600)
    figures = {name: values.mean().item() for name, values in manifold(x[:800], x[800:]).items()}
    assert figures["density"] == pytest.approx(1, abs=0.1)
    # It is missed if its k nearest among all rows are real, each as likely real as generated (arXiv:2002.09797).
    assert figures["coverage"] == pytest.approx(1 - 0.5**5, abs=0.03)
    assert min(figures["precision"], figures["recall"]) > 0.9


def modes(*centres: float) -> Tensor:
    return torch.cat([features(100, seed=i) * 0.1 + 100 * c for i, c in enumerate(centres)])


def test_a_dropped_mode_costs_recall_and_coverage_but_no_precision():
    real = modes(0, 1, 2, 3)
    generated = torch.cat([features(100, seed=i) * 0.1 + 100 * i for i in range(3)])
    figures = manifold(real, generated + 1e-6)
    assert figures["precision"].eq(1).all()
    for name in ("recall", "coverage"):
        assert figures[name][:300].eq(1).all() and not figures[name][300:].any()


def test_an_outlier_inflates_precision_or_recall_but_not_density_or_coverage():
    # arXiv:2002.09797: its ball is huge. Among the real rows it takes in the generated ones, and the reverse.
    real = features(100, 1)
    generated = real + 50
    above, below = real.mean(0, keepdim=True) + 500, real.mean(0, keepdim=True) - 500
    assert not any(values.any() for values in manifold(real, generated).values())
    among_real = manifold(torch.cat([real, above]), generated)
    assert among_real["precision"].eq(1).all()
    assert among_real["density"].mean() == pytest.approx(1 / 5)
    assert among_real["coverage"].sum() == 1  # the outlier's own
    among_generated = manifold(real, torch.cat([generated, below]))
    assert among_generated["recall"].eq(1).all()
    assert not among_generated["density"].any() and not among_generated["coverage"].any()


def test_manifold_is_invariant_to_rotation_translation_scale_and_order():
    real, generated = features(90, 1), features(70, 1) + 0.3
    expected = manifold(real, generated)
    moved = manifold(3 * real @ orthogonal() + 5, 3 * generated @ orthogonal() + 5)
    turned = manifold(real.flip(0), generated.flip(0))
    for name, values in expected.items():
        assert values.mean() > 0 and torch.equal(moved[name], values) and torch.equal(turned[name].flip(0), values)


def test_manifold_in_chunks(monkeypatch):
    real, generated = features(90, 1).float(), features(70, 1).float() + 0.3
    expected = manifold(real, generated)
    monkeypatch.setattr(metrics, "CHUNK", 7)
    copies = real.clone(), generated.clone()
    for name, values in manifold(real, generated).items():
        assert torch.equal(values, expected[name]) and values.dtype == torch.float32
    assert torch.equal(real, copies[0]) and torch.equal(generated, copies[1])


def test_manifold_swaps_its_sides():
    a, b = features(90, 1), features(70, 1) + 0.3
    assert torch.equal(manifold(a, b)["precision"], manifold(b, a)["recall"])


def test_too_few_for_nearest_neighbours():
    x = features(6)
    assert manifold(x, x)["precision"].shape == (6,)
    with pytest.raises(ValueError, match=r"5 generated samples are too few for 5 .* at least 6"):
        manifold(x, x[:5])
    with pytest.raises(ValueError, match="5 real samples"):
        manifold(x[:5], x)


ONE = np.zeros(400, int)


def test_standard_error_of_a_mean():
    values = np.random.default_rng(0).normal(3, 2, 400)
    error = standard_error(lambda rows: values[rows].mean(), ONE, replicates=2000)
    assert error == pytest.approx(values.std() / 400**0.5, rel=0.05)
    assert standard_error(lambda rows: values[rows].mean(), ONE) == pytest.approx(error, rel=0.3)


def test_strata_keep_their_sizes_and_what_differs_between_them_is_no_error():
    strata, drawn = np.arange(60) % 3 // 2, []
    values = 100.0 * strata
    assert standard_error(lambda rows: drawn.append(rows) or values[rows].mean(), strata, replicates=20) < 1e-12
    assert len(drawn) == 20
    for rows in drawn:
        assert np.bincount(strata[rows]).tolist() == [40, 20] and len(set(rows.tolist())) < 60


def test_standard_error_is_its_seed_s():
    values = features(400)[:, 0]
    error = lambda seed: standard_error(lambda rows: values[rows].mean().item(), ONE, seed=seed)
    assert error(0) == error(0) != error(1)


def test_standard_error_of_a_frechet_distance():
    reference, many = Gaussian.fit(features(300, 2)), features(40 * 400, 1)
    distances = [frechet_distance(a, reference) for a in many.split(400)]
    error = standard_error(lambda rows: frechet_distance(many[:400][rows], reference), ONE)
    assert error == pytest.approx(np.std(distances), rel=0.4)


def test_class_accuracy():
    assert class_accuracy(torch.tensor([1, 2, 3, 0]), torch.tensor([1, 2, 0, 0])) == 0.75
