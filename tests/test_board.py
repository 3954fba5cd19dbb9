import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from ddpm.board import Board
from ddpm.checkpoint import ModelSpec
from ddpm.config import Config, DiffusionConfig, LogConfig


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
    board.snapshot(Paints(share), 7)
    board.close()
    events = EventAccumulator(str(tmp_path / "tb")).Reload()
    (found,) = events.Scalars("samples/blank")
    assert (found.step, found.value) == (7, blank)
    told = capsys.readouterr().err
    assert ("single colour" in told) == bool(blank) == ("alarm/text_summary" in events.Tags()["tensors"])
    assert blank == 0 or "step 7, 100%" in told
