import pytest
from conftest import ROOT

from ddpm.config import Config, ModelConfig, load_config, to_toml


def write(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_text(text)
    return path


def test_a_file_says_only_differences(tmp_path):
    config = load_config(write(tmp_path, "steps = 7\n[model]\nwidths = [8, 24]\n[optim]\nlr = 1\n"))
    assert config == Config(steps=7, model=ModelConfig(widths=(8, 24)), optim=type(Config().optim)(lr=1.0))


def test_resolved_settings_read_back_the_same(tmp_path):
    config = Config(size=32, mirror=("food",), model=ModelConfig(patch=2))
    assert load_config(write(tmp_path, to_toml(config))) == config


@pytest.mark.parametrize(
    "text, words",
    [
        ("stpes = 3", ["stpes", "did you mean 'steps'"]),
        ("[model]\nwidth = [3]", ["width", "did you mean 'widths'"]),
        ("steps = 'many'", ["steps", "int"]),
        ("[diffusion]\nprediction = 'w'", ["prediction"]),
        ("steps = 0", ["steps must be positive, got 0"]),
        ("keep_context = 1.5", ["keep_context", "between 0 and 1", "1.5"]),
        ("seed = -1", ["seed must not be negative, got -1"]),
        ("[optim]\nlr = nan", ["optim.lr must be positive, got nan"]),
        ("[log]\nguidance = []", ["log.guidance", "one or more finite numbers"]),
        ("[log]\ncount = 0", ["log.count must be positive, got 0"]),
        ("steps = ", ["c.toml"]),
    ],
)
def test_mistakes_are_named(tmp_path, text, words):
    with pytest.raises(ValueError) as e:
        load_config(write(tmp_path, text))
    for word in ["c.toml", *words]:
        assert word in str(e.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.toml"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda p: p.name)
def test_shipped_configs_load(path):
    load_config(path)
