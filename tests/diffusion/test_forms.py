"""Forms of guidance by name: what is read, what is refused, and what is built."""

import re

import pytest
import torch

from ddpm.context.condition import Condition
from ddpm.diffusion.forms import FORMS, build, parse_form
from ddpm.diffusion.guidance import adaptive_projected, autoguidance, classifier_free, clip, dynamic_threshold, rescaled
from ddpm.diffusion.guidance import limited_interval as interval
from ddpm.diffusion.schedule import make_schedule

B, K, SHAPE = 4, 3, (3, 2, 5)
SCHEDULE = make_schedule("cosine", 20, zero_terminal=True)
ALL = "auto + interval=0.2:inf + apg=0.5:2:0.3 + rescale=0.4 + threshold=0.9"


def strong(x, t, context):
    return torch.sin(3 * x) * (1 + context.sum(1).view(-1, 1, 1, 1)) + t.view(-1, 1, 1, 1) / 20


def weak(x, t, context):
    return strong(x, t, context) / 2 - 0.3


def draw() -> tuple[torch.Tensor, Condition]:
    g = torch.Generator().manual_seed(0)
    return torch.randn(5, B, *SHAPE, generator=g), Condition.of(torch.rand(B, K, generator=g))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        *[(name, [name]) for name in FORMS],
        ("interval=0:inf", ["interval"]),
        ("apg=1:inf:0", ["apg"]),
        ("apg=-1:.5:-0.9", ["apg"]),
        (" auto + rescale = 1 ", ["auto", "rescale"]),
        ("auto+interval=0.1:2e0+threshold=1", ["auto", "interval", "threshold"]),
    ],
)
def test_parse_form(text, names):
    assert list(parse_form(text)) == names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("intervall", "'intervall' in 'intervall': did you mean 'interval'? Known are cfg, auto, "),
        ("cfg+rescal=0.5", "'rescal' in 'cfg+rescal=0.5': did you mean 'rescale'?"),
        ("zzz", "'zzz' in 'zzz': Known are cfg, auto, interval, apg, rescale, threshold"),
        ("", "unknown form of guidance ''"),
        ("cfg+", "unknown form of guidance ''"),
        ("apg+apg=0:1:0", "'apg' is given twice"),
        ("cfg=3", "'cfg=3' as a form of guidance: expected cfg"),
        ("auto=", "'auto=' as a form of guidance: expected auto"),
        *[
            (text, f"{text!r} as a form of guidance: expected numbers as in {usual}")
            for usual, texts in {
                "interval=0.3:5": "interval= interval=1 interval=1:2:3 interval=5:0.3 interval=1:1 interval=-1:1 "
                "interval=nan:1 interval=a:b interval=0.3,5 interval=inf:inf",
                "apg=0:0.1:-0.5": "apg=0 apg=0:0:0 apg=0:-1:0 apg=0:1:1 apg=0:1:-1 apg=nan:1:0 apg=inf:1:0 apg=0:nan:0",
                "rescale=0.7": "rescale=1.1 rescale=-0.1 rescale=nan rescale=much rescale=0:1",
                "threshold=0.995": "threshold=0 threshold=1.5 threshold=nan threshold=",
            }.items()
            for text in texts.split()
        ],
    ],
)
def test_parse_form_refuses(text, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_form(text)


@pytest.mark.parametrize(
    ("text", "by_hand"),
    [
        ("cfg", lambda c, s: clip(classifier_free(strong, c, s))),
        ("auto", lambda c, s: clip(autoguidance(strong, weak, c, s))),
        ("interval", lambda c, s: clip(classifier_free(strong, c, interval(s, SCHEDULE, 0.3, 5.0)))),
        ("apg", lambda c, s: clip(classifier_free(strong, c, s, mix=adaptive_projected(0.0, 0.1, -0.5)))),
        ("threshold=0.8", lambda c, s: dynamic_threshold(classifier_free(strong, c, s), 0.8)),
        (
            ALL,
            lambda c, s: dynamic_threshold(
                autoguidance(
                    strong,
                    weak,
                    c,
                    interval(s, SCHEDULE, 0.2, float("inf")),
                    mix=rescaled(adaptive_projected(0.5, 2.0, 0.3), 0.4),
                ),
                0.9,
            ),
        ),
    ],
)
def test_build_is_what_one_would_put_together(text, by_hand):
    xs, context = draw()
    scale = torch.tensor([0.0, 1.0, 3.0, 8.0])
    built = build(parse_form(text), strong, context, scale, SCHEDULE, weak=weak)
    plain = build(parse_form("cfg"), strong, context, scale, SCHEDULE)
    wanted, differs = by_hand(context, scale), False
    for x, step in zip(xs, (19, 14, 9, 4, 0), strict=True):
        t = torch.full((B,), step)
        out = built(x, t)
        assert torch.equal(out, wanted(x, t)) and out.abs().max() <= 1
        differs |= not torch.equal(out, plain(x, t))
    assert differs == (text != "cfg")


def test_build_hands_on_the_whole_condition_and_on_gap():
    xs, condition = draw()
    t, told, context = torch.full((B,), 9), [], condition.contexts[:, 0]
    both = Condition(torch.stack([context, context.flip(0)], 1), torch.tensor([[0.2, 0.5]]).expand(B, 2))
    asked = both.away_from(-context[0])
    built = build(parse_form("cfg"), strong, asked, 2.0, SCHEDULE, on_gap=lambda *a: told.append(a))
    wanted = clip(classifier_free(strong, asked, 2.0))
    assert torch.equal(built(xs[0], t), wanted(xs[0], t)) and len(told) == 1
    auto = build(parse_form("auto"), strong, both, 2.0, SCHEDULE, weak=weak)
    assert torch.equal(auto(xs[0], t), clip(autoguidance(strong, weak, both, 2.0))(xs[0], t))


def test_each_run_of_apg_starts_anew():
    xs, context = draw()
    form, t = parse_form("apg"), torch.full((B,), 9)
    first, again = (build(form, strong, context, 4.0, SCHEDULE) for _ in range(2))
    assert torch.equal(first(xs[0], t), build(form, strong, context, 4.0, SCHEDULE)(xs[0], t))
    assert not torch.equal(first(xs[1], t), again(xs[1], t))


def test_auto_needs_a_weak_network_and_takes_no_negative():
    condition = draw()[1]
    with pytest.raises(ValueError, match="needs a weak network"):
        build(parse_form("auto+apg"), strong, condition, 2.0, SCHEDULE)
    with pytest.raises(ValueError, match="takes no negative context"):
        build(parse_form("auto+apg"), strong, condition.away_from(torch.zeros(K)), 2.0, SCHEDULE, weak=weak)
