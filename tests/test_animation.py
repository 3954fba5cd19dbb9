"""Clips are sampled one frame after another: what each frame sees, what stays, and what guidance over the past does."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ddpm.animation import LEAD, LEAD_STILL, Animator, Past, told
from ddpm.config import DiffusionConfig, ModelConfig, Sampling
from ddpm.context.condition import Condition
from ddpm.diffusion.guidance import classifier_free
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler

F, B = 4, 3


def network(spec: ModelSpec, seed: int = 0) -> nn.Module:
    """Untrained, and all of its paths count."""
    torch.manual_seed(seed)
    model = spec.build().eval()
    for p in model.parameters():
        if p.ndim > 1:
            nn.init.normal_(p, std=0.15)
    return model


def made(palette=(), **sampling) -> Animator:
    """Of clips of 8x8 RGBA."""
    config = ModelConfig((16, 16), 1, (0, 1), frames=F)
    spec = ModelSpec(8, 4, ("walk", "stand"), config, DiffusionConfig(timesteps=100), palette=palette)
    return Animator(network(spec), spec, Sampling(steps=4, precision="fp32", **sampling))


@pytest.fixture(scope="module")
def animator():
    return made()


CONDITION = Condition.of(torch.tensor([[1.0, 0], [0, 1.0], [0.5, 0.5]]))


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_a_clip_does_not_depend_on_its_batch_or_on_how_long_it_goes_on(animator):
    clips = animator(CONDITION, 2.0, [5, 6, 7], 6)
    assert clips.shape == (B, 6, 4, 8, 8) and clips.isfinite().all() and clips.abs().max() <= 1
    close(animator(CONDITION[1:2], 2.0, [6], 6), clips[1:2])
    close(animator(CONDITION, 2.0, [5, 6, 7], 6, batch=1), clips)
    close(animator(CONDITION, 2.0, [5, 6, 7], 3), clips[:, :3])
    assert not torch.allclose(animator(CONDITION, 2.0, [8, 9, 10], 3), clips[:, :3], atol=0.1)


def test_given_frames_stay_and_are_seen(animator):
    clips = animator(CONDITION, 2.0, range(B), 4)
    given = clips[:, :2] * 0.37
    found = animator(CONDITION, 2.0, range(B), 4, given=given)
    assert torch.equal(found[:, :2], given)
    other = animator(CONDITION, 2.0, range(B), 4, given=-given)
    assert (found[:, 2:] - other[:, 2:]).abs().amax((1, 2, 3, 4)).min() > 0.01


def test_a_frame_is_told_its_place_in_the_cycle(animator):
    first = [animator(CONDITION[:1], 1.0, [0], 1, start=start) for start in range(5)]
    assert torch.equal(first[4], first[0]) and not torch.allclose(first[1], first[0], atol=1e-3)
    starts = animator(CONDITION[[0, 0]], 1.0, [0, 0], 1, start=torch.tensor([0, 1]))
    close(starts, torch.cat([first[0], first[1]]))


def test_frames_that_lead_are_sampled_and_left_out(animator):
    longer = animator(CONDITION, 2.0, range(B), LEAD + 3, start=(1 - LEAD) % F, lead=0)
    seen = []
    close(animator(CONDITION, 2.0, range(B), 3, start=1, on_frames=seen.append), longer[:, LEAD:])
    assert sum(seen) == 3 * B
    given = longer[:, :1]
    assert torch.equal(animator(CONDITION, 2.0, range(B), 2, given=given)[:, :1], given)


STEPS = {"frame": ("0", "1", "2", "3")}


def clips_and_stills(facets=STEPS, varying=("frame",)) -> tuple[ModelSpec, ModelSpec]:
    like = ModelConfig((16, 16), 1, (1,), frames=F)
    clips = ModelSpec(8, 4, ("walk", "stand"), like, DiffusionConfig(timesteps=100), None, facets, varying=varying)
    return clips, replace(clips.of_stills(), model=ModelConfig((16, 24), 1, (1,)))


def test_the_very_first_frame_is_that_of_a_model_of_stills_asked_for_its_step():
    spec, of_stills = clips_and_stills()
    model, stills, indices = network(spec), network(of_stills, 1), [7, 8]
    asked = Condition.of(torch.tensor([[1.0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 1]]))
    how = Sampling(steps=3, precision="fp32")

    def sampled(drawing: nn.Module, frames: int, start: list[int], lead: int | None) -> torch.Tensor:
        animator = Animator(model, spec, how, (drawing, of_stills))
        return animator(Condition.of(torch.eye(2, 6)), 2.0, indices, frames, start=torch.tensor(start), lead=lead)

    found, other = (sampled(drawing, 3, [0, 3], 0) for drawing in (stills, network(of_stills, 2)))
    close(found[:, 0], Sampler(stills, of_stills, how)(asked, 2.0, indices))
    assert (found[:, 1:] - other[:, 1:]).abs().amax((1, 2, 3, 4)).min() > 0.01  # what comes after has seen it
    assert LEAD_STILL == 1
    close(sampled(stills, 2, [1, 0], None), found[:, 1:])  # it is left out


@pytest.mark.parametrize(
    ("facets", "varying", "other", "words"),
    [
        (STEPS, ("frame",), {"categories": ("walk", "sit")}, "first frames are of 8x8 in 4 channels of walk, stand"),
        (STEPS, ("frame",), {"facets": {"frame": ("0", "1")}}, "or its tags, colours or noise differ"),
        (STEPS, ("frame",), {"diffusion": DiffusionConfig("linear")}, "or its tags, colours or noise differ"),
        (STEPS, (), {}, "no tag of the model says which step"),
        ({"frame": ("a", "b", "c", "d")}, ("frame",), {}, "no tag of the model says which step"),
    ],
)
def test_a_model_of_stills_that_cannot_be_asked_for_the_same_is_told(facets, varying, other, words):
    spec, of_stills = clips_and_stills(facets, varying)
    of_stills = replace(of_stills, **other)
    with pytest.raises(ValueError, match=words):
        Animator(network(spec), spec, Sampling(steps=2), (network(of_stills), of_stills))


def test_a_frame_that_has_seen_others_takes_a_third_as_many_steps_rounded_up():
    animator, lengths = made(), []
    run = animator.sampler.run

    def watched(denoise, noise, timesteps):
        lengths.append(len(animator.sampler.timesteps if timesteps is None else timesteps))
        return run(denoise, noise, timesteps=timesteps)

    animator.sampler.run = watched
    clips = animator(CONDITION, 2.0, range(B), 3, lead=1, batch=B)
    parts = lengths.count(4)  # of the batch, one for each core
    assert parts and sorted(lengths) == [2] * 3 * parts + [4] * parts
    lengths.clear()
    animator(CONDITION, 2.0, range(B), 3, given=clips[:, :1])
    assert set(lengths) == {2}
    lengths.clear()
    animator(CONDITION, 2.0, range(B), 3, history=1.5)  # in few steps this overshoots
    assert set(lengths) == {4}


@torch.no_grad()
def past_of(animator, frames=2, asked=None):
    """The past of clips of noise, for the contexts none and CONDITION, and a noisy frame that follows them."""
    g = torch.Generator().manual_seed(3)
    contexts = torch.cat([torch.zeros(B, 1, 2), CONDITION.contexts], 1)
    asked = torch.ones(B, 2, dtype=torch.bool) if asked is None else asked
    past = Past(animator.guide.strong, contexts, asked, F, F - 1)
    for frame in range(frames):
        past.add(torch.randn(B, 4, 8, 8, generator=g), torch.full((B,), frame))
    return past, torch.randn(B, 4, 8, 8, generator=g), torch.full((B,), 40)


@torch.no_grad()
def test_guidance_over_the_past_is_its_formula(animator):
    past, x, t = past_of(animator)
    denoise = past.denoiser(torch.full((B,), 2))
    rows = torch.arange(2 * B).view(B, 2)

    def f(context, row):
        return denoise(x, t, torch.cat([context, row[:, None].float()], 1))

    c, none, blind = CONDITION.contexts[:, 0], torch.zeros(B, 2), torch.full((B,), -1)
    s, h = 3.0, 1.7
    wanted = f(none, blind) + s * (f(c, blind) - f(none, blind)) + h * (f(c, rows[:, 1]) - f(c, blind))
    asked = told(CONDITION, past.row, torch.full((B,), s), h)
    close(classifier_free(denoise, asked, s)(x, t), wanted)
    plain = f(none, rows[:, 0]) + s * (f(c, rows[:, 1]) - f(none, rows[:, 0]))
    close(classifier_free(denoise, told(CONDITION, past.row, torch.full((B,), s), None), s)(x, t), plain)
    assert (f(c, rows[:, 1]) - f(c, blind)).abs().max() > 1e-3


@torch.no_grad()
def test_a_context_that_sees_no_past_is_a_frame_alone(animator):
    past, x, t = past_of(animator)
    blind = torch.cat([CONDITION.contexts[:, 0], torch.full((B, 1), -1.0)], 1)
    alone, _, _ = past_of(animator, frames=0)
    alone = alone.denoiser(torch.full((B,), 2))
    close(past.denoiser(torch.full((B,), 2))(x, t, blind), alone(x, t, blind))


@torch.no_grad()
def test_contexts_that_are_not_asked_for_are_not_remembered_and_others_as_before(animator):
    asked = torch.tensor([[False, True], [True, True], [False, True]])
    whole, x, t = past_of(animator)
    part, _, _ = past_of(animator, asked=asked)
    assert part.row.tolist() == [[-1, 0], [1, 2], [-1, 3]] and len(part.contexts) == 4
    for column in (0, 1):
        rows, found = asked[:, column], []
        for past in (whole, part):
            contexts = torch.cat([CONDITION.contexts[rows, 0] * column, past.row[rows, column, None].float()], 1)
            found.append(past.denoiser(torch.full((B,), 2))(x[rows], t[rows], contexts))
        close(*found)


def test_frames_that_have_seen_others_are_guided_at_one_at_most(animator):
    given = animator(CONDITION, 2.0, range(B), 1)
    ask = lambda scale, **more: animator(CONDITION, scale, range(B), 3, given=given, **more)
    assert torch.equal(ask(4.0), ask(1.0))  # what they are to show they see
    assert (ask(0.5) - ask(1.0)).abs().max() > 0.01 and (ask(0.0) - ask(0.5)).abs().max() > 0.01
    assert (ask(4.0, history=1.0) - ask(1.0, history=1.0)).abs().max() > 0.01
    assert (animator(CONDITION, 4.0, range(B), 1) - animator(CONDITION, 1.0, range(B), 1)).abs().max() > 0.01
    mixed = ask(torch.tensor([2.0, 0.5, 0.0]))  # of which some remember no context to go away from
    close(mixed, torch.cat([ask(s)[i : i + 1] for i, s in enumerate((1.0, 0.5, 0.0))]))


@torch.no_grad()
def test_only_so_many_frames_are_remembered_as_in_training(animator):
    long, _, _ = past_of(animator, frames=7)
    assert long.count == F - 1
    assert all(k.shape[2] in (3, 3 * 16) for k, _ in long.memory.kept.values())


def test_all_frames_have_one_palette_and_so_many_colours_in_all():
    palette = ("000000", "ffffff", "ff0000", "00ff00", "0000ff", "ffff00")
    animator = made(palette, colours=3)
    clips = (animator(CONDITION, 2.0, range(B), 4) + 1) * 127.5
    for clip in clips.round().long():
        opaque = clip[:, 3] > 127
        seen = {tuple(c) for c in clip.movedim(1, -1)[opaque][:, :3].tolist()}
        assert len(seen) <= 3 and {bytes(c).hex() for c in seen} <= set(palette)


@pytest.mark.parametrize("seen, stays", [(1, False), (2, True), (4, True)])
def test_a_colour_of_a_clip_is_worth_its_price_in_half_of_the_frames(seen, stays):
    animator = made(("000000", "ffffff", "ff0000"))
    animator.sampler.pixel_art = replace(animator.sampler.pixel_art, price=1.0)
    clip = torch.ones(1, F, 4, 8, 8)
    clip[:, :, :3, 4:] = -1
    clip[:, :seen, 1:3, 2, 2] = -1  # a red pixel on white
    found = animator.as_one(clip, torch.empty(1, 0, 4, 8, 8))
    assert torch.equal(found, clip) if stays else (found[:, :, 1] == found[:, :, 0]).all()


def test_the_step_of_given_frames_is_the_one_under_which_they_are_likeliest(animator, monkeypatch):
    """The loss is made to be lowest where the first frame is at the step that its first pixel tells."""

    def loss(model, x0, context, t, eps, frames):
        wanted = (x0[:, 0, 0, 0] * 4).round()
        return ((frames.position - wanted) % F != 0).float()

    monkeypatch.setattr(type(animator.diffusion), "loss", lambda self, *a, **k: loss(*a, **k))
    start = torch.tensor([2, 0, 3])
    given = torch.zeros(B, 2, 4, 8, 8)
    given[:, 0, 0, 0, 0], given[:, 1, 0, 0, 0] = start / 4, (start + 1) % F / 4
    assert torch.equal(animator.phase(given, CONDITION), start)
    assert torch.equal(animator.phase(given[:, :1], CONDITION), start)


def test_the_step_is_looked_for_by_the_tags_that_clips_are_told(animator, monkeypatch):
    asked = []
    loss = lambda self, model, x0, context, *a, frames: (asked.append(context), torch.zeros(len(x0)))[1]
    monkeypatch.setattr(type(animator.diffusion), "loss", loss)
    monkeypatch.setattr(ModelSpec, "lasting", torch.tensor([True, False]))
    animator.phase(torch.zeros(B, 1, 4, 8, 8), CONDITION)
    assert [rows[0].tolist() for rows in asked] == [[1, 0], [0, 0], [0.5, 0]]


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda a: a(CONDITION, 2.0, [0], 4), "as many indices"),
        (lambda a: a(CONDITION, 2.0, range(B), 2, given=torch.zeros(B, 2, 4, 8, 8)), "up to 1 given frames"),
        (lambda a: a(CONDITION, 2.0, range(B), 3, given=torch.zeros(B, 1, 4, 8, 8), lead=1), "0 before given frames"),
        (lambda a: a(CONDITION, 0.0, range(B), 2, history=1.0), "guidance scales above 0"),
    ],
)
def test_what_does_not_fit_is_told(animator, call, words):
    with pytest.raises(ValueError, match=words):
        call(animator)


def test_a_model_of_stills_is_told():
    spec = ModelSpec(8, 4, ("a", "b"), ModelConfig((16,), 1, (0,)), DiffusionConfig())
    with pytest.raises(ValueError, match="trained on stills alone"):
        Animator(spec.build(), spec)
