"""Frames of a clip attend causally: all in one pass is one after another, and no frame sees a later one."""

import pytest
import torch
from torch import nn

from ddpm.network.attention import causal_mask
from ddpm.network.frames import AROUND, FEATURES, Frames, Memory, Pointer
from ddpm.network.unet import ContextUNet

G, F, V = 3, 4, 10
COLOURS = torch.tensor([[-1.0, -1, -1, -1], [1, 1, 1, 1], [1, -1, -0.5, 1], [1, -1, -0.48, 1]])  # two are nearly alike


@pytest.fixture
def model() -> ContextUNet:
    """A network of clips and tags; what starts at zero is filled, so that every path counts."""
    torch.manual_seed(0)
    model = ContextUNet(4, V, (16, 16, 32), attention=(1, 2), facets=(4, 6), frames=F, colours=COLOURS).eval()
    for p in model.parameters():
        if (p == 0).all():
            nn.init.normal_(p, std=0.1)
    return model


@pytest.fixture
def clips() -> dict[str, torch.Tensor]:
    """What the network takes, by clips [G, F, ...]."""
    g = torch.Generator().manual_seed(7)
    context = torch.zeros(G, 1, V)
    context[:, :, [1, 6]] = 1
    return {
        "x": torch.randn(G, F, 4, 16, 16, generator=g),
        "t": torch.randint(0, 1000, (G, F), generator=g),
        "context": context.expand(G, F, V),
        "position": torch.arange(F).expand(G, F),
        "length": torch.full((G, F), F),
    }


@torch.no_grad()
def predict(model, clips, first=0, last=F, sees=None, **memory):
    """For frames `first` to `last` of the clips: [G, last - first, C, H, W]."""
    x, t, context, position, length = (tensor[:, first:last].flatten(0, 1) for tensor in clips.values())
    sees = causal_mask(last)[None, first:] if sees is None else sees
    return model(x, t, context, None, Frames(position, length, sees, **memory)).unflatten(0, (G, last - first))


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_frames_in_one_pass_are_frames_one_after_another(model, clips):
    whole = predict(model, clips)
    for last in range(1, F + 1):
        close(predict(model, clips, last=last), whole[:, :last])


def test_with_the_keys_and_values_of_frames_that_are_done_a_frame_costs_one(model, clips):
    whole, past = predict(model, clips), None
    for frame in range(F):
        now = Memory()
        close(predict(model, clips, frame, frame + 1, memory=past, remember=now)[:, 0], whole[:, frame])
        past = now


def test_of_a_memory_rows_and_the_last_frames_can_be_taken(model, clips):
    now = Memory()
    predict(model, clips, remember=now)
    alone = {name: tensor[:1] for name, tensor in clips.items()}
    sees = torch.ones(1, 1, 3, dtype=torch.bool)
    x, t, context, position, length = (tensor[:, 3] for tensor in alone.values())
    one = model(x, t, context, None, Frames(position, length, sees, now[torch.tensor([0])].last(2, F)))
    hidden = torch.tensor([[[False, False, True, True, True]]])
    same = model(x, t, context, None, Frames(position, length, hidden, now[torch.tensor([0])]))
    close(one, same)


@pytest.mark.parametrize("frame", [1, 2, 3])
def test_no_frame_sees_a_later_one(model, clips, frame):
    whole = predict(model, clips)
    spoilt = dict(clips, x=clips["x"].clone())
    spoilt["x"][:, frame:] = torch.nan
    found = predict(model, spoilt)
    assert torch.equal(found[:, :frame], whole[:, :frame])
    assert found[:, frame:].isnan().all()


def test_a_frame_sees_those_before_it(model, clips):
    whole = predict(model, clips)
    other = dict(clips, x=clips["x"].clone())
    other["x"][:, 0] += 1
    assert all((predict(model, other)[:, i] - whole[:, i]).abs().max() > 1e-3 for i in range(F))


def test_clips_that_do_not_see_one_another_are_stills(model, clips):
    """Told nothing of a cycle, frames of which each sees itself alone are what the network says of stills."""
    still = dict(clips, length=torch.zeros(G, F))
    alone = predict(model, still, sees=torch.eye(F, dtype=torch.bool)[None])
    with torch.no_grad():
        plain = model(*(clips[name].flatten(0, 1) for name in ("x", "t", "context")))
    close(alone.flatten(0, 1), plain)


def test_each_clip_may_see_in_its_own_way(model, clips):
    ways = torch.stack([causal_mask(F), torch.eye(F, dtype=torch.bool), causal_mask(F)])
    mixed = predict(model, clips, sees=ways)
    close(mixed[0], predict(model, clips)[0])
    close(mixed[1], predict(model, clips, sees=ways[1:2])[1])


def test_a_new_network_of_clips_says_what_one_of_stills_says(clips):
    torch.manual_seed(0)
    still = ContextUNet(4, V, (16, 16, 32), attention=(1, 2), facets=(4, 6)).eval()
    of_clips = ContextUNet(4, V, (16, 16, 32), attention=(1, 2), facets=(4, 6), frames=F, colours=COLOURS).eval()
    missing = of_clips.load_state_dict(still.state_dict(), strict=False)
    assert not missing.unexpected_keys and all("frame" in n or "pointer" in n for n in missing.missing_keys)
    nn.init.normal_(still.head.weight)
    nn.init.normal_(of_clips.head.weight)
    of_clips.head.load_state_dict(still.head.state_dict())
    with torch.no_grad():
        plain = still(*(clips[name].flatten(0, 1) for name in ("x", "t", "context")))
    close(predict(of_clips, clips).flatten(0, 1), plain)


@pytest.fixture
def pointer() -> Pointer:
    """One that cares for nothing: it points everywhere alike."""
    pointer = Pointer(8, COLOURS)
    nn.init.zeros_(pointer.qk.weight)
    nn.init.zeros_(pointer.qk.bias)
    nn.init.constant_(pointer.strength, 0.25)
    return pointer


@torch.no_grad()
def pointed(pointer: Pointer, index: torch.Tensor) -> torch.Tensor:
    """What frames of these colours [F, H, W] of one clip point at, when all features are alike: [F, K, H, W]."""
    zeros = torch.zeros(len(index))
    x = COLOURS[index].movedim(-1, 1)
    assert torch.equal(pointer.nearest(x + 0.004).long(), index[:, None])
    return pointer(torch.ones(len(x), 8, *x.shape[2:]), x, Frames(zeros, zeros, causal_mask(len(x))[None]))


TOTAL = Pointer.HEADS * Pointer.UNIT * 0.25


def test_who_points_everywhere_says_what_is_most_often_there(pointer):
    index = torch.randint(0, 4, (F, 5, 6), generator=torch.Generator().manual_seed(0))
    plus = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]]).expand(4, 1, 3, 3)
    found = pointed(pointer, index)
    assert not found[0].any()
    for i in range(1, F):
        wide = nn.functional.pad(index[:i].float(), (1, 1, 1, 1), mode="replicate").long()
        counts = nn.functional.one_hot(wide, 4).sum(0).movedim(-1, 0).float()
        close(found[i], TOTAL * nn.functional.conv2d(counts, plus, groups=4) / (1 + 5 * i))  # a share is for nothing


@pytest.mark.parametrize("place", range(len(AROUND)))
def test_it_can_point_next_to_a_place(pointer, place):
    index = torch.randint(0, 4, (2, 5, 6), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        nn.init.ones_(pointer.qk.bias[: Pointer.HEADS * Pointer.WIDTH])
        pointer.around[place] = 100.0
    dy, dx = AROUND[place]
    wide = nn.functional.pad(index[:1].float(), (1, 1, 1, 1), mode="replicate").long()[0]
    moved = wide[1 + dy : 6 + dy, 1 + dx : 7 + dx]
    found = pointed(pointer, index)
    assert not found[0].any()
    close(found[1], TOTAL * nn.functional.one_hot(moved, 4).movedim(-1, 0).float())


def test_colours_that_are_nearly_alike_stay_apart_in_low_precision(pointer):
    x = COLOURS[torch.arange(4)].movedim(-1, 0)[None, :, None]
    assert pointer.to(torch.bfloat16).nearest(x).flatten().tolist() == [0, 1, 2, 3]


def test_the_step_after_the_last_is_the_first():
    def features(position, length):
        ones = torch.ones(1, 1, 1, dtype=torch.bool)
        return Frames(torch.tensor([position]), torch.tensor([length]), ones).features()

    assert features(0, 4).shape == (1, FEATURES)
    close(features(4, 4), features(0, 4))
    assert not features(3, 0).any()
    apart = [features(i, n) for n in (2, 3, 4, 6, 8, 16) for i in range(n)]
    gaps = torch.cdist(torch.cat(apart), torch.cat(apart)).fill_diagonal_(9)
    assert gaps.min() > 0.2


def test_pixels_are_pointed_at_only_where_there_are_single_ones_in_frames():
    for wrong in ({"patch": 2, "frames": F}, {"frames": 1}):
        with pytest.raises(ValueError, match="single pixels"):
            ContextUNet(4, V, (16, 16), attention=(1,), colours=COLOURS, **wrong)


def test_clips_need_attention_at_the_lowest_level():
    with pytest.raises(ValueError, match="lowest level, 1"):
        ContextUNet(4, V, (16, 16), attention=(0,), frames=F)
