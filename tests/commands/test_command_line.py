"""A mistake on a command line: one line that says what to write instead, before anything is loaded."""

import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, command_module
from hypothesis import given, settings
from hypothesis import strategies as st

from ddpm.commands.shared.parsing import flags_of
from ddpm.config import DiffusionConfig, ModelConfig
from ddpm.runs.models import save_model
from ddpm.runs.spec import ModelSpec

SCRIPTS = {path.stem: path for path in sorted((ROOT / "scripts").glob("*.py"))}
CHOICES = "auto, dpmpp_2m, dpmpp_2m_sde, heun, ddim, ddpm"


MODULES = {name: command_module(name) for name in SCRIPTS}


def say(monkeypatch, capsys, name, *words):
    """Exit code and standard error of a command, run in this process."""
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, words)])
    code = MODULES[name].main()
    return code, capsys.readouterr().err


SAME = "of which would be labelled 1; give one"
KIND = "--guidance kind=two: expected a number for each facet, or numbers for all"
ATTENTION = (
    "model.attention names level 5, but the levels are 0 to 2, one for each of model.widths; name other levels, "
    "or none (attention = [] in the config, or --model.attention with nothing after it)"
)
DEMO = str(ROOT / "configs" / "demo.toml")


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("train", "--stpes 3", "unknown flag --stpes; did you mean --steps?"),
        ("train", "DEMO --stpes=3", "unknown flag --stpes; did you mean --steps?"),
        ("train", "DEMO --optim.lrr 3", "unknown flag --optim.lrr; did you mean --optim.lr?"),
        ("train", "DEMO --lr 3", "unknown flag --lr; did you mean --optim.lr?"),
        ("train", "DEMO --qqqqqqqq", "unknown flag --qqqqqqqq; see --help"),
        ("train", "DEMO -q", "unknown flag -q; a value that begins with a dash is written --flag=-q"),
        ("train", "--config DEMO", "unknown flag --config: CONFIG is the first word, without a flag"),
        ("train", "DEMO --steps abc", "--steps abc: expected a whole number"),
        ("train", "DEMO --steps 1.5", "--steps 1.5: expected a whole number"),
        ("train", "DEMO --steps=", "--steps '': expected a whole number"),
        ("train", "DEMO --steps", "--steps needs a whole number, got nothing"),
        ("train", "DEMO --steps --seed 1", "--steps needs a whole number, got nothing"),
        ("train", "DEMO --out -x", "--out needs a path, got nothing; what begins with a dash is written --out=-x"),
        ("train", "DEMO --model.widths 16 x", "--model.widths x: expected a whole number"),
        ("train", "DEMO --device cdua", "--device cdua: expected one of auto, cpu, cuda; did you mean cuda?"),
        ("train", "DEMO --size huge", "--size huge: expected a whole number"),
        ("train", "DEMO --resume true", "'true' is one word too many: --resume takes no value"),
        ("train", "DEMO --tags=true", "'true' is one word too many: --tags takes no value"),
        ("train", "DEMO --steps 3 4", "'4' is one word too many: --steps takes one value"),
        ("train", "", "CONFIG is missing: expected a path as the first word"),
        ("distill", "", "MODEL is missing: expected a path as the first word"),
        ("sample", "x y", "'y' is one word too many"),
        ("sample", "x -- y", "Unrecognized options: y"),
        ("sample", "x --sampler foo", f"--sampler foo: expected one of {CHOICES}"),
        ("sample", "x --no-list-tags", "unknown flag --no-list-tags; did you mean --list-tags?"),
        ("distill", "x --guidance=0 1 2", "'2' is one word too many: --guidance takes 2 values"),
        ("sweep", "x --data y --gird middle", "unknown flag --gird; did you mean --grid?"),
        ("compare", "a b", "--data is missing: expected a path"),
        ("facets", "a --data b --guidance 1 two", "--guidance two: expected a number"),
        ("distill", "x --guidance 1", "--guidance needs 2 values, each a number, got 1"),
        ("distill", "x --guidance 1 2 3", "'3' is one word too many: --guidance takes 2 values"),
        ("bench_gpu", "--guidance x", "--guidance x: expected a number"),
        ("train", "DEMO --model.attention 5", ATTENTION),
        (
            "train",
            "DEMO --out pyproject.toml/run",
            "--out pyproject.toml/run: FOLDER/pyproject.toml is a file; name a folder",
        ),
        ("sample", "x --guidance 1 1.0000001", f"--guidance has 1.0 and 1.0000001, both {SAME}"),
        ("sample", "x --guidance 2 2.0", "--guidance has 2 twice; give different scales"),
        ("sweep", "x --data y --guidance 1 1.0000001", f"--guidance has 1.0 and 1.0000001, both {SAME}"),
        ("sample", "x --guidance 1 two", "--guidance 1 two: expected numbers"),
        ("sample", "x --guidance kind=two", KIND),
        ("sample", "x --guidance", "--guidance needs one or more finite numbers, got none"),
        ("make_sprites", "--conut 8", "unknown flag --conut; did you mean --count?"),
        ("make_sprites", "--count x", "--count x: expected a whole number"),
        ("make_sprites", "--size 17", "--size 17: expected one of 16, 32"),
        ("make_sprites", "--npy x --check", "--check: not allowed with argument --npy"),
        ("make_sprites", "more", "'more' is one word too many"),
        ("prepare", "", "SOURCES is missing: expected a path as the first word"),
        ("prepare", "sprites", "--out is missing: expected a folder to make, or --dry-run"),
        ("prepare", "x --out y --fit bxo", "--fit bxo: expected one of pad, crop, nearest, box; did you mean box?"),
        ("prepare", "x --out y --by tags", "--by tags: expected one of folder, tag, slice, file; did you mean tag?"),
        ("prepare", "x --out y --size 4", "--size 4: expected 8 to 128"),
        ("prepare", "x --out y --margin 1", "--margin and --spacing go with --tile"),
        (
            "prepare",
            "x --out y --tile 16by24",
            "--tile 16by24: expected a side in pixels, or width x height, as in 16 or 16x24",
        ),
        (
            "prepare",
            "x --out y --clear pink",
            "--clear pink: expected a colour of six hexadecimal digits, as in ff00ff",
        ),
    ],
)
def test_mistakes_are_one_line(monkeypatch, capsys, name, words, said):
    words = [DEMO if word == "DEMO" else word for word in words.split()]
    monkeypatch.chdir(ROOT)
    said = said.replace("FOLDER", str(ROOT))
    assert say(monkeypatch, capsys, name, *words) == (2, f"error: {said}\n")


@pytest.mark.parametrize(
    ("name", "words"), [("sample", [""]), ("sample", ["x", "--out", ""]), ("train", [DEMO, "--out="])]
)
def test_an_empty_path_is_not_the_current_folder(monkeypatch, capsys, name, words):
    code, err = say(monkeypatch, capsys, name, *words)
    assert code == 2 and err.count("\n") == 1 and "the path is empty; name a folder or a file" in err


@pytest.mark.parametrize(
    "name", sorted({"train", "sample", "sweep", "compare", "facets", "distill", "bench", "prepare"})
)
def test_every_flag_in_the_help_is_known(monkeypatch, capsys, name):
    flags = {spelt for flag in flags_of(MODULES[name].Arguments) if not flag.place for spelt in flag.names}
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as left:
        MODULES[name].main()
    lines = [re.split(r"\s{2,}", line.lstrip("│ "))[0] for line in capsys.readouterr().out.splitlines()]
    shown = {word for line in lines if line.startswith("--") for word in re.findall(r"(?<!\S)--[a-z][\w.-]*", line)}
    assert left.value.code == 0 and flags == shown


def test_a_text_of_the_help_breaks_where_the_terminal_ends(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sample", "--help"])
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        MODULES["sample"].main()
    lines = [line.strip("│ ") for line in capsys.readouterr().out.splitlines()]
    assert "column of the grid each; or a scale for each facet of" in lines and "is left" not in lines


WORDS = st.one_of(
    st.sampled_from(
        ["--steps", "--guidance", "--sampler", "--list-tags", "--out", "--not", "--", "-1", "1e-3", "x", "-", ""]
    ),
    st.text(max_size=8).filter(lambda s: "help" not in s and not s.startswith("-h")),
)


@settings(max_examples=100, deadline=None)
@given(words=st.lists(WORDS, max_size=6))
def test_any_words_are_read_or_refused_in_one_line(words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["sample.py", *words])
        try:
            MODULES["sample"].parse(MODULES["sample"].Arguments, None)
        except ValueError as e:
            assert str(e) and "╭" not in str(e)


def test_a_mistyped_flag_is_told_before_torch_is_loaded():
    code = "import sys, runpy; sys.argv = ['train.py', '--stpes', '3']\n"
    code += f"try: runpy.run_path({str(SCRIPTS['train'])!r}, run_name='__main__')\n"
    code += "except SystemExit as e: print(e.code, 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "2 False\n"


def test_categories_that_are_hard_to_say_are_sampled(monkeypatch, capsys, tmp_path):
    names = ("a,b", "a=1", "hero", "c", "hero + c", " d ", "it's", "größe")
    spec = ModelSpec(8, 3, names, ModelConfig((8, 8), 1, ()), DiffusionConfig(timesteps=10))
    save_model(tmp_path / "m.safetensors", spec.build(), spec, 1)
    how = ("--count", 1, "--steps", 1, "--guidance", 1, "--out", tmp_path / "g.png")

    def labels(*words):
        code, err = say(monkeypatch, capsys, "sample", tmp_path / "m.safetensors", *how, *words)
        assert code == 0, err
        return np.load(tmp_path / "s.npz")["labels"].tolist()

    said = ("--npz", tmp_path / "s.npz", "--overwrite")
    assert labels(*said) == [*range(8)]
    assert labels(*said, "--categories", *names, "--png-folder", tmp_path / "pngs") == [*range(8)]
    assert labels(*said, "--categories", "'a,b'=0.7,c=0.3", "'hero + c' + 0.5 hero", "hero + 2 c", "'it''s'") == [
        0,
        4,
        3,
        6,
    ]
    assert labels(*said, "--categories", "hero", "--not", "a=1") == [2]


@pytest.mark.parametrize(("words", "read"), [("--guidance=1 2 4", ("1", "2", "4")), ("--guidance=-1", ("-1",))])
def test_values_after_an_equals_sign_are_read_as_tyro_does(monkeypatch, words, read):
    monkeypatch.setattr(sys, "argv", ["sample.py", "x", *words.split()])
    assert MODULES["sample"].parse(MODULES["sample"].Arguments, None).guidance == read
