"""The judge of samples, and what is concluded from its figures."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from conftest import tiny_sprites, write_npy

from ddpm.config import Config, DataConfig, DiffusionConfig, LogConfig, ModelConfig, OptimConfig
from ddpm.data.loading import load_data
from ddpm.data.tensors import to_uint8
from ddpm.diffusion.schedule import make_schedule
from ddpm.evaluation.classifier import STEPS_MIN, in_equal_shares
from ddpm.evaluation.in_training import Evaluation
from ddpm.evaluation.judge import HELD_OUT, Judge, Measured, data_of, unseen_sprites
from ddpm.evaluation.metrics import METRICS, Metric
from ddpm.evaluation.report import Gaps, Report
from ddpm.runs.spec import ModelSpec
from ddpm.runs.tensor_files import read_safetensors
from ddpm.sampling import Sampler
from ddpm.training.trainer import Trainer


@pytest.fixture(autouse=True, scope="module")
def steps():
    """Judges of these plain sprites need few steps to learn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ddpm.evaluation.classifier.STEPS_MIN", 60)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = write_npy(tmp_path_factory.mktemp("sprites") / "data", *tiny_sprites(400, 8, 4))
    return load_data(folder, DataConfig(val_fraction=0.2))


@pytest.fixture(scope="module")
def judge(data):
    return Judge(data)


def test_real_sprites_do_well_and_spoilt_ones_badly(judge):
    rows = {name: judge.measure(name, x, labels).figures for name, (x, labels) in judge.references(40).items()}
    assert list(rows) == [HELD_OUT, "training", "blurred", "shuffled"]
    for name in (HELD_OUT, "training"):
        assert rows[name]["class_accuracy"] >= 0.95 and rows[name]["alpha_hardness"] == 1
        for spoilt in ("blurred", "shuffled"):
            assert rows[spoilt]["frechet_distance"] > 3 * rows[name]["frechet_distance"]
            assert rows[spoilt]["coverage"] < rows[name]["coverage"]
    assert rows["training"]["colours_apart"] == 0 and rows["shuffled"]["orphans"] > 0.1 > rows["training"]["orphans"]
    assert rows["training"]["copies"] == 1 and rows["shuffled"]["copies"] < 0.2
    assert rows["blurred"]["alpha_hardness"] < 0.95
    assert rows["shuffled"]["colours"] == pytest.approx(rows["training"]["colours"])  # the same pixels elsewhere


@pytest.mark.parametrize("count", [12, *(pytest.param(n, marks=pytest.mark.slow) for n in (60, 300))])
def test_a_small_set_has_a_judge_too(tmp_path, count, monkeypatch):
    monkeypatch.setattr("ddpm.evaluation.classifier.STEPS_MIN", STEPS_MIN)
    data = load_data(write_npy(tmp_path / "data", *tiny_sprites(count, 8, 4, seed=2)), DataConfig(val_fraction=0))
    new = load_data(write_npy(tmp_path / "new", *tiny_sprites(200, 8, 4, seed=3)), DataConfig(val_fraction=0))
    assert Judge(data)(*new.batch(new.train))["class_accuracy"] >= 0.95


def test_a_single_category_is_judged_too(tmp_path):
    images, labels = tiny_sprites(200, 8, 3)
    np.save(tmp_path / "sprites.npy", images[labels == 0])
    np.save(tmp_path / "labels.npy", labels[labels == 0])
    judge = Judge(load_data(tmp_path, DataConfig(val_fraction=0.1)))
    rows = {name: judge.measure(name, x, labels).figures for name, (x, labels) in judge.references(20).items()}
    assert rows["training"]["class_accuracy"] >= 0.95 > 0.2 > rows["shuffled"]["class_accuracy"]
    assert rows["shuffled"]["frechet_distance"] > 20 * rows["training"]["frechet_distance"]


def test_two_choices_of_matching_training_sprites_share_none(judge):
    labels = torch.tensor([0] * 30 + [1] * 20)
    first, second = judge.matching(labels).tolist(), judge.matching(labels, other=True).tolist()
    assert len(first) == len(second) == 50 and not set(first) & set(second)
    assert torch.bincount(judge.labels[first]).tolist() == torch.bincount(judge.labels[second]).tolist() == [30, 20]
    every = judge.matching(torch.zeros(10_000, dtype=torch.int64))
    assert every.sort().values.equal((judge.labels == 0).nonzero()[:, 0])


def test_wrong_labels_cost_accuracy_and_nothing_else(judge):
    x, labels = judge.references(40)["training"]
    right, wrong = judge.measure("a", x, labels), judge.measure("b", x, 1 - labels)
    assert wrong.figures["class_accuracy"] == pytest.approx(1 - right.figures["class_accuracy"])
    assert wrong.figures["recall"] == right.figures["recall"]
    assert right.errors["class_accuracy"] == pytest.approx(
        math.sqrt(right.figures["class_accuracy"] * (1 - right.figures["class_accuracy"]) / 80)
    )


def test_measuring_twice_gives_the_same_and_counts_to_the_end(judge):
    x, labels = judge.references(20)["blurred"]
    done = []
    a, b = judge.measure("a", x, labels, on_sprites=done.append), judge.measure("a", x, labels)
    assert a == b and sum(done) == pytest.approx(len(x))


def test_a_metric_is_one_entry_of_the_table(judge, monkeypatch):
    """It is in all that a report gives, with its error; one that does not apply is in none of it."""
    x, labels = judge.references(20)["training"]
    redness = Metric("redness", lambda seen: seen.x[:, 0].mean((1, 2)), "pixels", digits=4)
    monkeypatch.setitem(METRICS, "redness", redness)
    monkeypatch.setitem(METRICS, "pairs", Metric("pairs heading", lambda seen: (7.0, 0.5), digits=2))
    monkeypatch.setitem(METRICS, "never", Metric("never told", redness.compute, applies=lambda seen: False))
    row = judge.measure("training", x, labels)
    values = x[:, 0].double().mean((1, 2))
    assert row.figures["redness"] == pytest.approx(values.mean().item(), rel=1e-6)
    assert row.errors["redness"] == pytest.approx(values.std(correction=0).item() / 40**0.5, rel=1e-6)
    report = Report([row])
    told = f"{row.figures['redness']:.4f} ±{row.errors['redness']:.4f}"
    features, _, pixels = report.table().split("\n\n")
    assert "redness" in pixels and told in pixels and "pairs heading" in features and "7.00 ±0.50" in features
    for text in (report.text(), report.markdown()):
        assert "redness" in text and told in text and "7.00 ±0.50" in text and "never told" not in text
    (found,) = report.json()["rows"]
    assert found["figures"]["pairs"] == 7 and found["errors"]["pairs"] == 0.5
    assert found["figures"]["redness"] == row.figures["redness"] and "never" not in found["figures"]


def test_figures_that_need_a_palette_or_alpha_are_told_only_of_sets_that_have_them(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 3), np.uint8)  # of nearly all colours
    judge = Judge(load_data(write_npy(tmp_path / "data", images, np.arange(100) % 2)))
    figures = judge.measure("training", *judge.references(6)["training"]).figures
    assert METRICS.keys() - figures.keys() == {"alpha_hardness", "holes", "parts", "in_palette", "told_apart"}


def test_sampled_sprites_are_told_apart_from_unseen_ones_and_training_ones_are_the_floor(data, tmp_path, monkeypatch):
    monkeypatch.setattr("ddpm.evaluation.classifier.TOLD_STEPS", 60)
    folder = write_npy(tmp_path / "unseen", *tiny_sprites(120, 8, 4, seed=7))
    judge = Judge(data, unseen=unseen_sprites(str(folder), data))
    assert len(judge.unseen[0]) == len(judge.unseen[1]) == 120
    references = judge.references(60)
    blurred, labels = references["blurred"]
    floor, far = judge.measure("training", *references["training"]), judge.measure("s = 1", blurred, labels, 1.0)
    assert 0.3 < floor.figures["told_apart"] < 0.7 < 0.95 < far.figures["told_apart"]
    assert floor.errors["told_apart"] == pytest.approx(0.5 / 120**0.5, rel=0.1)
    held_out = judge.measure(HELD_OUT, *references[HELD_OUT])
    assert "told_apart" not in held_out.figures
    table = Report([held_out, floor, far]).table()  # a row without the figure has an empty cell
    assert "told apart" in table and f"{far.figures['told_apart']:.3f}" in table


def test_kinds_are_compared_in_equal_shares_of_each_category():
    a, b = torch.tensor([0] * 30 + [1] * 10 + [2] * 5), torch.tensor([1] * 30 + [0] * 10)
    rows, others = in_equal_shares(a, b, seed=0)
    assert torch.bincount(a[rows]).tolist() == torch.bincount(b[others]).tolist() == [10, 10]
    assert len(set(rows.tolist())) == len(set(others.tolist())) == 20
    assert a[rows].tolist() == b[others].tolist() != sorted(a[rows].tolist())  # in one order, which is no order


def test_unseen_sprites_are_none_that_were_trained_on(data, tmp_path):
    assert len(unseen_sprites(HELD_OUT, data)[0]) == len(data.val)
    images, labels = tiny_sprites(400, 8, 4)  # those of the data themselves
    new, more = tiny_sprites(50, 8, 4, seed=9)
    both = write_npy(tmp_path / "both", np.concatenate([images, new]), np.concatenate([labels, more]))
    assert len(data.val) < len(unseen_sprites(str(both), data)[0]) <= len(data.val) + 50
    with pytest.raises(ValueError, match="too few to tell"):
        unseen_sprites(str(write_npy(tmp_path / "few", new[:30], more[:30])), data)
    with pytest.raises(ValueError, match="other categories or channels"):
        unseen_sprites(str(write_npy(tmp_path / "rgb", *tiny_sprites(50, 8, 3))), data)


def test_one_frame_of_each_clip_is_taken_since_another_would_be_known_by_it(data, tmp_path):
    images, labels = tiny_sprites(300, 8, 4, seed=9)
    order = labels.argsort(kind="stable")  # a clip is of one category
    folder, clips = write_npy(tmp_path / "clips", images[order], labels[order]), np.arange(300) // 3
    np.save(folder / "clips.npy", clips)
    found = {image.tobytes() for image in to_uint8(unseen_sprites(str(folder), data)[0])}
    taken = np.array([image.tobytes() in found for image in images[order]])
    assert (np.bincount(clips, taken) == 1).mean() > 0.9  # of some all frames were trained on
    assert np.bincount(clips, taken).max() == 1 and np.bincount(np.arange(300) % 3, taken).min() > 20


def test_closest_pairs_come_nearest_first(judge):
    real, _ = judge.data.batch(judge.data.train[:3])
    noisy = torch.cat([torch.randn(5, 4, 8, 8, generator=torch.Generator().manual_seed(0)), real.flip(-1) * 0.99])
    generated, training = judge.closest(noisy, 3)
    assert {g.sum().item() for g in generated} == {r.sum().item() for r in noisy[5:]}
    assert (generated - training).abs().max() < 0.03


def small_spec(**changes) -> ModelSpec:
    values = {"size": 8, "channels": 4, "categories": ("square", "bar")} | changes
    return ModelSpec(**values, model=ModelConfig((8, 8), attention=()), diffusion=DiffusionConfig(timesteps=50))


def test_the_best_weights_of_a_run_are_kept(data, tmp_path, monkeypatch):
    monkeypatch.setattr("ddpm.evaluation.classifier.STEPS_MIN", 20)
    spec, run = small_spec(), tmp_path / "run"
    run.mkdir()
    config = Config(out=run, log=LogConfig(evaluate_count=6))
    torch.manual_seed(0)
    models = [spec.build() for _ in range(3)]
    for scale, model in zip((0.5, 0.0, 2.0), models, strict=True):
        for p in model.parameters():
            torch.nn.init.normal_(p, std=0.05 * scale)
    distances = []
    for step, model in enumerate(models, 1):
        if step == 3:
            evaluation = Evaluation(config, data)  # as after a resume: it knows the best so far
            assert evaluation.best == pytest.approx(min(distances))
        else:
            evaluation = evaluation if step == 2 else Evaluation(config, data)
        distances.append(evaluation(model.eval(), spec, step)["evaluation/frechet_distance"])
    about = read_safetensors(run / "best.safetensors")[1]
    assert about["frechet_distance"] == min(distances) and about["step"] == 1 + int(np.argmin(distances))


def test_data_of_another_kind_is_refused(data, tmp_path):
    folder = write_npy(tmp_path / "data", *tiny_sprites(40, 8, 4))
    assert data_of(folder, tmp_path, small_spec(), 40).sprites.categories == ("square", "bar")
    with pytest.raises(ValueError, match=r"2 sampled sprites are too few .* 5 nearest neighbours"):
        data_of(folder, tmp_path, small_spec(), 1)
    with pytest.raises(ValueError, match="square, bar in 4 channels, the model square, bar in 3"):
        data_of(folder, tmp_path, small_spec(channels=3), 40)


# Conclusions


def measured(s, accuracy, frechet, recall, copies=0, name=None) -> Measured:
    figures = {"class_accuracy": accuracy, "frechet_distance": frechet, "recall": recall, "copies": copies / 1000}
    return Measured(name or f"s = {s:g}", s, 1000, copies, figures, dict.fromkeys(figures, 0.01))


ROWS = [
    measured(None, 0.95, 0.1, 0.9, 20, HELD_OUT),
    measured(0, 0.2, 9.0, 0.99),
    measured(1, 0.80, 1.0, 0.97, 10),
    measured(1.5, 0.90, 0.3, 0.95),
    measured(2, 0.975, 0.4, 0.90, 25),
    measured(4, 0.98, 2.0, 0.60),
]


def test_choices_by_hand():
    choices = {c.use: c.guidance for c in Report(ROWS).choices()}
    # 2 is within 0.01 of the best 0.98; 1 is below 0.9 * 0.95; s = 0 asks for nothing.
    assert choices == {"most faithful": 2, "most diverse": 1.5, "balanced": 1.5}
    assert Report(ROWS[:1]).choices() == []
    poor = [ROWS[0], measured(1, 0.5, 1.0, 0.9), measured(2, 0.6, 2.0, 0.8)]
    assert "most diverse: s = 2, the best accuracy, as none reaches 0.855" in Report(poor).text()
    text = Report(ROWS).text()
    assert "balanced: s = 1.5" in text and "0.900 ±0.010" in text


@pytest.mark.parametrize(("copies", "says"), [(25, "no"), (150, "yes")])
def test_the_verdict_is_against_held_out_sprites(copies, says):
    report = Report([*ROWS, measured(3, 0.98, 1.0, 0.8, copies)])
    assert report.text().splitlines()[-1].startswith(f"memorising: {says}; {copies / 1000:.1%} of the samples")
    assert report.json()["memorisation"]["s = 3"]["memorises"] is (says == "yes")


def test_without_held_out_sprites_there_is_no_verdict():
    report = Report(ROWS[1:])
    assert "unknown" in report.memorisation()[0]
    assert report.json()["memorisation"]["s = 2"] == {
        "generated": 0.025,
        "held_out": None,
        "p": None,
        "memorises": None,
    }


def test_gaps_are_means_by_noise_level():
    gaps, schedule = Gaps(10), make_schedule("cosine", 10)
    gaps(torch.tensor([7, 7]), torch.tensor([1.0, 3.0]))
    gaps(torch.tensor([7, 2]), torch.tensor([5.0, 0.0]))
    [(level, mean)] = gaps.means(schedule, torch.device("cpu"))  # where nothing differed, nothing was asked twice
    assert level == pytest.approx((schedule.sigma[7] / schedule.alpha[7]).item()) and mean == 3


# Memorisation, for real


def test_a_model_of_few_sprites_memorises_and_new_sprites_do_not(tmp_path):
    patterns = np.random.default_rng(0).integers(0, 2, (100, 4, 4, 1), np.uint8)  # no two alike, but by great chance
    images = 40 + 175 * patterns.repeat(2, 1).repeat(2, 2).repeat(3, 3)
    folder = write_npy(tmp_path / "data", images.astype(np.uint8), np.arange(100) % 2)
    data = load_data(folder, DataConfig(val_fraction=0.5))
    data = dataclasses.replace(data, train=data.train[:6])
    config = Config(
        out=tmp_path,
        steps=200,
        model=ModelConfig((16, 16), 1, (1,)),
        optim=OptimConfig(batch=16, lr=4e-3, warmup=20, optimizer="adamw", precision="fp32", ema=0.98),
        log=LogConfig(checkpoint=1000),
    )
    trainer = Trainer(config, data, torch.device("cpu"))
    trainer.train()
    judge = Judge(data)
    x, labels = Sampler(trainer.ema.model, trainer.spec).per_category(1.0, 25)
    new, new_labels = data.batch(data.val)
    rows = [judge.measure(HELD_OUT, new[::2], new_labels[::2]), judge.measure("s = 1", x, labels, 1.0)]
    assert "memorising: yes" in Report(rows).text()
    rows[1] = judge.measure("s = 1", new[1::2], new_labels[1::2], 1.0)
    assert "memorising: no" in Report(rows).text()
