"""Batches of stills and clips: which frames follow each other, what is told of them, and what they see."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import tiny_sprites, write_npy

from ddpm.config import Config, DataConfig, LogConfig, ModelConfig, OptimConfig
from ddpm.data.loading import load_data
from ddpm.network.attention import causal_mask
from ddpm.training.batches import CLEAN_PAST, Batches
from ddpm.training.trainer import Trainer

CPU = torch.device("cpu")
LENGTHS = (3, 4, 6, 1, 5, 1, 2)  # of the cycles, one after another, until there are no more sprites
F = 4


@pytest.fixture
def data(tmp_path):
    """40 sprites in cycles of several lengths, with a tag for the side they face and one for the step they show.

    The upper left pixel of a sprite tells its number.
    """
    images, labels = tiny_sprites(40, 8, 4)
    labels = np.sort(labels)
    images[:, 0, 0] = [(i, 0, 0, 255) for i in range(40)]
    folder = write_npy(tmp_path / "data", images, labels)
    clips, steps = [], []
    for number in range(40):
        if len(clips) == 40:
            break
        for step in range(min(LENGTHS[number % len(LENGTHS)], 40 - len(clips))):
            clips.append(number)
            steps.append(step)
    counts = [0, 0]
    rows = []
    for i, label in enumerate(labels):
        side = "left" if clips[i] % 2 else "right"
        rows.append(f"{('square', 'bar')[label]},{counts[label]},{side},{steps[i]}")
        counts[label] += 1
    (folder / "tags.csv").write_text("category,index,facing,frame\n" + "\n".join(rows) + "\n")
    found = load_data(folder, DataConfig(tags=True, palette="none", val_fraction=0, mirror=("*",)))
    return replace(found, sprites=replace(found.sprites, clips=np.array(clips)))


def config(tmp_path, **change) -> Config:
    usual = dict(
        out=tmp_path / "run",
        steps=6,
        clips=0.5,
        tags=True,
        keep_tag=1.0,
        few_tags=0.0,
        keep_context=1.0,
        model=ModelConfig((16, 16), 1, (1,), frames=F),
        optim=OptimConfig(batch=64, precision="fp32", warmup=2),
        log=LogConfig(evaluate=0),
    )
    return Config(**usual | change)


def batches(data, config) -> Batches:
    return Trainer(config, data, CPU).batches


def numbers(x0) -> torch.Tensor:
    """Of the sprites x0 [n, C, H, W]."""
    return ((x0[:, 0, 0, 0] + 1) * 127.5).round().long()


def test_the_frames_of_a_clip_follow_each_other_in_its_cycle(data, tmp_path):
    data, seen, starts = replace(data, mirror=torch.zeros(2, dtype=torch.bool)), set(), set()
    make = batches(data, config(tmp_path))
    assert (make.stills, make.clips) == (32, 8)
    clip, first = torch.from_numpy(data.sprites.clips), dict(data.cycles[:, ::-1].tolist())
    for step in range(1, 30):
        batch, _ = make(step)
        number = numbers(batch.x0[32:]).view(8, F)
        position, length = (x[32:].view(8, F) for x in (batch.frames.position, batch.frames.length))
        for row, place, n in zip(number.tolist(), position.tolist(), length[:, 0].tolist(), strict=True):
            begin = row[0] - place[0]
            assert [begin, n] in data.cycles.tolist()
            assert place == [(place[0] + i) % n for i in range(F)]
            assert row == [begin + p for p in place]
            seen.add(begin)
            starts.add((n, place[0]))
        assert not batch.frames.length[:32].any() and not batch.frames.position[:32].any()
        assert (clip[number] == clip[number[:, :1]]).all()
    assert seen == set(data.cycles[:, 0].tolist()) and first
    assert {s for n, s in starts if n == 6} == set(range(6))  # they begin anywhere


@pytest.mark.parametrize("batch, clips", [(4, 0.9), (8, 0.5), (1, 0.0)])
def test_a_step_may_see_one_sprite_or_one_clip(data, tmp_path, batch, clips):
    data = replace(data, mirror=torch.zeros(2, dtype=torch.bool))
    model = ModelConfig((16, 16), 1, (1,), frames=F if clips else 1)
    change = {"clips": clips, "model": model, "optim": OptimConfig(batch=batch, precision="fp32")}
    trainer = Trainer(config(tmp_path, **change), data, CPU)
    assert trainer.batches.clips <= 1 and trainer.advance().isfinite()


def test_what_a_clip_is_told(data, tmp_path):
    batch, groups = batches(data, config(tmp_path))(1)
    assert data.facets == {"facing": ("left", "right"), "frame": ("0", "1", "2", "3", "4", "5")}
    clips, stills = batch.context[32:].view(8, F, -1), batch.context[:32]
    assert torch.equal(clips, clips[:, :1].expand_as(clips))
    assert not clips[..., 4:].any()  # the step is told by its place
    assert (clips[..., :2].sum(-1) == 1).all() and (clips[..., 2:4].sum(-1) == 1).all()
    assert (stills[:, 4:].sum(1) == 1).all()
    assert torch.equal(groups["loss_by_category"], batch.context[:, :2].argmax(1))


def test_whole_clips_are_hidden_and_see_their_past_or_not(data, tmp_path):
    make = batches(data, config(tmp_path, keep_context=0.5, keep_history=0.7))
    hidden, blind, total = 0, 0, 0
    causal, alone = causal_mask(F), torch.eye(F, dtype=torch.bool)
    for step in range(1, 60):
        batch, groups = make(step)
        told = batch.context[32:].view(8, F, -1).any(-1)
        assert torch.equal(told, told[:, :1].expand_as(told))
        assert torch.equal(groups["loss_by_context"][32:].view(8, F).bool(), told)
        sees = batch.frames.sees
        assert sees.shape == (16, F, F) and (sees[:8] == alone).all()
        ways = [torch.equal(s, alone) for s in sees[8:]]
        assert all(torch.equal(s, alone) or torch.equal(s, causal) for s in sees[8:])
        hidden, blind, total = hidden + (~told[:, 0]).sum().item(), blind + sum(ways), total + 8
    assert hidden / total == pytest.approx(0.5, abs=0.1) and blind / total == pytest.approx(0.3, abs=0.1)


def test_the_first_half_of_a_run_sees_mostly_noise_of_the_middle(data, tmp_path):
    make, T = batches(data, config(tmp_path, clips=0.0, steps=6)), 1000
    for step in range(1, 7):
        shares = np.bincount(make(step)[0].t * 4 // T, minlength=4) / 64
        # P(sigmoid(z) < 1/4) = P(z < -log 3) = 0.136
        expected = [0.136, 0.364, 0.364, 0.136] if step <= 3 else [0.25] * 4
        assert shares == pytest.approx(expected, abs=1 / 64)


def test_the_past_of_some_clips_is_clean(data, tmp_path):
    make = batches(data, config(tmp_path))
    clean = []
    for step in range(1, 60):
        t = make(step)[0].t[32:].view(8, F)
        clean += (t == 0).long().cumprod(1).sum(1).tolist()  # how many frames come first that are clean
    shares = np.bincount(clean, minlength=F + 1) / len(clean)
    assert shares[1:F] == pytest.approx([CLEAN_PAST / (F - 1)] * (F - 1), abs=0.05) and shares[F] < 0.01


def test_mirroring_turns_whole_clips_and_swaps_left_and_right(data, tmp_path):
    batch, _ = batches(data, config(tmp_path))(1)
    turned = batch.x0[:, 3, 0, 0] < batch.x0[:, 3, 0, -1]
    clips = turned[32:].view(8, F)
    assert torch.equal(clips, clips[:, :1].expand_as(clips)) and 0 < turned.sum() < 64
    x0 = torch.where(turned[:, None, None, None], batch.x0.flip(-1), batch.x0)
    number = numbers(x0)
    right = torch.from_numpy(data.sprites.clips)[number] % 2 == 0
    assert torch.equal(batch.context[:, 3].bool(), right != turned)
    assert torch.equal(batch.context[:, 2].bool(), right == turned)


def test_a_clip_is_shifted_as_a_whole(data, tmp_path):
    images = data.sprites.images.copy()
    images[:, :, :2] = images[:, :, -2:] = images[:, :2] = images[:, -2:] = 0
    sprites = replace(data.sprites, images=images)
    data = replace(data, sprites=sprites, mirror=torch.zeros(2, dtype=torch.bool))
    make, plain = (batches(data, config(tmp_path, shift=n)) for n in (2, 0))
    moves = set()
    for step in (1, 2, 3):
        moved, still = make(step)[0].x0, plain(step)[0].x0
        for rows in [slice(32 + F * i, 36 + F * i) for i in range(8)]:
            found = [
                (y, x)
                for y in range(-2, 3)
                for x in range(-2, 3)
                if torch.equal(still[rows].roll((y, x), (-2, -1)), moved[rows])
            ]
            assert len(found) == 1
            moves |= set(found)
    assert len(moves) > 5
    for step in (5, 6):  # of the last quarter: each is where it is
        assert torch.equal(make(step)[0].x0, plain(step)[0].x0)
    many = replace(data, train=np.tile(data.train, 10))  # 400: of more than 200 the first 150 / n of the steps
    make, plain = (batches(many, config(tmp_path, shift=n, steps=8)) for n in (2, 0))
    assert [torch.equal(make(step)[0].x0, plain(step)[0].x0) for step in range(1, 9)] == [False] * 3 + [True] * 5


def test_a_batch_in_parts_has_whole_clips_and_trains_as_the_whole(data, tmp_path):
    whole = Trainer(config(tmp_path), data, CPU)
    parts = Trainer(config(tmp_path, optim=replace(config(tmp_path).optim, accumulate=3)), data, CPU)
    batch, _ = whole.batches(1)
    split = batch.split(3)
    assert sum(len(part.x0) for part in split) == 64 and all(len(part.x0) % F == 0 for part in split)
    assert torch.equal(torch.cat([part.frames.position for part in split]), batch.frames.position)
    for _ in range(3):
        assert whole.advance().item() == pytest.approx(parts.advance().item(), rel=1e-4)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"model": ModelConfig((16, 16), 1, (1,))}, "needs model.frames"),
        ({"optim": OptimConfig(batch=30)}, "multiple of it"),
    ],
)
def test_clips_that_cannot_be_made_are_refused(data, tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        batches(data, config(tmp_path, **change))


def test_clips_where_there_are_none_are_refused(data, tmp_path):
    with pytest.raises(ValueError, match="needs cycles"):
        batches(replace(data, sprites=replace(data.sprites, clips=None)), config(tmp_path))
    held = np.flatnonzero(np.arange(40) % 3 > 0)  # no cycle is whole
    data = replace(data, train=held)
    assert data.cycles.tolist() == []
