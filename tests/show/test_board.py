"""TensorBoard files: alarms, clocks that go back, and curves that wait for room on a full disk."""

import errno
import functools
import io
import os

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.tensorboard.summary import scalar

from ddpm.config import Config, DiffusionConfig, LogConfig, ModelConfig, Sampling
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler
from ddpm.show.board import Board, Events, denoising_path


class Paints(nn.Module):
    """A network whose every sprite has a given share of pixels above 0 in it, whatever it sees."""

    def __init__(self, share):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))

    def forward(self, x, t, context, scale=None):
        left = torch.arange(x.shape[-1]) < self.share.item() * x.shape[-1]
        return torch.where(left, 1.0, -1.0).expand(x.shape).to(x)


@pytest.mark.parametrize(("share", "blank"), [(0.0, 1.0), (1.0, 1.0), (0.5, 0.0)])
def test_sprites_of_one_colour_raise_an_alarm(tmp_path, capsys, share, blank):
    diffusion = DiffusionConfig(timesteps=20, prediction="x0")
    config = Config(out=tmp_path, diffusion=diffusion, log=LogConfig(count=1, guidance=(1.0,)))
    spec = ModelSpec(8, 3, ("hero", "food"), config.model, diffusion)
    board = Board(config, spec, "two sprites")
    board.snapshot(Paints(share), spec, 7)
    board.close()
    events = EventAccumulator(str(tmp_path / "tb")).Reload()
    (found,) = events.Scalars("samples/blank")
    assert (found.step, found.value) == (7, blank)
    told = capsys.readouterr().err
    assert ("single colour" in told) == bool(blank) == ("alarm/text_summary" in events.Tags()["tensors"])
    assert blank == 0 or "step 7, 100%" in told


def test_more_categories_than_are_sampled_at_once_are_shown(monkeypatch):
    diffusion = DiffusionConfig(timesteps=20, prediction="x0")
    spec = ModelSpec(8, 3, tuple(f"c{i}" for i in range(5)), ModelConfig(), diffusion)
    sampler = Sampler(Paints(0.5), spec, Sampling(steps=2))
    whole = np.asarray(denoising_path(sampler, 1.0))
    sampler.at_once = 2
    assert np.array_equal(np.asarray(denoising_path(sampler, 1.0)), whole)


class FullDisk(io.FileIO):
    """A file that takes `room` bytes and no more."""

    def __init__(self, room, path, mode):
        super().__init__(path, mode)
        self.room = room

    def write(self, content):
        super().write(content[: self.room])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def disk_with(monkeypatch, room):
    monkeypatch.setattr("ddpm.show.board.open", functools.partial(FullDisk, room), raising=False)


def test_curves_wait_for_room_and_lose_nothing(tmp_path, monkeypatch, capsys):
    board = Board(Config(out=tmp_path), ModelSpec(8, 3, ("hero", "food"), ModelConfig(), DiffusionConfig()), "sprites")

    def steps():
        return [e.step for e in EventAccumulator(str(tmp_path / "tb")).Reload().Scalars("loss")]

    board.scalars(1, {"loss": 1.0})
    for step, room in ((2, 70), (3, 20), (4, 5)):  # each a part of the records, the last of the first record only
        disk_with(monkeypatch, room)
        with pytest.raises(OSError, match=r"No space left.*tfevents"):
            board.scalars(step, {"loss": 1.0})
        assert steps() in ([1], [1, 2])
    board.close()
    assert "the end of the curves could not be written: [Errno 28]" in capsys.readouterr().err
    monkeypatch.undo()
    board.scalars(5, {"loss": 1.0})
    board.close()
    assert steps() == [1, 2, 3, 4, 5]
    (file,) = (tmp_path / "tb").iterdir()
    size = file.stat().st_size
    board.close()
    assert file.stat().st_size == size


def test_a_clock_that_went_back_doubles_no_step(tmp_path, monkeypatch):
    clock = [2e9]
    monkeypatch.setattr("ddpm.show.board.time.time", lambda: clock[0])
    for first, last, purge in ((1, 10, None), (6, 15, 6)):
        events = Events(tmp_path, purge)
        for step in range(first, last + 1):
            events.add(step=step, summary=scalar("loss", float(first)))
        events.flush()
        clock[0] -= 3600
    found = EventAccumulator(str(tmp_path)).Reload().Scalars("loss")
    assert [(e.step, e.value) for e in found] == [(k, 1.0 if k < 6 else 6.0) for k in range(1, 16)]


def test_what_waits_for_room_does_not_fill_the_memory(tmp_path, monkeypatch, capsys):
    events = Events(tmp_path)
    monkeypatch.setattr("ddpm.show.board.HELD_MOST", 1000)
    disk_with(monkeypatch, 9)
    for step in range(1000):
        events.add(step=step, file_version="brain.Event:2")
        with pytest.raises(OSError):
            events.flush()
        assert events.held.tell() <= 1100
    assert "have waited in vain" in capsys.readouterr().err
    monkeypatch.undo()
    events.add(step=1000, summary=scalar("loss", 1.0))
    events.flush()
    assert [e.step for e in EventAccumulator(str(tmp_path)).Reload().Scalars("loss")] == [1000]
