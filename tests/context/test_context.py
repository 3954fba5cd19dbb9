"""The context mask of training, contexts in words, and that sampling never masks."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ddpm.commands.shared.requests import parse_composition, parse_context, quoted_name
from ddpm.config import DiffusionConfig, ModelConfig, Sampling
from ddpm.context.categories import mask_context, one_hot
from ddpm.context.condition import Condition
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler
from sprites.files import UNCOND

NAMES = ("hero", "non_hero", "food", "spell")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def contexts(rows: int = 400) -> torch.Tensor:
    """Mixtures without a single zero, so that a masked row cannot pass for a kept one."""
    return torch.rand(rows, 5, generator=generator(9)) + 0.1


def test_one_hot():
    assert torch.equal(one_hot(torch.tensor([2, 0, 2]), 4), torch.eye(4)[[2, 0, 2]])


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_rate_of_the_mask(p):
    N = 20_000
    _, mask = mask_context(torch.ones(N, 2), p, generator())
    assert abs(mask.mean().item() - p) < 5 * (p * (1 - p) / N) ** 0.5


def test_mask_is_per_sample_and_leaves_kept_rows_untouched():
    context = contexts()
    before = context.clone()
    masked, mask = mask_context(context, 0.9, generator())
    assert mask.shape == (400,) and masked.shape == context.shape
    assert 0 < (mask == 0).sum() < 400 and ((mask == 0) | (mask == 1)).all()
    assert torch.equal(masked[mask == 1], before[mask == 1])
    assert (masked[mask == 0] == 0).all()
    assert torch.equal(context, before) and masked.data_ptr() != context.data_ptr()


def test_each_sample_is_masked_on_its_own():
    g = generator()
    masks = torch.stack([mask_context(torch.ones(6, 2), 0.5, g)[1] for _ in range(4000)])
    deviation = (masks.T.cov() - 0.25 * torch.eye(6)).abs().max()
    assert deviation < 5 * 0.25 / 4000**0.5 + 0.01  # neither a sample twice as often, nor two together


def test_mask_depends_on_the_generator_alone():
    state = torch.get_rng_state()
    first, again, other = (mask_context(contexts(), 0.5, generator(s))[1] for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_keep_all_and_keep_none():
    context = contexts()
    kept, ones = mask_context(context, 1.0, generator())
    dropped, zeros = mask_context(context, 0.0, generator())
    assert torch.equal(kept, context) and (ones == 1).all()
    assert (dropped == 0).all() and (zeros == 0).all()


class Spy(nn.Module):
    """A model that notes each context it is called with."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.contexts: list[torch.Tensor] = []

    def forward(self, x, t, context):
        self.contexts.append(context.clone())
        return self.weight * x


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpmpp_2m"])
def test_sampling_never_masks(sampler, training):
    spy, context = Spy().train(training), contexts(16)
    spec = ModelSpec(3, 4, ("a", "b", "c", "d", "e"), ModelConfig(), DiffusionConfig(timesteps=20))
    none = torch.zeros(16, 5)
    for scale, rows in ((1.0, context), (0.0, none), (3.0, torch.stack([none, context], 1).flatten(0, 1))):
        spy.contexts.clear()
        how = Sampling("cfg", sampler, 5, precision="fp32")  # in which the network itself is asked, no copy
        Sampler(spy, spec, how)(Condition.of(context), scale, range(16))  # on one core
        assert len(spy.contexts) == 5
        assert all(torch.equal(seen, rows) for seen in spy.contexts)


@pytest.mark.parametrize(
    ("sampler", "steps", "guided"),
    [
        ("auto", 12, [4, 5, 6, 7, 8]),
        ("dpmpp_2m_sde", 8, [3, 4, 5]),
        ("dpmpp_2m_sde", 2, [0, 1]),  # of which the interval holds none
        ("dpmpp_2m", 8, [*range(8)]),
        ("ddim", 3, [0, 1, 2]),
    ],
)
def test_with_fresh_noise_guidance_acts_at_the_steps_of_an_interval_else_at_all(sampler, steps, guided):
    spy, context = Spy(), contexts(16)
    spec = ModelSpec(3, 4, ("a", "b", "c", "d", "e"), ModelConfig(), DiffusionConfig())
    sampler = Sampler(spy, spec, Sampling(sampler=sampler, steps=steps, precision="fp32"))
    for scale in (3.0, 1.0, 0.0):
        spy.contexts.clear()
        sampler(Condition.of(context), scale, range(16))
        twice = [i for i, seen in enumerate(spy.contexts) if len(seen) == 32]
        assert len(spy.contexts) == steps and twice == (guided if scale > 1 else [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("food", [0, 0, 1, 0]),
        (UNCOND, [0, 0, 0, 0]),
        ("hero=0.5,spell=0.25", [0.5, 0, 0, 0.25]),
        (" hero = 0.5 , spell ", [0.5, 0, 0, 1]),
        ("hero=-1,food=2e0", [-1, 0, 2, 0]),
        (" uncond ", [0, 0, 0, 0]),
    ],
)
def test_parse_context(text, expected):
    context = parse_context(text, NAMES)
    assert context.dtype == torch.float32
    assert context.tolist() == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("heroe", "'heroe': did you mean 'hero'"),
        ("food,spel=2", "'spel': did you mean 'spell'"),
        ("uncnd", "did you mean 'uncond'"),
        ("zzz", "'zzz': The model knows hero, non_hero, food, spell and uncond"),
        ("hero=much", "'hero'.*'much': expected a number, as in hero=0.5"),
        ("hero=inf", "finite"),
        ("hero=1,food=-inf", "finite"),
        ("hero=nan", "finite"),
        ("hero=1e39", "finite"),
        ("", "unknown category ''"),
        ("hero,", "unknown category ''"),
    ],
)
def test_parse_context_refuses(text, says):
    with pytest.raises(ValueError, match=says):
        parse_context(text, NAMES)


ODD = ("hero", "food", "side-facing", "2 handed", "handed", "a + b", "3")


def composition(text: str, categories: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Contexts [M, K] and scales [M] of what is parsed."""
    condition = parse_composition(text, categories)
    assert len(condition) == 1 and condition.away is None
    return condition.contexts[0], condition.scales[0]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("hero", [("hero", 1)]),
        (" uncond ", [("uncond", 1)]),
        ("hero=0.7,food=0.3", [("hero=0.7,food=0.3", 1)]),
        ("hero + 0.4 food - side-facing", [("hero", 1), ("food", 0.4), ("side-facing", -1)]),
        ("2*hero - .5 food", [("hero", 2), ("food", -0.5)]),
        ("2 * hero -  0.25  *  food", [("hero", 2), ("food", -0.25)]),
        ("0 hero + 10 food", [("hero", 0), ("food", 10)]),
        ("hero + hero", [("hero", 1), ("hero", 1)]),
        ("1.5 hero=0.7, food=-0.3 - 2 uncond", [("hero=0.7,food=-0.3", 1.5), ("uncond", -2)]),
        ("2 handed", [("2 handed", 1)]),
        ("2 * handed - 2 2 handed", [("handed", 2), ("2 handed", -2)]),
        ("3 + 2 3 - 3 hero", [("3", 1), ("3", 2), ("hero", -3)]),
        ("side-facing + 3 side-facing", [("side-facing", 1), ("side-facing", 3)]),
    ],
)
def test_parse_composition(text, terms):
    contexts, scales = composition(text, ODD)
    assert torch.equal(contexts, torch.stack([parse_context(term, ODD) for term, _ in terms]))
    assert contexts.dtype == scales.dtype == torch.float32
    assert scales.tolist() == pytest.approx([scale for _, scale in terms])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hero + heroe", "'heroe': did you mean 'hero'"),
        ("0.4 foood - hero", "'foood': did you mean 'food'"),
        ("hero - 2 side_facing", "'side_facing': did you mean 'side-facing'"),
        ("hero+food", "unknown category 'hero\\+food'"),
        ("hero + ", "unknown category"),
        ("hero - - food", "unknown category"),
        ("hero + 2", "unknown category '2'"),
        ("0.4 hero=much", "expected a number"),
        ("hero - food=inf", "finite"),
        ("", "unknown category ''"),
    ],
)
def test_parse_composition_refuses(text, says):
    with pytest.raises(ValueError, match=says):
        parse_composition(text, ODD)


HARD = ("a,b", "a=1", "a", "a - b", " a ", "hero", "c", "hero + c", "it's", "'hero'", "2 a", "-x", "+", "uncond ")


@pytest.mark.parametrize("name", HARD)
def test_the_exact_name_comes_first(name):
    one = torch.tensor([float(other == name) for other in HARD])
    assert torch.equal(parse_context(name, HARD), one)
    contexts, scales = composition(name, HARD)
    assert torch.equal(contexts, one[None]) and scales.tolist() == [1]
    assert torch.equal(composition(f"0.5 {quoted_name(name)} - c", HARD)[0][0], one)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("'a,b'=0.7,hero=0.3", [({"a,b": 0.7, "hero": 0.3}, 1)]),
        ("'a - b' + 0.5 hero", [({"a - b": 1}, 1), ({"hero": 1}, 0.5)]),
        ("hero - 2*'hero + c'", [({"hero": 1}, 1), ({"hero + c": 1}, -2)]),
        ("hero + c + c", [({"hero": 1}, 1), ({"c": 1}, 1), ({"c": 1}, 1)]),
        ("' a ' + a", [({" a ": 1}, 1), ({"a": 1}, 1)]),
        ("a,b + hero", [({"a,b": 1}, 1), ({"hero": 1}, 1)]),
        ("a=1 - a=2", [({"a=1": 1}, 1), ({"a": 2}, -1)]),
        ("2 a + 2 hero", [({"2 a": 1}, 1), ({"hero": 1}, 2)]),
        ("it's=0.5,c=0.5 + 'it''s'", [({"it's": 0.5, "c": 0.5}, 1), ({"it's": 1}, 1)]),
        ("'hero' + 'c'", [({"hero": 1}, 1), ({"c": 1}, 1)]),
        ("'''hero''' + c", [({"'hero'": 1}, 1), ({"c": 1}, 1)]),
    ],
)
def test_names_in_quotes(text, terms):
    contexts, scales = composition(text, HARD)
    wanted = torch.tensor([[mixture.get(name, 0.0) for name in HARD] for mixture, _ in terms])
    assert torch.equal(contexts, wanted) and scales.tolist() == [scale for _, scale in terms]


@pytest.mark.parametrize(
    "text, words",
    [
        ("hero=70,c=30", "add up to 100; the model has seen 1, as in hero=0.7,c=0.3"),
        ("hero,a", "add up to 2; the model has seen 1, as in hero=0.5,a=0.5"),
        ("hero=0.7,c=0.3", ""),
        ("hero", ""),
    ],
)
def test_weights_that_training_has_not_seen_are_told(capsys, text, words):
    parse_context(text, ("hero", "a", "c"))
    told = capsys.readouterr().err
    assert words in told and bool(words) == bool(told)


def test_a_name_that_needs_quotes_is_told():
    for text in ("a,b=0.5,c", "0.5 a - b + d"):
        with pytest.raises(ValueError, match=r"write '(a,b|a - b)', in quotes"):
            parse_composition(text, ("a,b", "a - b", "c"))


NAME = st.text("ab2.,=+-*' \"cü", min_size=1, max_size=9).filter(lambda name: name.strip() and name != UNCOND)


@settings(max_examples=300, deadline=None)
@given(names=st.lists(NAME, min_size=2, max_size=5, unique=True))
def test_every_category_can_be_asked_for(names):
    one = torch.eye(len(names))
    for name, wanted in zip(names, one, strict=True):
        assert torch.equal(parse_context(name, names), wanted)
        assert torch.equal(composition(name, names)[0], wanted[None])
        if quoted_name(name) not in names:
            assert torch.equal(composition(quoted_name(name), names)[0], wanted[None])
    a, b = quoted_name(names[0]), quoted_name(names[1])
    assert torch.equal(parse_context(f"{a}=0.25,{b}=-2", names), 0.25 * one[0] - 2 * one[1])
    contexts, scales = composition(f"{a} - 0.5 {b} + 2*{a}=3,{b}", names)
    assert torch.equal(contexts, torch.stack([one[0], one[1], 3 * one[0] + one[1]]))
    assert scales.tolist() == [1, -0.5, 2]


def test_stacked_compositions_are_filled_up_with_terms_of_weight_zero():
    some = [parse_composition(text, NAMES) for text in ("hero", "food - 2 spell + 3 hero", "non_hero + food")]
    stacked = Condition.stack(some)
    assert stacked.contexts.shape == (3, 3, 4)
    assert stacked.scales.tolist() == [[1, 0, 0], [1, -2, 3], [1, 1, 0]]
    for i, alone in enumerate(some):
        M = alone.scales.shape[1]
        assert torch.equal(stacked.contexts[i : i + 1, :M], alone.contexts)
        assert torch.equal(stacked.scales[i : i + 1, :M], alone.scales) and not stacked.contexts[i, M:].any()
