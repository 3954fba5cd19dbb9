"""Tags that are left open are drawn as training sprites have them; what is asked for is kept."""

import base64
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import tiny_sprites, write_npy
from hypothesis import given, settings
from hypothesis import strategies as st

from ddpm.animation import Animator
from ddpm.config import Config, DataConfig, DiffusionConfig, ModelConfig, Sampling, StudentConfig
from ddpm.context.completion import Completion, chances, packed, unpacked
from ddpm.context.condition import Condition
from ddpm.context.tags import facet_guidance, parse_tags
from ddpm.data.loading import load_data
from ddpm.diffusion.editing import Change
from ddpm.runs.models import load_model, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler
from ddpm.training.trainer import spec_for

FACETS = {"kind": ("banana", "cap", "cherry", "knight"), "colour": ("blue", "red", "yellow"), "wears": ("belt", "hat")}
VOCABULARY = {"category": ("hero", "food")} | FACETS
PLACES = [f"{facet}={value}" for facet, values in VOCABULARY.items() for value in values]
SPRITES = [
    "category=food kind=banana colour=yellow",
    "category=food kind=banana colour=yellow",
    "category=food kind=banana colour=yellow wears=hat",
    "category=food kind=cherry colour=red",
    "category=hero kind=knight colour=red wears=belt+hat",
    "category=hero kind=knight colour=blue wears=hat",
    "category=hero kind=cap colour=blue",
]


def context(text):
    return sum(parse_tags(text, VOCABULARY).values(), torch.zeros(len(PLACES)))


def places(text):
    return context(text).nonzero().flatten().tolist()


def said(row):
    return " ".join(PLACES[i] for i in row.nonzero().flatten())


TOGETHER = sorted(map(places, SPRITES))
COMPLETION = Completion(len(PLACES), TOGETHER)
SPEC = ModelSpec(
    8, 3, ("hero", "food"), ModelConfig((16, 16), 1, (1,)), DiffusionConfig(), facets=FACETS, packed=packed(TOGETHER)
)


def drawn(text, n=600, completion=COMPLETION):
    """How often each completion of these tags is drawn by n chances, evenly spread."""
    chance = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return Counter(map(said, completion(context(text).expand(n, -1), chance)))


def test_each_sprite_that_has_what_is_asked_for_is_as_likely():
    assert drawn("kind=banana") == {said(context(SPRITES[0])): 400, said(context(SPRITES[2])): 200}
    assert drawn("colour=red") == {said(context(SPRITES[3])): 300, said(context(SPRITES[4])): 300}
    assert drawn("wears=belt") == {said(context(SPRITES[4])): 600}  # which wears a hat too


def test_what_no_sprite_has_stays_alone():
    """A blue banana would not be what other tags of bananas go with."""
    assert drawn("kind=banana colour=blue") == {"kind=banana colour=blue": 600}
    only = Completion(len(PLACES), TOGETHER, only=context("kind=knight") > 0)
    assert drawn("kind=cap", completion=only) == {"kind=cap": 600}


def test_what_is_to_be_gone_away_from_is_not_drawn():
    def without(text, away):
        chance = (torch.arange(60, dtype=torch.float64) + 0.5) / 60
        gone = context(away).expand(60, -1)
        return Counter(map(said, COMPLETION(context(text).expand(60, -1), chance, gone)))

    assert without("kind=knight", "colour=red") == {said(context(SPRITES[5])): 60}
    assert without("kind=banana", "wears=hat colour=yellow") == {said(context(SPRITES[0])): 60}  # both together
    assert without("kind=cherry", "colour=red") == {said(context(SPRITES[3])): 60}  # there is no other


def test_what_asks_for_nothing_or_in_part_stays():
    mixture = torch.stack([0.7 * context("category=hero") + 0.3 * context("category=food"), torch.zeros(len(PLACES))])
    assert torch.equal(COMPLETION(mixture, torch.zeros(2)), mixture)
    assert torch.equal(
        Completion(len(PLACES), [])(mixture + context("wears=hat"), torch.zeros(2))[1], context("wears=hat")
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(PLACES) - 1), max_size=4), st.floats(0, 1, exclude_max=True))
def test_what_is_asked_for_is_kept_and_the_rest_is_of_a_sprite(asked, chance):
    row = torch.zeros(len(PLACES))
    row[asked] = 1
    found = COMPLETION(row[None], torch.tensor([chance], dtype=torch.float64))[0]
    assert (found >= row).all()
    known = (COMPLETION.rows >= row).all(1).any() and asked
    assert (COMPLETION.rows == found).all(1).any() if known else torch.equal(found, row)


def test_only_sprites_that_may_be_taken_are():
    moves = context("category=hero kind=knight colour=red+blue wears=belt+hat")
    only = Completion(len(PLACES), TOGETHER, only=moves > 0)
    assert set(drawn("colour=blue", completion=only)) == {said(context(SPRITES[5]))}


def of(contexts, scales, s=2.0, away=None):
    contexts = torch.stack([torch.stack(row) for row in contexts])
    B = len(contexts)
    condition = Condition(contexts, torch.tensor(scales), away)
    found = COMPLETION.of(condition, torch.full((B,), s), 0, [0] * B)
    assert torch.equal(found.scales, condition.scales) and found.away is away
    return found.contexts


def drawn_by_0(asked):
    return COMPLETION(asked[None], chances(0, [0]))[0]


def test_a_sum_stays_and_a_term_that_counts_for_nothing_does_not_hinder():
    banana, knight, nothing = context("kind=banana"), context("kind=knight"), torch.zeros(len(PLACES))
    found = of([[banana, knight], [banana, nothing]], [[1, 0.4], [2.0, 0]])
    assert torch.equal(found[0], torch.stack([banana, knight]))
    assert torch.equal(found[1, 0], drawn_by_0(banana)) and not found[1, 1].any()


def test_what_leads_away_from_a_context_stays():
    banana, knight = context("kind=banana"), context("kind=knight")
    assert torch.equal(of([[banana], [knight]], [[1.0], [1.0]], s=-1.0), torch.stack([banana[None], knight[None]]))
    assert torch.equal(of([[banana]], [[-0.5]])[0, 0], banana)


def test_facets_of_scales_of_their_own_get_what_one_scale_for_all_gets():
    """So that a sprite does not jump where the scales part."""
    asked = parse_tags("kind=knight colour=red", VOCABULARY)
    apart, joint = (facet_guidance(asked, {"kind": 2.0, "colour": s}) for s in (1.0, 2.0))
    assert apart.contexts.shape[1] == 2 and joint.contexts.shape[1] == 1
    found, whole = (of([list(c.contexts[0])], c.scales.tolist()) for c in (apart, joint))
    drawn_too = whole[0, 0] - joint.contexts[0, 0]
    assert drawn_too.any() and torch.equal(found[0], apart.contexts[0] + drawn_too)


def test_where_nothing_is_known_all_stays():
    condition = Condition.of(context("kind=knight")[None])
    assert Completion(len(PLACES), []).of(condition, torch.ones(1), 0, [0]) is condition


def test_a_chance_is_fixed_by_the_seed_and_the_number():
    found = chances(3, range(2000))
    assert torch.equal(found[[7, 3]], chances(3, [7, 3])) and (found != chances(4, range(2000))).all()
    counts = torch.histc(found.float(), 10, 0, 1)
    assert ((counts - 200).square() / 200).sum() < 28  # chi-square with 9 degrees of freedom: 1 in 1,000
    noise = torch.tensor([np.random.default_rng([3, i]).random() for i in range(2000)])
    assert torch.corrcoef(torch.stack([found, noise]))[0, 1].abs() < 0.1


def network(spec):
    torch.manual_seed(0)
    model = spec.build().eval().requires_grad_(False)
    for p in model.parameters():
        p += 0.1 * torch.randn_like(p)
    return model


@pytest.mark.parametrize("student", [None, StudentConfig(knots=(0, 3), teacher_steps=8)])
def test_sampling_completes_unless_it_is_told_not_to(student):
    spec = replace(SPEC, student=student)
    model, indices = network(spec), [4, 9, 2]
    asked = Condition.of(context("kind=knight").expand(3, -1))
    whole = Condition.of(COMPLETION(asked.contexts[:, 0], chances(5, indices)))
    free = Sampler(model, spec, Sampling(seed=5, complete=False))
    found = Sampler(model, spec, Sampling(seed=5))(asked, 2.0, indices)
    assert torch.equal(found, free(whole, 2.0, indices)) and not torch.equal(found, free(asked, 2.0, indices))


def test_no_scale_changes_what_is_drawn_and_0_is_unconditional():
    sampler = Sampler(network(SPEC), SPEC)
    cells = sampler.grid(Condition.of(torch.stack([context("kind=knight"), torch.zeros(len(PLACES))])), (0.0, 2.0), 4)
    torch.testing.assert_close(cells[0, 0], cells[1, 0])
    torch.testing.assert_close(cells[1, 0], cells[1, 1])


def test_an_edit_is_not_completed():
    model, x0 = network(SPEC), torch.rand(1, 3, 8, 8) * 2 - 1
    asked, edit = Condition.of(context("kind=knight")[None]), Change(x0, strength=0.6)
    one, other = (Sampler(model, SPEC, Sampling(complete=c))(asked, 2.0, [1], edit=edit) for c in (True, False))
    assert torch.equal(one, other)


def test_clips_are_completed_by_what_moves_and_given_frames_tell_the_rest():
    spec = replace(
        SPEC,
        model=ModelConfig((16, 16), 1, (1,), frames=3, pointer=False),
        moving=("hero",),
        moved={"kind": ("knight",)},
        varying=("wears",),
    )
    model = network(spec)
    whole, free = (Animator(model, spec, Sampling(seed=5, complete=c)) for c in (True, False))
    asked = Condition.of(context("colour=blue").expand(2, -1))
    told = Condition.of(context("category=hero kind=knight colour=blue").expand(2, -1))
    assert torch.equal(whole(asked, 2.0, [0, 1], 2), free(told, 2.0, [0, 1], 2))
    none = torch.empty(2, 0, 3, 8, 8)  # as animate.py gives
    assert torch.equal(whole(asked, 2.0, [0, 1], 2, given=none), whole(asked, 2.0, [0, 1], 2))
    frame = torch.rand(2, 1, 3, 8, 8)
    assert torch.equal(whole(asked, 2.0, [0, 1], 2, given=frame), free(asked, 2.0, [0, 1], 2, given=frame))


def test_a_model_keeps_what_goes_together(tmp_path):
    images, labels = tiny_sprites(40, 8, 3)
    folder = write_npy(tmp_path / "sprites", images, labels)
    names, counts, lines = load_data(folder, DataConfig()).sprites.categories, Counter(), ["category,index,kind"]
    for label in labels.argmax(1) if labels.ndim > 1 else labels:
        lines.append(f"{names[label]},{counts[label]},k{counts[label] % 3}")
        counts[label] += 1
    (folder / "tags.csv").write_text("\n".join(lines) + "\n")
    data = load_data(folder, DataConfig(tags=True))
    expected = [row.nonzero().flatten().tolist() for row in data.contexts(data.train)]
    assert data.together == expected and load_data(folder, DataConfig()).together == []
    spec = spec_for(Config(), data, None)
    save_model(tmp_path / "model.safetensors", spec.build(), spec, 0)
    found = load_model(tmp_path / "model.safetensors")[1]
    assert found == spec and sorted(found.together) == sorted(expected)


def test_a_model_that_knows_more_of_tags_fits_all_the_same():
    assert replace(SPEC, packed="") == SPEC


def test_mirrored_sprites_are_known_so_too(tmp_path):
    images, labels = tiny_sprites(40, 8, 3)
    folder = write_npy(tmp_path, images, labels)
    names, counts, lines = load_data(folder, DataConfig()).sprites.categories, Counter(), ["category,index,side"]
    for label in labels.argmax(1) if labels.ndim > 1 else labels:
        lines.append(f"{names[label]},{counts[label]},{'left' if counts[label] < 19 else 'right'}")
        counts[label] += 1
    (folder / "tags.csv").write_text("\n".join(lines) + "\n")
    plain, mirrored = (load_data(folder, DataConfig(tags=True, mirror=m)) for m in ((), names[:1]))
    left = len(names)
    of = [[left in places for places in data.together if 0 in places] for data in (plain, mirrored)]
    turned = [is_left != was_left for was_left, is_left in zip(*of, strict=True)]
    assert abs(sum(turned) / len(turned) - 0.5) < 0.2
    others = [[places for places in data.together if 0 not in places] for data in (plain, mirrored)]
    assert others[0] == others[1]


@given(st.lists(st.lists(st.integers(0, 500), min_size=1), min_size=1))
def test_lists_of_tags_are_packed_and_unpacked(together):
    assert packed([]) == "" and unpacked("") == []
    assert sorted(unpacked(packed(together))) == sorted(list(places) for places in together)


WHOLE = base64.b64decode(packed([[0, 1]] * 50))
CUT = [base64.b64encode(data).decode() for data in (*(WHOLE[:n] for n in range(len(WHOLE))), WHOLE + b"0", b"0 1")][1:]


@pytest.mark.parametrize("text", ["x", "****", packed([["x"]]), packed([[]]), packed([[0]] * 10_001), *CUT])
def test_damaged_lists_are_told(text):
    with pytest.raises(ValueError, match="its lists of tags are damaged"):
        replace(SPEC, packed=text)


def test_a_list_longer_than_a_context_is_told():
    with pytest.raises(ValueError, match="longer than a context, which has 11 places"):
        replace(SPEC, packed=packed([[0] * 12]))


@pytest.mark.parametrize("place", [11, -1])
def test_places_that_are_not_there_are_told(place):
    with pytest.raises(ValueError, match=f"its lists of tags name place {place} of a context, which has 11"):
        replace(SPEC, packed=packed([[0, place]]))
