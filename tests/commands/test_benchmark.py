"""The benchmark: its instruments against what is known, its loops by a clock of their own, its commands."""

import importlib.util
import json
import multiprocessing
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT, assert_one_line_error, command_module, run, tiny_sprites, write_npy
from torch import Tensor

from ddpm.commands.bench import contestants, tables, time_to_quality, timing
from ddpm.commands.bench.sections import comparison, disk, disk_files, ours, pretrained
from ddpm.config import Config, ModelConfig, OptimConfig
from ddpm.data.loading import load_data

CPU = torch.device("cpu")
BRIEF = timing.Effort(rounds=1, seconds=0.01, sprites=2, batch=4)
TINY = Config(steps=2, model=ModelConfig(widths=(16, 16), attention=(1,)), optim=OptimConfig(batch=4, precision="fp32"))


@dataclass
class Counter:
    """A contestant that only counts; its sprites tell how far it was trained."""

    name: str = "counter"
    steps: int = 30
    batch: int = 8
    planned: int | None = None
    trained: int = 0
    asked: list = field(default_factory=list)

    def step(self) -> None:
        self.trained += 1

    def sample(self, labels: Tensor, scale: float, seed: int, steps: int, batch: int) -> Tensor:
        self.asked.append((scale, seed, steps))
        return torch.full((len(labels), 3, 2, 2), self.trained / 100 + abs(scale - 2))


class Scales:
    """A judge whose Frechet distance is the sprites' mean."""

    class data:
        class sprites:
            categories = ("a", "b")

    def __call__(self, x: Tensor, labels: Tensor) -> dict[str, float]:
        return {"frechet_distance": x.mean().item(), "class_accuracy": len(labels) / 100}


@pytest.fixture
def panel():
    return time_to_quality.Panel(Scales(), 3, (1.5, 2.0, 3.0), seed=7)


@pytest.fixture
def seconds(monkeypatch):
    """Every step takes one second."""
    monkeypatch.setattr(time_to_quality, "seconds_of", lambda call, device: (call(), 1.0)[1])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return load_data(write_npy(tmp_path_factory.mktemp("sprites") / "data", *tiny_sprites(40, 16, 3)))


def test_blocks_take_turns_and_the_warm_up_is_dropped():
    order = []
    blocks = {name: lambda name=name: order.append(name) or float(len(order)) for name in "abc"}
    results = timing.interleave(blocks, rounds=2, title="t")
    assert order == list("abc" * 3)
    assert results == {"a": [4.0, 7.0], "b": [5.0, 8.0], "c": [6.0, 9.0]}
    assert timing.interleave(blocks, rounds=1, title="t", warmup=0) == {"a": [10.0], "b": [11.0], "c": [12.0]}


def test_medians_and_ratios():
    found = timing.medians({"peer": [1.0, 9.0, 2.0], "ours": [4.0, 4.0, 5.0]})
    assert found == {"peer": 2.0, "ours": 4.0}
    assert timing.ratios(found) == {"peer": 0.5, "ours": 1.0}
    assert timing.ratios({"a": 2.0, "b": 3.0}) == {"a": 1.0, "b": 1.5}


def test_a_table_as_markdown_and_json(tmp_path):
    rows = [("ours", 1234, 0.12345, 256.4, 60.0, None), ("peer", 5, 98765.4, 1.0, 0.0, float("nan"))]
    table = tables.Table("Speed", ("", "a", "b", "c", "d", "e"), rows, ("a note",))
    lines = [[cell.strip() for cell in line.split("|")] for line in table.markdown().splitlines()]
    assert ["", "ours", "1,234", "0.123", "256", "60", "", ""] in lines
    assert ["", "peer", "5", "98,765", "1", "0", "nan", ""] in lines
    tables.write_results([table], {"torch": "2"}, tmp_path / "new" / "b.json")
    text = (tmp_path / "new" / "b.md").read_text()
    assert text.startswith("# Benchmark\n\n- torch: 2\n") and text.endswith("\n- a note\n")
    assert json.loads((tmp_path / "new" / "b.json").read_text())["tables"][0]["rows"][0][:4] == list(rows[0][:4])


def test_rate_counts_what_was_done(monkeypatch):
    calls = []
    monkeypatch.setattr(timing, "seconds_of", lambda call, device: (call(), 0.5)[1])
    assert timing.rate(lambda: calls.append(1), amount=10, seconds=1.6, device=CPU) == 20
    assert len(calls) == 4
    assert timing.rate(lambda: None, amount=10, seconds=0, device=CPU) == 20


def test_the_peak_counts_the_operations_of_square_products(monkeypatch):
    products = []
    monkeypatch.setattr(timing, "seconds_of", lambda call, device: products.append(timing.flops_of(call)) or 0.25)
    for dtype in (torch.float32, torch.bfloat16):
        assert timing.matrix_peak(dtype, CPU, seconds=1, size=64) == 2 * 64**3 / 0.25
    assert products == [2 * 64**3] * 8


def test_operations_are_counted_attention_included():
    a, x, w = torch.zeros(5, 7), torch.zeros(1, 3, 6, 6), torch.zeros(4, 3, 3, 3)
    assert timing.flops_of(lambda: a @ a.T) == 2 * 5 * 7 * 5
    assert timing.flops_of(lambda: F.conv2d(x, w, padding=1)) == 2 * 36 * 4 * 3 * 9
    q = torch.zeros(2, 3, 16, 8)
    assert timing.flops_of(lambda: F.scaled_dot_product_attention(q, q, q)) == 2 * (2 * 2 * 3 * 16 * 16 * 8)


def peak_with(megabytes: int) -> int:
    torch.ones(megabytes, 250_000)
    return timing.resident_peak()


def test_memory_is_that_of_the_fresh_process_alone():
    held = torch.ones(400, 250_000)
    assert timing.resident_peak() > 400e6
    assert 250e6 < timing.in_fresh_process(peak_with, 200) < timing.resident_peak() + 100e6
    assert len(held) == 400


def test_a_contestant_in_a_fresh_process():
    alone = comparison.fresh(Counter, steps=2)
    assert alone.memory > 10e6 and alone.seconds > 0


def test_threads_are_put_back():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert timing.with_threads(2, torch.get_num_threads) == 2 and torch.get_num_threads() == 3
        with pytest.raises(ZeroDivisionError):
            timing.with_threads(2, lambda: 1 / 0)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_waiting_for_what_a_command_says():
    assert timing.seconds_until((sys.executable, "-c", "print('step 1/1 [')"), rb"1/1 \[") > 0
    for code in ("print('step 1/1 ['); exit(3)", "print('no step')"):
        with pytest.raises(RuntimeError, match="step"):
            timing.seconds_until((sys.executable, "-c", code), rb"1/1 \[")


def test_the_panel_tells_the_best_scale(panel):
    contestant = Counter(trained=5)
    assert panel(contestant) == (2.0, pytest.approx(0.05), 0.06)
    assert contestant.asked == [(1.5, 7, 20), (2.0, 7, 20), (3.0, 7, 20)]
    assert panel.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_one_run_is_judged_on_its_way(panel, seconds):
    spent = []
    points = time_to_quality.in_one_run(Counter(), (0.1, 0.05), panel, spent.append)
    assert [(p.minutes, p.seconds, p.sprites) for p in points] == [(0.05, 3.0, 24), (0.1, 6.0, 48)]
    assert [p.frechet_distance for p in points] == pytest.approx([0.03, 0.06])
    assert sum(spent) == 6


def test_each_time_has_a_run_of_as_many_steps_as_fit(panel, seconds):
    made = []

    def make(steps: int) -> Counter:
        made.append(Counter(planned=steps))
        return made[-1]

    points = time_to_quality.in_runs(make, (0.2, 0.1), panel, lambda seconds: None)
    assert [c.planned for c in made[1:]] == [6, 12] == [c.trained for c in made[1:]]
    assert [(p.minutes, p.seconds, p.sprites) for p in points] == [(0.1, 6.0, 48), (0.2, 12.0, 96)]


def test_the_competition_and_its_table(panel, seconds):
    makers = {name: lambda name=name, steps=None: Counter(name=name) for name in ("ours", "baseline16", "peer")}
    points = time_to_quality.compete(makers, (0.1, 0.2), panel)
    assert [(p.name, p.minutes) for p in points] == [
        ("ours", 0.1), ("ours", 0.2), ("baseline16", 0.2), ("peer", 0.1), ("peer", 0.2)
    ]  # fmt: skip
    table = comparison.quality(points, panel)
    assert [row[6] for row in table.rows] == [1.0] * 5
    assert time_to_quality.minutes_for("baseline16", (1, 8), alone=False) == (4,)
    assert time_to_quality.minutes_for("baseline16", (1, 8), alone=True) == (1, 8)


def test_growth_is_the_power():
    assert ours.growth([(x, 3 * x**-1.5) for x in (1, 2, 8)]) == pytest.approx(-1.5)


def test_the_models_that_come_along_are_timed(monkeypatch):
    ran = []
    monkeypatch.setattr(pretrained, "command", lambda *words: lambda: ran.append(words))  # its own tests run them
    rows = dict(pretrained.pretrained(ROOT / "scripts", BRIEF).rows)
    assert all(seconds > 0 for seconds in rows.values()) and len(rows) == 6
    assert rows["2 guided sprites"] > rows["2 by its student"]  # 17 predictions and 4
    assert {Path(words[0]).name for words in ran if words[0] != "-c"} == {"sample.py", "animate.py"}
    with pytest.raises(subprocess.CalledProcessError):
        monkeypatch.undo()
        pretrained.command("-c", "exit(3)")()


def test_speed_sections_of_a_tiny_model(data):
    contestant = contestants.Own("ours", TINY, data, CPU)
    alone = {"ours": comparison.Fresh(1.0, 3_000_000)}
    (row,) = comparison.throughput([contestant], alone, BRIEF, 16).rows
    assert row[:3] == ("ours", 4, "float32") and row[4] == 1 and row[-1] == 3
    assert row[6] == pytest.approx(3 * row[3] * row[5] / 1e3)
    (row,) = comparison.sampling([contestant], 2.0, BRIEF, 16).rows
    assert row[:4] == ("ours", "dpmpp_2m_sde", 12, 17) and row[4] > 0
    changes = [ours.Variant("cores", n, TINY, data, n) for n in (1, 2)]
    table = ours.scaling(changes, BRIEF)
    assert [row[:2] for row in table.rows] == [("cores", 1), ("cores", 2)]
    assert len(table.notes) == 1 and "at 2 as at 1" in table.notes[0]


def test_levers_and_profile_of_a_tiny_model(data, tmp_path):
    folder = write_npy(tmp_path / "data", *tiny_sprites(20, 16, 3))
    rows = [f"{name},{i},{'big' if i % 2 else ''}" for name in ("square", "bar") for i in range(10)]
    (folder / "tags.csv").write_text("category,index,size\n" + "\n".join(rows) + "\n")
    table = ours.levers(TINY, folder, BRIEF)
    speeds = {name: (flops, ratio) for name, flops, _, ratio in table.rows}
    assert speeds["as it is"][1] == 1.0
    assert speeds["numbers for colours"][0] < speeds["as it is"][0]
    assert speeds["no attention"][0] < speeds["as it is"][0] == speeds["AdamW for all"][0] < speeds["with tags"][0]
    assert speeds["torch's Muon"][0] == speeds["as it is"][0]
    found = ours.profile(contestants.Own("ours", TINY, data, CPU), steps=2).rows
    times = [milliseconds for _, milliseconds, *_ in found]
    assert times == sorted(times, reverse=True) and sum(share for *_, share, _ in found) <= 1
    assert any("convolution" in name for name, *_ in found)


def test_the_lever_of_torchs_muon_steps_as_ours_does(data, monkeypatch):
    monkeypatch.setattr("ddpm.training.optim.autocast_dtype", lambda *_: torch.bfloat16)
    own = contestants.Own("ours", TINY, data, CPU)
    other = ours.with_torchs_muon(contestants.Own("ours", TINY, data, CPU))
    for contestant in (own, other):
        contestant.step()
        contestant.step()
    kinds = {type(part) for part in other.trainer.optimizers.parts.values()}
    assert kinds == {torch.optim.AdamW, torch.optim.Muon}
    for a, b in zip(own.trainer.model.parameters(), other.trainer.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
def test_training_is_timed_beside_programs_and_runs_that_are_gone_afterwards(data):
    with ours.programs(2) as others:
        assert [other.poll() for other in others] == [None, None]
    assert all(other.poll() is not None for other in others)
    table = ours.busy(TINY, data, BRIEF)
    assert [row[0] for row in table.rows] == ["alone", "beside a busy program", "beside two", "two runs at once, each"]
    assert table.rows[0][2] == table.rows[0][4] == 1 and all(speed > 0 for row in table.rows for speed in row[1:])
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("alone", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_set_on_disk_is_read_and_trained_on_beside_one_in_memory(monkeypatch, tmp_path, alone):
    pytest.importorskip("pyarrow")
    if not alone:
        monkeypatch.setattr(disk, "fresh", lambda make: comparison.Fresh(1.0, 200_000_000))
    monkeypatch.setattr(disk_files, "DRAWN", 200)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    table = disk.on_disk(TINY, 500, BRIEF)
    assert [row[0] for row in table.rows] == [*disk.READ, *disk.TRAINED]
    assert not [*tmp_path.rglob("*.npy"), *tmp_path.rglob("*.parquet")]
    speeds, memory = {row[0]: row[1:3] for row in table.rows}, {row[0]: row[3] for row in table.rows}
    assert speeds[disk.READ[0]][1] == speeds[disk.TRAINED[0]][1] == 1
    assert speeds[disk.READ[3]][1] < 0.5 and all(memory[what] > 100 for what in disk.TRAINED)
    assert all(memory[what] is None for what in disk.READ)


def test_the_stored_set_is_the_drawn_one_with_offsets(monkeypatch, tmp_path):
    monkeypatch.setattr(disk_files, "DRAWN", 200)
    disk_files.write_pair(tmp_path / "pair", 1100)
    kept, left = (disk.data_of(tmp_path / "pair", in_memory) for in_memory in (True, False))
    images, count = kept.sprites.images, len(np.unique(kept.hashes))
    assert len(images) == 1100 and type(left.sprites.images).__name__ == "OnDisk" and not isinstance(images, np.memmap)
    assert (left.sprites.take(np.arange(1100)) == images).all() and kept.palette is not None
    drawn = len(images) - next(n for n in range(1, 1100) if (np.roll(images[:9], 1, 2) == images[n : n + 9]).all())
    assert drawn > 500 and count > 800


def test_a_folder_too_small_for_the_set_is_told(monkeypatch):
    monkeypatch.setattr(disk_files.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**9))
    disk_files.check_room(800_000)
    with pytest.raises(ValueError, match=r"--on-disk 1,000,000 would take 0.95 GiB in .*, 0.93 GiB are free; give"):
        disk_files.check_room(1_000_000)


def test_variants_change_one_thing_each(tmp_path):
    folder = write_npy(tmp_path / "data", *tiny_sprites(20, 16, 3))
    found = {(v.what, v.value): v for v in ours.variants(TINY, folder)}
    assert found["image size", 64].data.sprites.size == 64
    assert found["batch", 256].config.optim.batch == 256
    assert found["width", 32].config.model.widths == (32, 32)
    assert {what for what, _ in found} == {"batch", "image size", "width", "cores"}


def test_the_path_of_the_gpu_on_the_cpu(data, panel):
    table = ours.on_device(TINY, data, CPU, panel, sprites=5, batch=2)
    assert [row[0] for row in table.rows] == ["training on 8 sprites", "sampling 5 guided sprites"]
    assert all(row[1] > 0 and row[4] > 0 for row in table.rows)


@pytest.mark.parametrize("name", [*contestants.OWN, *contestants.LIBRARIES])
def test_contestants_train_and_sample(name, data):
    try:
        contestants.check_installed((name,))
    except ValueError as e:
        pytest.skip(str(e))
    contestant = contestants.enter(name, ROOT / "configs", data, CPU, batch=4, steps=2)
    contestant.step()
    labels, state = torch.tensor([0, 1, 1]), torch.get_rng_state()
    x, again, guided = (contestant.sample(labels, s, 0, 2, 2) for s in (1.5, 1.5, 8.0))
    assert x.shape == (3, 3, 16, 16) and x.isfinite().all()
    assert torch.equal(x, again) and torch.equal(state, torch.get_rng_state())
    assert name in contestants.OWN or (x.abs().max() <= 1 and not torch.equal(x, guided))
    assert timing.flops_of(contestant.forward) > (7.5e7 if name == "ours" else 1e8)  # ours: separable convolutions
    contestant.step()


def test_ours_is_the_config_for_the_size():
    configs = ROOT / "configs"
    assert contestants.config_of("ours", configs, 32) == configs / "sprites32.toml"
    with pytest.raises(
        ValueError, match=r"of 20 pixels, for which .* no config; it has sprites16.toml, sprites32.toml"
    ):
        contestants.config_of("ours", configs, 20)


def test_who_takes_part_at_a_size():
    names = ("ours", "baseline16", "diffusers")
    assert contestants.entrants(names, ROOT / "configs", 16) == list(names)
    assert contestants.entrants(names, ROOT / "configs", 32) == ["ours", "diffusers"]
    with pytest.raises(ValueError, match="of 24 pixels"):
        contestants.entrants(names, ROOT / "configs", 24)


def test_blocks_hold_as_many_pixels_at_every_size():
    full = timing.Effort(rounds=5, seconds=1.0, sprites=100, batch=128)
    assert full.at(16) == full
    assert full.at(32) == timing.Effort(rounds=2, seconds=1.0, sprites=25, batch=32)
    assert timing.Effort(rounds=2, seconds=0.3, sprites=1, batch=2).at(64).sprites == 1


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "smalldiffusion" else name)
    contestants.check_installed(("ours", "baseline16"))
    with pytest.raises(ValueError, match=r"the peers need smalldiffusion: make bench .*\.\[bench\]"):
        contestants.check_installed(("ours", "smalldiffusion"))


def test_the_script_knows_the_contestants():
    assert get_args(command_module("bench").Name) == (*contestants.OWN, *contestants.LIBRARIES)


def test_bench_runs_from_the_command_line(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("ddpm.evaluation.classifier.STEPS_MIN", 20)
    monkeypatch.setattr(timing, "FULL", BRIEF)
    folder = write_npy(tmp_path / "data", *tiny_sprites(60, 16, 3))
    flags = ("--contestants", "ours", "--sections", "sampling", "quality", "--minutes", 0.001, "--per-category", 4)
    words = ["bench.py", "--data", folder, *flags, "--out", tmp_path / "b.md"]
    monkeypatch.setattr(sys, "argv", list(map(str, words)))
    assert command_module("bench").main() == 0
    assert "## Time to quality" in capfd.readouterr().out
    assert re.search(r"\| ours +\| 0\.00100 +\|", (tmp_path / "b.md").read_text())
    tables = json.loads((tmp_path / "b.json").read_text())["tables"]
    titles = ["Guided sampling, 16x16", "Guided sampling, 32x32", "Time to quality"]
    assert [table["title"] for table in tables] == titles


def test_help_and_errors_of_the_scripts(tmp_path):
    for script, flag in (("bench", "--quick"), ("bench_gpu", "--sprites")):
        assert flag in run(script, "--help", fresh=True).stdout
    assert_one_line_error(run("bench", "--guidance", 1), "--guidance", "above 1")
    assert_one_line_error(run("bench", "--minutes", 0), "--minutes")
    assert_one_line_error(run("bench", "--sizes", 0), "--sizes")
    assert_one_line_error(run("bench", "--on-disk", 5), "--on-disk must be at least 1,000")
    assert_one_line_error(run("bench", "--sizes", 24, "--contestants", "ours"), "of 24 pixels", "sprites32.toml")
    assert_one_line_error(run("bench", "--out", tmp_path / "b.txt"), ".md or .json")
    assert_one_line_error(run("bench", "--data", tmp_path / "none", "--contestants", "ours"), "none")
    if not torch.cuda.is_available():
        assert_one_line_error(run("bench_gpu"), "CUDA GPU")
