"""Tags as context: what is asked for, what is hidden in training, and that what is missing has no part in anything."""

import copy
import dataclasses
import json
import math
import shutil

import numpy as np
import pytest
import torch
from conftest import SMALL, assert_one_line_error, command_module, run, tiny_sprites, write_npy
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ddpm.commands.shared.flags import parse_guidance
from ddpm.commands.shared.requests import asked, check_form, labels_of, named, parse_row
from ddpm.config import Config, DataConfig, DiffusionConfig, ModelConfig, OptimConfig
from ddpm.context.tags import facet_guidance, flags_of, mask_tags, parse_tags, quoted, spelled, vocabulary_of
from ddpm.data.loading import load_data
from ddpm.data.order import generator
from ddpm.diffusion.guidance import classifier_free
from ddpm.evaluation.tag_judge import Asked, Seen, TagJudge, entropies, entropy
from ddpm.runs.models import load_model, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.training.trainer import Trainer
from sprites.tags import load_tags

FACETS = {"kind": ("apple", "bread", "knight"), "holds": ("book", "full helm", "sword")}
VOCABULARY = {"category": ("hero", "food")} | FACETS
SPEC = ModelSpec(8, 3, ("hero", "food"), ModelConfig((16, 16), 1, (1,)), DiffusionConfig(), facets=FACETS)


def context(text):
    """The flags of tags, float32 [V]."""
    return sum(parse_tags(text, VOCABULARY).values(), torch.zeros(8))


def network(seed=0):
    """A network that takes tags, none of whose weights is zero."""
    torch.manual_seed(seed)
    model = SPEC.build().eval()
    for p in model.parameters():
        p.data += 0.1 * torch.randn_like(p)
    return model


def test_flags_are_those_of_the_table():
    tags = load_tags("sprites")
    facets = vocabulary_of(tags)
    flags = flags_of(tags, facets)
    places = [(f, v) for f, values in facets.items() for v in values]
    assert flags.shape == (len(tags), len(places))
    for i in range(0, len(tags), 997):
        row = {f: set(v.split("+")) for f, v in tags.row(i).items() if v}
        found = {}
        for place in flags[i].nonzero().flatten().tolist():
            found.setdefault(places[place][0], set()).add(places[place][1])
        assert found == row


def test_tags_are_read_in_any_order_and_with_several_values():
    assert context("").tolist() == [0] * 8
    assert context("kind=knight").tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
    assert context("holds='full helm+sword' category=hero").tolist() == [1, 0, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind=knigt", "no kind 'knigt' is known: did you mean kind=knight"),
        ("kind=xyz", "no kind 'xyz' is known: there are apple, bread, knight"),
        ("knd=knight", "no facet 'knd' is known: did you mean 'kind'"),
        ("knight", "tag 'knight': expected facet=value, as in kind=knight"),
        ("helmet", "tag 'helmet': expected facet=value, as in category=hero"),
        ("kind=apple kind=bread", "kind is given twice"),
        ("kind=knight,category=hero", "they stand apart by spaces, as in category="),
        ("kind=knight+holds=sword", "they stand apart by spaces, as in category="),
        ("kind=", "no kind ''"),
        ("kind='apple", "No closing quotation"),
    ],
)
def test_mistaken_tags_name_the_nearest(text, words):
    with pytest.raises(ValueError, match=words):
        parse_tags(text, VOCABULARY)


WORD = st.text("ab =,'\"\\\\ü+", min_size=1, max_size=6)
FACET, VALUE = WORD.filter(lambda s: "=" not in s), WORD.filter(lambda s: "+" not in s)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(FACET, st.lists(VALUE, min_size=1, max_size=3, unique=True).map(tuple), min_size=1, max_size=3))
def test_every_tag_can_be_asked_for(vocabulary):
    text = " ".join(quoted(facet, values[-1]) for facet, values in vocabulary.items())
    found = parse_tags(text, vocabulary)
    places = [(facet, value) for facet, values in vocabulary.items() for value in values]
    assert {facet: [p for p, flag in zip(places, flags, strict=True) if flag] for facet, flags in found.items()} == {
        facet: [(facet, values[-1])] for facet, values in vocabulary.items()
    }


def test_a_category_with_a_plus_in_its_name_is_a_tag_too():
    vocabulary = {"category": ("a+b", "a", "b"), "kind": ("x y",)}
    assert parse_tags("category=a+b", vocabulary)["category"].tolist() == [1, 0, 0, 0]
    assert parse_tags("category=b+a 'kind'='x y'", vocabulary)["category"].tolist() == [0, 1, 1, 0]


def test_a_facet_with_an_equals_sign_is_refused(tagged, tmp_path):
    path = shutil.copytree(tagged, tmp_path / "data") / "tags.csv"
    path.write_text(path.read_text().replace("kind", "kind=of", 1))
    with pytest.raises(ValueError, match=r"cannot hold an equals sign, got 'kind=of'; say 'kind_of'"):
        load_data(path.parent, DataConfig(tags=True))


def test_categories_whose_names_are_hard_to_say():
    names = ("a,b", "a=1", "hero + c", " d ", "kind")
    spec = dataclasses.replace(SPEC, categories=names)
    for categories in ((), names):
        said, condition = asked(spec, categories, (), {})
        assert (
            said == names and torch.equal(condition.contexts[:, 0], torch.eye(5, 11)) and (condition.scales == 1).all()
        )
    for i, name in enumerate(names):
        assert torch.equal(named(spec, name), torch.eye(5, 11)[i])
    assert named(spec, "'a=1'=0.5,' d '=0.25")[:5].tolist() == [0, 0.5, 0, 0.25, 0]
    assert named(spec, "holds=book")[:5].tolist() == [0] * 5


def test_every_tag_is_dropped_by_itself_and_all_of_them_together():
    N, rows = 40_000, torch.ones(40_000, 5)
    masked, kept = mask_tags(rows, 0, Config(keep_tag=0.9, few_tags=0.0, keep_context=0.8), generator(0))
    assert torch.equal(kept, masked.any(1).float()) and torch.equal(rows, torch.ones(N, 5))
    error = 4 * (0.25 / N) ** 0.5
    assert masked.mean(0).tolist() == pytest.approx([0.72] * 5, abs=error)
    whole = masked[masked.any(1)]
    pairs = (whole.T @ whole / len(whole)).fill_diagonal_(0.81)
    assert pairs.flatten().tolist() == pytest.approx([0.81] * 25, abs=2 * error)  # one by one, independent
    assert kept.mean().item() == pytest.approx(0.8, abs=error)


def test_few_tags_are_kept_and_one_alone_most_often():
    N, n = 40_000, 5
    rows = torch.cat([torch.ones(N, n), torch.zeros(N, 3)], 1)  # tags that a sprite does not have
    masked, kept = mask_tags(rows, 0, Config(few_tags=1.0, keep_context=1.0), generator(0))
    error = 4 * (0.25 / N) ** 0.5
    counts = masked.sum(1).long().bincount(minlength=n + 1) / N
    assert counts.tolist() == pytest.approx(
        [0, *(math.log(1 + 1 / k) / math.log(1 + n) for k in range(1, n + 1))], abs=error
    )
    for k in range(1, n):  # and every tag is as often among them
        assert masked[masked.sum(1) == k].mean(0).tolist() == pytest.approx([k / n] * n + [0] * 3, abs=4 * error)
    assert torch.equal(kept, masked.any(1).float()) and kept.all()
    half, _ = mask_tags(rows, 0, Config(keep_tag=1.0, few_tags=0.5, keep_context=1.0), generator(1))
    whole = (half.sum(1) == n).float().mean().item()
    assert whole == pytest.approx(0.5 + 0.5 * counts[n].item(), abs=2 * error)
    nothing, _ = mask_tags(torch.zeros(10, 4), 0, Config(few_tags=1.0, keep_context=1.0), generator(2))
    assert not nothing.any()


def test_what_is_rare_is_alone_as_often_as_what_is_not():
    N, w = 40_000, torch.tensor([1.0, 2.0, 5.0, 0.5])
    rows = torch.tensor([[1.0, 1, 1, 0], [0, 1, 1, 1]]).repeat_interleave(N, 0)
    masked, _ = mask_tags(rows, 0, Config(few_tags=1.0, keep_context=1.0), generator(0), w)
    plain, _ = mask_tags(rows, 0, Config(few_tags=1.0, keep_context=1.0), generator(0))
    assert torch.equal(masked.sum(1), plain.sum(1))  # how many are kept does not depend on it
    for row, found in zip(rows[::N], masked.split(N), strict=True):
        alone, pairs = found[found.sum(1) == 1], found[found.sum(1) == 2]
        p = row * w / (row * w).sum()  # that it is drawn first
        error = 4 * (0.25 / len(pairs)) ** 0.5
        assert alone.mean(0).tolist() == pytest.approx(p.tolist(), abs=error)
        second = [sum((p[j] * p[i] / (1 - p[j])).item() for j in range(4) if j != i) for i in range(4)]
        assert pairs.mean(0).tolist() == pytest.approx(
            [a + b for a, b in zip(p.tolist(), second, strict=True)], abs=error
        )


def test_the_rarity_of_a_value_is_that_among_the_values_of_its_facet(tagged):
    data = load_data(tagged, DataConfig(tags=True))
    shares, start = data.contexts(torch.arange(len(data.sprites))).mean(0), 0
    for values in data.vocabulary.values():
        these = slice(start, start := start + len(values))
        assert (shares[these] > 0).all() and (data.rarity[these] * shares[these]).tolist() == pytest.approx(
            [1 / len(values)] * len(values)
        )
    assert start == len(data.rarity)


def test_a_share_keep_their_category_alone_and_the_rest_are_as_before():
    N, rows = 40_000, torch.ones(40_000, 6)
    config = Config(keep_tag=1.0, few_tags=0.0, keep_context=1.0, category_alone=0.3)
    masked, _ = mask_tags(rows, 2, config, generator(0))
    alone = masked.sum(1) == 2
    assert (masked[alone] == torch.tensor([1.0, 1, 0, 0, 0, 0])).all() and (masked[~alone] == 1).all()
    assert alone.float().mean().item() == pytest.approx(0.3, abs=4 * (0.25 / N) ** 0.5)


def test_a_missing_tag_has_no_part_in_the_prediction_nor_a_gradient():
    model, g = network(), generator(1)
    x, t = torch.randn(3, 3, 8, 8, generator=g), torch.tensor([5, 500, 900])
    contexts = torch.stack([context("kind=knight"), context("category=hero kind=apple holds=sword+book"), context("")])
    out = model(x, t, contexts)
    out.sum().backward()
    missing = contexts.sum(0) == 0
    assert missing.sum() == 3
    for gradient in (model.embed_tag.weight.grad, model.embed_context.weight.grad.T):
        assert (gradient[missing] == 0).all() and (gradient[~missing] != 0).any(1).all()
    with torch.no_grad():
        model.embed_tag.weight[missing] = 1e30
        again = model(x, t, contexts)
        assert torch.equal(out, again)
        model.embed_tag.weight[:] = 7.0
        assert torch.equal(out[2], model(x, t, contexts)[2])  # nothing is asked for: no tag plays a part


def test_a_sample_does_not_depend_on_how_many_tags_the_others_have():
    model, g = network(), generator(2)
    x, t = torch.randn(2, 3, 8, 8, generator=g), torch.tensor([400, 400])
    few, many = context("kind=apple"), context("category=hero kind=apple holds=sword+book")
    alone = model(x[:1], t[:1], few[None])
    together = model(x, t, torch.stack([few, many]))[:1]
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def test_without_the_mask_open_facets_take_part_though_their_tokens_are_zeros():
    masked = network()
    plain = dataclasses.replace(SPEC, model=dataclasses.replace(SPEC.model, mask_tags=False)).build().eval()
    plain.load_state_dict(masked.state_dict())
    x, t = torch.randn(1, 3, 8, 8), torch.tensor([400])
    assert torch.equal(
        masked(x, t, context("category=hero kind=apple holds=book")[None]),
        plain(x, t, context("category=hero kind=apple holds=book")[None]),
    )
    assert not torch.allclose(
        masked(x, t, context("kind=apple")[None]), plain(x, t, context("kind=apple")[None]), atol=1e-3
    )


def test_a_facet_is_the_sum_of_its_values_each_with_its_weight():
    model = network()
    tokens, keep = model.tokens(torch.stack([context("holds=sword+book"), 0.5 * context("kind=apple")]))
    weight = model.embed_tag.weight
    torch.testing.assert_close(tokens[0], torch.stack([0 * weight[0], 0 * weight[0], weight[5] + weight[7]]))
    torch.testing.assert_close(tokens[1, 1], 0.5 * weight[2])
    assert keep.tolist() == [[False, False, True], [False, True, False]]


def test_the_first_step_is_that_of_a_network_without_tags_at_the_start():
    torch.manual_seed(0)
    model = SPEC.build().eval()
    for block in (*model.down, model.middle, *model.up):
        for name, p in block.named_parameters():
            if "conv2" in name or name.endswith("out.weight"):
                p.data += 0 if "2.out" in name else 0.1
    x, t = torch.randn(1, 3, 8, 8), torch.tensor([400])
    model.embed_context.weight.data.zero_()
    assert torch.equal(model(x, t, context("kind=apple")[None]), model(x, t, context("")[None]))


# Guidance per facet


def linear_denoiser(seed=3):
    """A denoiser whose answer is any function of the context, and the contexts that it is asked for."""
    asked, g = [], generator(seed)
    weights, square = torch.randn(8, generator=g).double(), torch.randn(8, 8, generator=g).double()

    def denoise(x, t, contexts):
        asked.extend(tuple(row) for row in contexts.int().tolist())
        value = contexts.double() @ weights + torch.einsum("bi,ij,bj->b", contexts.double(), square, contexts.double())
        return value[:, None, None, None].expand(x.shape)

    return denoise, asked


def guided(text, scales, scale=1.0):
    """The answer of guidance per facet, and the different contexts it asked for."""
    denoise, asked = linear_denoiser()
    condition = parse_row(text, VOCABULARY, scales)
    x = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    denoiser = classifier_free(denoise, condition, scale)
    return denoiser(x, torch.tensor([1]))[0, 0, 0, 0].item(), set(asked)


def answer(text):
    return linear_denoiser()[0](torch.zeros(1, 1, 1, 1), None, context(text)[None])[0, 0, 0, 0].item()


def test_facets_join_one_after_the_other_each_with_its_scale():
    out, asked = guided("kind=knight holds=sword category=hero", {"holds": 3.0, "kind": 1.5})
    steps = [answer(""), answer("holds=sword"), answer("holds=sword kind=knight")]
    steps.append(answer("holds=sword kind=knight category=hero"))
    by_hand = steps[0] + 3 * (steps[1] - steps[0]) + 1.5 * (steps[2] - steps[1]) + (steps[3] - steps[2])
    assert out == pytest.approx(by_hand, rel=1e-6)
    assert len(asked) == 4


def test_facets_of_scale_0_ask_for_nothing():
    out, asked = guided("kind=knight holds=sword", {"holds": 0.0, "kind": 0.0})
    assert out == pytest.approx(answer(""), rel=1e-6) and len(asked) == 1


def test_equal_scales_are_plain_guidance_in_two_calls():
    out, asked = guided("kind=knight holds=sword", {"holds": 2.5, "kind": 2.5})
    whole, none = answer("kind=knight holds=sword"), answer("")
    assert out == pytest.approx(none + 2.5 * (whole - none), rel=1e-6)
    assert len(asked) == 2
    assert guided("kind=knight holds=sword", {}, scale=2.5)[0] == pytest.approx(out, rel=1e-6)


def test_a_facet_without_its_tag_cannot_be_guided():
    with pytest.raises(ValueError, match="holds=2 is for a facet that --tags does not ask for"):
        facet_guidance(parse_tags("kind=knight", VOCABULARY), {"holds": 2.0})


def test_guidance_is_read_as_numbers_or_by_facet():
    assert parse_guidance(("0", "1.5")) == ((0.0, 1.5), {})
    assert parse_guidance(("colour=3", "kind=1.5")) == ((1.0,), {"colour": 3.0, "kind": 1.5})
    for words in ((), ("1", "kind=2"), ("kind=2", "kind=3"), ("kind=x",), ("nan",), ("1", "1.0"), ("kind=inf",)):
        with pytest.raises(ValueError, match="--guidance"):
            parse_guidance(words)


# Real runs


def test_tags_go_to_their_sprites_in_any_order_of_labels_and_categories(tmp_path):
    images, labels = tiny_sprites(40, 8, 3)
    folder = write_npy(tmp_path / "data", images, labels)  # labels 0, 1, 0, 1, ...
    names = json.loads((folder / "categories.json").read_text())
    rows = [f"{name},{i},{name}ish,{i}" for i in reversed(range(20)) for name in reversed(names)]
    (folder / "tags.csv").write_text("category,index,kind,number\n" + "\n".join(rows) + "\n")
    data = load_data(folder, DataConfig(tags=True))
    labels, seen = data.sprites.labels, [0, 0]
    for i, label in enumerate(labels):
        tags = {f"kind={names[label]}ish", f"number={seen[label]}"}
        seen[label] += 1
        places = [f"{facet}={v}" for facet, values in data.facets.items() for v in values]
        assert {places[p] for p in data.flags[i].nonzero().flatten()} == tags
    (folder / "tags.csv").write_text("category,index,kind,number\n" + "\n".join(rows[1:]) + "\n")
    with pytest.raises(ValueError, match=r"tags.csv has \d+ rows for \w+, which has 20 sprites"):
        load_data(folder, DataConfig(tags=True))
    (folder / "tags.csv").write_text("category,index\n" + "\n".join(",".join(r.split(",")[:2]) for r in rows) + "\n")
    with pytest.raises(ValueError, match="no column with a value"):
        load_data(folder, DataConfig(tags=True))


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """A folder of sprites with tags: kind is the category said otherwise, side is left or right of half of them."""
    folder = write_npy(tmp_path_factory.mktemp("tagged") / "data", *tiny_sprites(40, 8, 3))
    rows = [f"{name},{i},{name}ish,{'' if i % 2 else 'left'}" for name in ("square", "bar") for i in range(20)]
    labels = np.load(folder / "labels.npy").argsort(kind="stable")
    np.save(folder / "sprites.npy", np.load(folder / "sprites.npy")[labels])
    np.save(folder / "labels.npy", np.load(folder / "labels.npy")[labels])
    (folder / "tags.csv").write_text("category,index,kind,side\n" + "\n".join(rows) + "\n")
    return folder


def test_training_sees_the_tags_that_its_sprites_have(tagged, tmp_path):
    data = load_data(tagged, DataConfig(tags=True))
    assert data.facets == {"kind": ("barish", "squareish"), "side": ("left",)}
    config = Config(out=tmp_path, tags=True, keep_tag=1.0, few_tags=0.0, keep_context=1.0, optim=OptimConfig(batch=8))
    trainer = Trainer(config, data, torch.device("cpu"))
    batch, groups = trainer.batches(1)
    contexts = batch.context
    assert torch.equal(contexts[:, :2].argmax(1), groups["loss_by_category"])
    assert torch.equal(contexts[:, 0], contexts[:, 3]) and torch.equal(contexts[:, 1], contexts[:, 2])
    with pytest.raises(ValueError, match="no tag says right"):
        load_data(tagged, DataConfig(tags=True, mirror=("*",)))


BAR = "category=bar kind=barish"


def test_a_run_with_tags_from_training_to_sprites(tagged, tmp_path, monkeypatch, capfd):
    (tmp_path / "c.toml").write_text('tags = true\nhold_out = ["kind=barish side=left"]')
    args = ["--log.evaluate", 0, "--log.snapshot", 4, "--diffusion.timesteps", 50, *SMALL]
    args = ["train", tmp_path / "c.toml", "--data", tagged, "--steps", 4, *args, "--out", tmp_path / "run"]
    result = run(*args)
    assert result.returncode == 0, result.stderr
    assert "tags" in result.stdout

    model, spec = load_model(tmp_path / "run")
    assert spec.vocabulary == {"category": ("square", "bar"), "kind": ("barish", "squareish"), "side": ("left",)}
    save_model(tmp_path / "again.safetensors", model, spec, 4)
    assert load_model(tmp_path / "again.safetensors")[1] == spec

    sample = ["sample", tmp_path / "run", "--count", 2, "--steps", 2, "--out", tmp_path / "g.png"]
    listed = run("sample", tmp_path / "run", "--list-tags")
    assert listed.stdout == "category: square, bar\nkind: barish, squareish\nside: left\n", listed.stderr
    for count, told, *more in (
        (
            2,
            ["kind=barish side=left"],
            "--tags",
            "kind=barish side=left",
            "--guidance",
            "side=3",
            "kind=1.5",
            "--not",
            "category=square",
        ),
        (8, [BAR, ""], "--categories", "bar", "square + 0.5 bar", "--guidance", "0", "2", "--negative", "square"),
        (2, [BAR], "--tags", "kind=barish", "--guidance", "2"),
        (2, ["kind=barish"], "--tags", "kind=barish", "--guidance", "2", "--no-complete"),
    ):
        result = run(*sample, *more, "--npz", tmp_path / "s.npz", "--overwrite")
        assert result.returncode == 0, result.stderr
        with np.load(tmp_path / "s.npz") as f:
            assert len(f["sprites"]) == len(f["tags"]) == count
            for row, s, tags in zip(f["row"], f["guidance"], f["tags"], strict=True):
                assert tags == (told[row] if s > 0 else ""), (more, s)
    args = [tmp_path / "run", "--data", tagged, "--guidance", 1, "--count", 4, "--epochs", 1]
    with monkeypatch.context() as patch:  # a judge that is trained for seconds
        patch.setattr("ddpm.evaluation.classifier.STEPS_MIN", 20)
        patch.setattr("sys.argv", ["facets.py", *map(str, args)])
        assert command_module("facets").main() == 0
    folder, told = tmp_path / "run" / "facets", capfd.readouterr().out
    assert (folder / "facets.md").read_text() == told
    names = [line.split("|")[1].strip() for line in told.splitlines() if line]
    names = [name for name in names if name.strip("-")]
    assert names[:4] == ["real", "held-out", "training", "s = 1"]
    assert names[4:11] == ["category", "kind", "side", "all", "one missing", "half missing", "none"]
    assert names[11:] == ["never seen together", "kind=barish side=left", "their mean", "seen together"]
    for name in ("curves", "grid"):
        assert Image.open(folder / f"{name}.png").size > (100, 100)
    assert set(json.loads((folder / "facets.json").read_text())) >= {"guidance", "facets", "never_seen_together"}
    assert list((folder / "tb").iterdir())

    assert_one_line_error(run("facets", *args, "--out", tmp_path / "run", fresh=True), "is a training run")


@pytest.mark.parametrize(
    ("categories", "rows", "scales", "words"),
    [
        ((), ("kind=apple",), {"holds": 2.0}, "does not ask for"),
        (("hero",), (), {"holds": 2.0}, "goes with --tags"),
        (("hero",), ("kind=apple",), {}, "not both"),
        ((), ("kind=appel",), {}, "did you mean kind=apple"),
    ],
)
def test_what_cannot_be_asked_for(categories, rows, scales, words):
    with pytest.raises(ValueError, match=words):
        asked(SPEC, categories, rows, scales)


def test_what_is_asked_for():
    plain = dataclasses.replace(SPEC, facets={})
    names, condition = asked(plain, (), (), {})
    assert names == ("hero", "food") and torch.equal(condition.contexts[:, 0], torch.eye(2))
    assert condition.scales.tolist() == [[1], [1]]
    with pytest.raises(ValueError, match="takes no tags"):
        asked(plain, (), ("kind=apple",), {})
    _, condition = asked(SPEC, ("food", "hero + 0.5 food"), (), {})
    assert torch.equal(condition.contexts[0, 0], context("category=food"))
    assert condition.scales.tolist() == [[1, 0], [1, 0.5]]
    assert labels_of(SPEC, condition).tolist() == [1, 0]
    _, condition = asked(SPEC, (), ("kind=apple holds=book", ""), {})
    assert torch.equal(condition.contexts[0, 0], context("kind=apple holds=book"))
    assert not condition.contexts[1].any()
    assert labels_of(SPEC, condition).tolist() == [-1, -1]
    assert torch.equal(named(SPEC, "holds=book"), context("holds=book"))


def test_rows_that_may_be_meant_as_one_are_told(capsys):
    for rows in (("kind=apple",), ("kind=apple holds=book",), ("kind=apple", "kind=bread"), ("kind=apple", "")):
        asked(SPEC, (), rows, {})
    assert not capsys.readouterr().err
    asked(SPEC, (), ("kind=apple", "holds=book"), {})
    assert 'quote them together: "kind=apple holds=book"' in capsys.readouterr().err
    assert torch.equal(
        named(SPEC, "hero=0.5,food=0.5"), 0.5 * context("category=hero") + 0.5 * context("category=food")
    )
    with pytest.raises(ValueError, match="no holds 'bok'"):
        named(SPEC, "holds=bok")
    assert not named(SPEC, "uncond").any()
    with pytest.raises(ValueError, match="did you mean 'hero'"):
        named(SPEC, "heroo")


def test_a_form_that_acts_on_one_scale_takes_none_of_each_facet():
    check_form("apg+rescale", {})
    check_form("cfg+threshold", {"kind": 2.0})
    with pytest.raises(ValueError, match="--form apg needs one guidance scale for all facets"):
        check_form("apg", {"kind": 2.0, "holds": 1.0})


def test_tags_without_attention_are_refused():
    with pytest.raises(ValueError, match="tags need attention at one of the levels 0 to 1, got"):
        dataclasses.replace(SPEC, model=ModelConfig((16, 16), 1, (2,))).build()


def quick_judge(data, hold_out=()):
    """A judge that is trained for seconds, which is enough for squares and bars."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ddpm.evaluation.classifier.STEPS_MIN", 80)
        return TagJudge(data, hold_out, epochs=1)


@pytest.fixture(scope="module")
def judge(tagged):
    return quick_judge(load_data(tagged, DataConfig(tags=True, val_fraction=0.2)))


def test_what_is_shown_and_what_varies(judge):
    data = judge.data
    x, contexts = data.batch(data.train)[0], data.contexts(data.train)
    seen = judge(x)
    right = judge.right(seen, contexts, contexts)
    assert right["category"].mean() > 0.9 and right["kind"].mean() > 0.9
    assert torch.equal(right["side"].isnan(), ~data.flags[data.train][:, 2])  # those that have none
    others = contexts[:, [1, 0, 3, 2, 4]]  # asked for what they are not
    assert judge.right(seen, others, others)["kind"].mean() < 0.1
    answer = judge.answer(Asked("training", contexts, torch.from_numpy(data.train), whole=True), x)
    assert answer.frechet == pytest.approx(0, abs=1e-3) and answer.variety == {}
    assert answer.together <= min(answer.accuracy.values())
    assert answer.error == pytest.approx(math.sqrt(answer.together * (1 - answer.together) / (len(x) - 1)), rel=1e-4)
    with pytest.raises(ValueError, match="not finite"):
        judge.answer(Asked("training", contexts, torch.from_numpy(data.train)), x * math.nan)


def test_sprites_asked_for_the_same_count_as_one(judge):
    """Their error is that of one each, not that of twice as many."""
    data = judge.data
    rows = torch.from_numpy(data.train[:20])
    x, contexts = data.batch(rows)[0], data.contexts(rows)
    contexts[:5] = contexts[:5, [1, 0, 3, 2, 4]]  # so that five are wrong
    one = judge.answer(Asked("one", contexts, rows), x)
    pairs = Asked("two", contexts.repeat_interleave(2, 0), rows.repeat_interleave(2), group=2)
    two = judge.answer(pairs, x.repeat_interleave(2, 0))
    assert 0 < one.together < 1 and one.together == two.together and one.error == pytest.approx(two.error)
    assert judge.answer(Asked("all", contexts, rows, group=20), x).error is None


def seen_as(**values):
    """What a judge sees, from the value of each sprite in each facet."""
    return Seen({f: torch.eye(8)[torch.tensor(v)] for f, v in values.items()}, torch.zeros(1, 128))


def test_variety_is_that_among_sprites_asked_for_the_same():
    seen = seen_as(kind=[0] * 4 + [1] * 4, colour=[1, 1, 2, 2, 3, 3, 4, 4], same=[5] * 8)
    log2 = math.log(2)
    assert entropies(seen, ["kind", "colour", "same"], 4) == pytest.approx({"kind": 0, "colour": log2, "same": 0})
    assert entropies(seen, ["kind", "colour"], 8) == pytest.approx({"kind": log2, "colour": 2 * log2})


def test_variety_of_real_sprites_is_one_and_of_copies_none(judge):
    (question,) = (asked for asked in judge.questions(50, 0) if asked.name == "side")
    real, _ = judge.data.batch(question.like)
    answer = judge.answer(question, real)
    assert answer.variety == pytest.approx({"category": 1, "kind": 1}) and answer.variety_together == pytest.approx(1)
    assert set(answer.accuracy) == {"side"} and answer.frechet is None
    assert answer == judge.real(question)
    answer = judge.answer(question, real[:1].expand_as(real))
    assert answer.variety == {"category": 0, "kind": 0} and answer.variety_together == 0


def test_several_values_are_right_as_far_as_they_are_the_likeliest(judge):
    judge = copy.copy(judge)
    judge.columns = {"kind": slice(0, 2), "holds": slice(2, 6)}
    logits = {"kind": torch.tensor([[9.0, 1, 0]] * 2), "holds": torch.tensor([[0.0, 1, 3, 2, -1]] * 2)}
    asked = torch.tensor([[1.0, 0, 1, 0, 1, 0], [0, 0, 0, 1, 1, 0]])
    right = judge.right(Seen(logits, torch.zeros(2, 128)), asked, asked)
    assert right["kind"].tolist()[0] == 0 and right["kind"].isnan().tolist() == [False, True]  # none is seen
    assert right["holds"].tolist() == [0.5, 1]
    one = torch.tensor([[0.0, 0, 0, 0, 1, 0]] * 2)  # of the several that such sprites have
    assert judge.right(Seen(logits, torch.zeros(2, 128)), one, one)["holds"].tolist() == [0, 0]
    assert judge.right(Seen(logits, torch.zeros(2, 128)), one, asked)["holds"].tolist() == [1, 1]


def test_questions_are_what_training_sprites_have(judge):
    data = judge.data
    by_name = {question.name: question for question in judge.questions(50, 0)}
    whole = {name: data.contexts(question.like) for name, question in by_name.items()}
    for name, question in by_name.items():
        assert np.isin(question.like.numpy(), data.train).all()
        assert (question.contexts <= whole[name]).all()
        assert question.whole == (name not in judge.columns)
    for facet, columns in judge.columns.items():
        contexts, groups = by_name[facet].contexts, by_name[facet].like.split(10)
        assert torch.equal(contexts[:, columns].sum(1), torch.ones(50)) and torch.equal(contexts.sum(1), torch.ones(50))
        assert (contexts.unflatten(0, (5, 10)) == contexts[::10, None]).all() and by_name[facet].group == 10
        assert all(
            len(group.unique()) == min(10, int((data.contexts(data.train) >= context).all(1).sum()))
            for group, context in zip(groups, contexts[::10], strict=True)
        )
    assert torch.equal(by_name["all"].contexts, whole["all"]) and not by_name["none"].contexts.any()
    n = whole["all"].sum(1)
    assert torch.equal(by_name["one missing"].contexts.sum(1), n - 1)
    assert torch.equal(by_name["half missing"].contexts.sum(1), n - n // 2)


def test_pairs_are_asked_for_beside_others_of_the_same_facets(tagged):
    text = "kind=barish side=left"
    judge = quick_judge(load_data(tagged, DataConfig(tags=True)), (text,))
    pair, control = judge.pairs([text], 30, 0)
    assert (pair.contexts == pair.contexts[0]).all() and pair.contexts[0].nonzero().flatten().tolist() == [2, 4]
    assert (control.contexts == torch.tensor([0.0, 0, 0, 1, 1])).all()  # of those with a side, only squares were seen
    assert (judge.data.contexts(control.like) >= control.contexts).all()
    never = [asked for asked in judge.questions(30, 0) if (asked.contexts[:, [2, 4]] > 0).all(1).any()]
    assert not never


def test_tags_that_are_held_out_together_are_not_trained_on(tagged):
    whole = load_data(tagged, DataConfig(tags=True))
    data = load_data(tagged, DataConfig(tags=True, hold_out=("kind=barish side=left",)))
    both = data.flags[:, [0, 2]].all(1)
    assert both.sum() == 10 and not both[data.train].any() and np.array_equal(data.val, whole.val)
    kept = ~np.isin(whole.hashes[whole.train], whole.hashes[both])  # copies of them are left out too
    assert np.array_equal(data.train, whole.train[kept])
    assert f"{40 - len(data.train) - len(data.val)} more by their tags" in data.describe()
    for text, words in (
        ("kind=barisch", "hold_out: .* did you mean kind=barish"),
        ("category=square kind=barish", "hold_out: no sprite has the tags"),
    ):
        with pytest.raises(ValueError, match=words):
            load_data(tagged, DataConfig(tags=True, hold_out=(text,)))
    with pytest.raises(ValueError, match="hold_out names tags, which are learnt with --tags only"):
        load_data(tagged, DataConfig(hold_out=("kind=barish",)))
    with pytest.raises(ValueError, match="no sprite is left"):
        load_data(tagged, DataConfig(tags=True, hold_out=("kind=barish", "kind=squareish")))


def test_entropy_by_hand():
    assert entropy(torch.tensor([3, 3, 3])) == 0
    assert entropy(torch.arange(8)) == pytest.approx(math.log(8))
    assert entropy(torch.tensor([0, 0, 0, 1])) == pytest.approx(0.75 * math.log(4 / 3) + 0.25 * math.log(4))


def test_tags_that_are_not_there(npy_folder, tmp_path):
    with pytest.raises(ValueError, match=r"no tags.csv"):
        load_data(npy_folder, DataConfig(tags=True))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), min_size=8, max_size=8))
def test_tags_are_spelled_as_they_are_read(flags):
    row = torch.tensor(flags).float()
    row[:2] *= torch.tensor([1.0, 0.0])  # one category at most
    text = spelled(row, VOCABULARY)
    assert torch.equal(context(text), row)
