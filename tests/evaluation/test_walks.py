"""Figures of clips, on cycles whose movement is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run

from ddpm.animation import Animator
from ddpm.commands.measure.clips.samples import Maker
from ddpm.commands.measure.clips.stacked import Stacked
from ddpm.config import Config, DiffusionConfig, ModelConfig, Sampling
from ddpm.context.tags import slices
from ddpm.data.collection import SpriteData
from ddpm.evaluation.clips.cycles import STEP, Cycles, drawn_cycles, real_cycles
from ddpm.evaluation.clips.figures import FIGURES, Walked
from ddpm.evaluation.clips.pixels import changes, feet, feet_moves, painted, upper, upper_changes
from ddpm.evaluation.clips.report import measure, tables
from ddpm.evaluation.tag_judge import TagJudge
from ddpm.runs.models import save_model
from ddpm.runs.spec import ModelSpec
from sprites.colour import opaque
from sprites.loading import Sprites

LENGTH, KINDS = 3, ("flat", "tall")
COLOURS = {"red": (200, 20, 20), "blue": (20, 20, 200)}


def walker(kind: str, colour: str, step: int, size: int = 12, x: int = 3) -> np.ndarray:
    """A head and a torso, flat or tall, over a foot that is elsewhere in each step: uint8 [size, size, 4]."""
    image = np.zeros((size, size, 4), np.uint8)
    image[2:5, x : x + 3] = (230, 180, 120, 255)
    image[5:8, x - 1 : x + 4] = (*COLOURS[colour], 255)
    image[1 if kind == "tall" else 4, x : x + 3] = (250, 240, 30, 255)
    image[8:11, x - 1 + 2 * step] = (90, 60, 20, 255)
    return image


def cycles_of(count: int, seed: int = 0) -> Cycles:
    """Walkers of all kinds and colours, some pixels to the left or to the right, a dot in each of its own."""
    rng, images, flags = np.random.default_rng(seed), [], []
    for n in range(count):
        kind, colour, x = KINDS[n % 2], tuple(COLOURS)[n // 2 % 2], int(rng.integers(3, 5))
        dot = rng.integers(0, 255, 3)
        for step in range(LENGTH):
            image = walker(kind, colour, step, x=x)
            image[6, x + 1] = (*dot, 255)
            images.append(image)
            flags.append([kind == k for k in KINDS] + [colour == c for c in COLOURS])
            flags[-1] += [step == s for s in range(LENGTH)]
    n = len(images)
    facets = {"kind": KINDS, "colour": tuple(COLOURS), "frame": tuple("012")}
    labels, clips, every = np.zeros(n, np.int64), np.arange(n) // LENGTH, np.arange(n)
    sprites = Sprites(np.stack(images), labels, ("walker",), Path("drawn"), clips=clips)
    hashes, none = every.astype(np.uint64), every[:0]
    data = SpriteData(sprites, every, none, torch.zeros(1, dtype=torch.bool), hashes, facets, torch.tensor(flags))
    return Cycles.of(data, LENGTH)


@pytest.fixture(autouse=True, scope="module")
def steps():
    """Judges of these plain walkers need few steps to learn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ddpm.evaluation.classifier.STEPS_MIN", 100)
        patch.setattr("ddpm.evaluation.classifier.TOLD_STEPS", 60)
        yield


@pytest.fixture(scope="module")
def judge():
    return TagJudge(cycles_of(160, seed=1).judged, epochs=1)


@pytest.fixture(scope="module")
def real():
    return cycles_of(80, seed=2)


@pytest.fixture(scope="module")
def other():
    return cycles_of(80, seed=3).pixels


def measured(clips, real, judge, other=None, given=0):
    return measure(Walked("some", clips, real, given), judge, real.pixels[:0] if other is None else other)


# Pixels


def test_equal_frames_do_not_move():
    clips = np.repeat(cycles_of(4).pixels[:, :1], 5, axis=1)
    for still in (changes(clips), upper_changes(clips), feet_moves(clips)):
        assert still.shape == (4, 5) and not still.any()


def test_of_a_walker_the_legs_change_and_the_head_does_not():
    clips = cycles_of(4).pixels
    assert not upper_changes(clips).any() and not feet_moves(clips).any() and (feet(clips) == 10).all()
    drawn = (painted(clips) >= 0).sum((2, 3))
    # A foot of three pixels is where it was not, and is not where it was: of the pixels of one frame and three more.
    np.testing.assert_allclose(changes(clips), 6 / (drawn + 3))


def test_a_walker_that_rises_and_falls_keeps_its_head():
    still = walker("flat", "red", 0)
    clip = np.stack([still, np.roll(still, -1, 0), still, np.roll(still, -1, 0)])[None]
    assert not upper_changes(clip).any() and changes(clip).all()
    assert feet_moves(clip).tolist() == [[1, 1, 1, 1]]
    jump = np.stack([still, np.roll(still, -2, 0)])[None]
    assert upper_changes(jump).all() and feet_moves(jump).tolist() == [[2, 2]]


def test_the_share_of_the_head_that_changes_is_that_of_its_pixels():
    clips = cycles_of(1).pixels.copy()
    rows = upper(painted(clips) >= 0)[0]
    assert np.flatnonzero(rows).tolist() == [2, 3, 4, 5, 6]  # of a flat one, from 2 to 10
    there = (painted(clips)[0, 1] >= 0) & rows[:, None]
    clips[0, 1, 2, there[2], :3] += 1  # three pixels of the head, in one frame
    share = 3 / there.sum()
    np.testing.assert_allclose(upper_changes(clips), [[0, share, share]])


@pytest.mark.parametrize("shape", [(2, 1, 8, 8, 4), (2, 6, 16, 16, 3), (1, 2, 8, 8, 4)])
def test_clips_of_any_form_and_empty_ones_have_figures(shape):
    for value in (0, 255):
        clips = np.full(shape, value, np.uint8)
        for found in (changes(clips), upper_changes(clips), feet_moves(clips)):
            assert found.shape == shape[:2] and not found.any()


def test_without_alpha_the_ground_is_no_part_of_a_walker():
    clips = cycles_of(4).pixels
    flat = np.where(clips[..., 3:] > 0, clips[..., :3], 255).astype(np.uint8)
    np.testing.assert_array_equal(changes(flat), changes(clips))
    np.testing.assert_array_equal(feet(flat), feet(clips))


# What judges see


def test_real_cycles_walk_and_stay_the_same(real, judge, other):
    found = measured(real.pixels, real, judge, other)
    assert found.figures["phase"] > 0.95 and found.figures["identity"] > 0.9 and found.figures["as_asked"] > 0.9
    assert found.figures["steadiness"] == found.figures["anchor"] == 0 and found.figures["seam"] == pytest.approx(1)
    assert abs(found.figures["told_apart"] - 0.5) < 4 * max(found.errors["told_apart"], 0.05)
    assert found.figures["clip_colours"] == pytest.approx(found.figures["frame_colours"])
    assert set(found.one) == {"category", "kind", "colour"} and "given_exact" not in found.figures


def test_frames_in_another_order_are_out_of_step(real, judge):
    right, turned = (measured(clips, real, judge) for clips in (real.pixels, np.roll(real.pixels, 1, axis=1)))
    assert turned.figures["phase"] < 0.1 < right.figures["phase"]
    assert turned.figures["identity"] == right.figures["identity"]
    assert turned.by_frame["phase"][0] < 0.1


def test_a_frame_of_another_walker_spoils_identity_and_steadiness(real, judge, other):
    clips = real.pixels.copy()
    clips[:, 2] = np.roll(clips[:, 2], 1, axis=0)  # of another kind or colour
    found, good = measured(clips, real, judge, other), measured(real.pixels, real, judge)
    assert found.figures["identity"] < 0.2 and found.figures["steadiness"] > 0.05
    assert found.by_frame["identity"][1] == good.by_frame["identity"][1] and found.by_frame["identity"][2] < 0.2
    assert found.figures["phase"] == pytest.approx(good.figures["phase"])
    assert found.figures["clip_colours"] > good.figures["clip_colours"]
    assert found.figures["told_apart"] > 0.8


def test_a_clip_of_another_walker_is_one_but_not_as_asked(real, judge):
    found = measured(np.roll(real.pixels, 1, axis=0), real, judge)
    assert found.figures["identity"] > 0.9 and found.figures["as_asked"] < 0.1


def test_given_frames_count_for_nothing_but_must_be_exact(real, judge):
    clips = real.pixels.copy()
    clips[:, 1:] = clips[:, :1]  # nothing walks
    found = measured(clips, real, judge, given=1)
    assert found.figures["given_exact"] == 1 and found.figures["phase"] < 0.1
    assert measured(clips, real, judge).figures["phase"] == pytest.approx(1 / 3, abs=0.05)
    clips[:20, 0, 0, 0] ^= 255
    assert measured(clips, real, judge, given=1).figures["given_exact"] == 0.75


def test_frames_after_those_given_are_as_drawn_pixel_by_pixel(real, judge):
    clips = real.pixels.copy()
    assert "as_drawn" not in measured(clips, real, judge).figures
    assert measured(clips, real, judge, given=1).figures["as_drawn"] == 1
    clips[:, 2] = 0  # what is transparent in both counts for nothing
    pixels = opaque(real.pixels).sum((2, 3))
    share = pixels[:, 1] / pixels[:, 1:].sum(1)
    assert measured(clips, real, judge, given=1).figures["as_drawn"] == pytest.approx(share.mean())


def test_longer_clips_are_judged_frame_by_frame(real, judge):
    clips = np.tile(real.pixels, (1, 3, 1, 1, 1))
    clips[:, -1] = clips[:, 0]
    found = measured(clips, real, judge)
    assert [round(p) for p in found.by_frame["phase"]] == [1] * 8 + [0]
    assert all(len(values) == 9 for values in found.by_frame.values())
    text = tables([found, found], [found])
    assert "some: phase" in text and text.count("\n|") > 9
    assert all(FIGURES[key].heading in text for key in found.figures)


# Real cycles


def drawn_spec(frames: int = 4) -> ModelSpec:
    facets = {"kind": ("knight", "wolf"), "colour": ("red", "brown"), "frame": tuple("0123"), "accessory": ("sword",)}
    model = ModelConfig(widths=(8, 8), blocks=1, attention=(1,), frames=frames)
    categories = ("hero", "non_hero", "food", "spell", "side_facing")
    return ModelSpec(16, 4, categories, model, DiffusionConfig(timesteps=20, prediction="v"), facets=facets)


def test_drawn_cycles_leave_out_what_was_held_out():
    some = drawn_cycles(drawn_spec(), ("kind=wolf",), 5, 30)
    assert some.pixels.shape == (30, 4, 16, 16, 4) and len(some[:7]) == 7
    columns = slices(some.data.vocabulary)
    assert not some.frame_contexts[..., columns["kind"]][..., 1].any()
    assert some.frame_contexts[..., columns["kind"]][..., 0].any()
    assert (some.frame_contexts[..., columns["frame"]] == torch.eye(4)).all()
    assert not some.contexts[:, columns["frame"]].any() and some.contexts[:, columns["colour"]].any()
    judged = some.judged
    assert list(judged.facets) == ["kind", "colour", "accessory", STEP]
    steps = judged.contexts(some.rows.ravel())[:, slices(judged.vocabulary)[STEP]]
    assert (steps.argmax(1).view(-1, 4) == torch.arange(4)).all()


def test_no_cycle_is_in_two_of_the_sets():
    sets = real_cycles(None, Config(), drawn_spec(), 10, 20, seed=0)
    assert [len(cycles) for cycles in sets] == [10, 10, 20]
    assert len({clip.tobytes() for cycles in sets for clip in cycles.pixels}) == 40


def test_a_model_of_other_sprites_needs_its_data():
    with pytest.raises(ValueError, match="--data"):
        drawn_cycles(drawn_spec(frames=3), (), 0, 4)


# Clips that are sampled


def test_a_still_comes_back_and_noise_is_shared_or_not():
    spec = drawn_spec()
    torch.manual_seed(0)
    animator = Animator(spec.build().eval(), spec, Sampling(steps=2))
    like, done = drawn_cycles(spec, (), 5, 6), []
    make = Maker(animator, like, done.append)
    still = make.from_still("still", 2.0, tagged=True)
    assert still.clips.shape == like.pixels.shape and still.given == 1
    np.testing.assert_array_equal(still.clips[:, 0], like.pixels[:, 0])
    # A new network predicts nothing, so what is sampled shows the noise alone.
    one, each = (make.alone("alone", 2.0, one_noise).clips for one_noise in (True, False))
    assert (one == one[:, :1]).all() and not (each == each[:, :1]).all((1, 2, 3, 4)).any()
    assert make.from_tags("long", 2.0, frames=9, count=2).clips.shape == (2, 9, 16, 16, 4)
    assert sum(done) == 3 * 24 + 18


def test_a_stack_sees_all_frames_of_a_clip_and_no_other():
    spec = drawn_spec()
    torch.manual_seed(0)
    model = Stacked(spec)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.1)
    x = torch.randn(8, 4, 16, 16)
    t, contexts = torch.full((8,), 3), torch.zeros(8, spec.places)
    changed = x.clone()
    changed[6] += 1
    with torch.no_grad():
        out, other = model(x, t, contexts), model(changed, t, contexts)
    assert out.shape == x.shape and torch.equal(out[:4], other[:4])
    assert (out[4:] != other[4:]).flatten(1).any(1).all()
    animator = Animator(spec.build().eval(), spec, Sampling(steps=2))
    clips = Maker(animator, drawn_cycles(spec, (), 5, 3), lambda count: None).stacked("stack", model, 1.5)
    assert clips.clips.shape == (3, 4, 16, 16, 4)


@pytest.mark.slow
def test_the_command_measures_a_model(tmp_path):
    spec, stills = replace(drawn_spec(), varying=("frame",)), tmp_path / "stills.safetensors"
    torch.manual_seed(0)
    save_model(tmp_path / "model.safetensors", spec.build(), spec, 1)
    save_model(stills, spec.of_stills().build(), spec.of_stills(), 1)
    small = ("--first", stills, "--count", 12, "--long", 4, "--judges", 40, "--epochs", 1, "--stacked", 256)
    result = run("walks", tmp_path / "model.safetensors", "--guidance", 1, "--history", 1, *small)
    assert result.returncode == 0, result.stderr
    told = (tmp_path / "walks" / "walks.md").read_text()
    assert told == result.stdout and (tmp_path / "walks" / "walks.png").exists()
    for name in ("real", "s = 1", "first frame by", "history 1", "from a still", "frames alone", "frames as channels"):
        assert name in told


def test_a_model_of_stills_is_refused_in_one_line(tmp_path):
    spec = drawn_spec(frames=1)
    save_model(tmp_path / "model.safetensors", spec.build(), spec, 1)
    result = run("walks", tmp_path / "model.safetensors")
    assert result.returncode == 2 and "trained on stills alone" in result.stderr
    assert not (tmp_path / "walks").exists()
