"""Settings: defaults, TOML and back, mistakes named in one line, settings that do nothing."""

import math

import pytest
from conftest import ROOT

from ddpm.commands.shared.flags import check_run
from ddpm.config import Config, DataConfig, DiffusionConfig, ModelConfig, OptimConfig, doubts, load_config, to_toml


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
        ("[model]\nwidth = [3]", ["model.width", "did you mean 'model.widths'"]),
        ("[optim]\noptimizer = 'adam'", ["must be one of 'muon', 'adamw', got 'adam'; did you mean 'adamw'?"]),
        ("[optim]\nmuon_lr = 0.0", ["optim.muon_lr must be positive, got 0.0"]),
        ("[model]\nwidths = []", ["model.widths must be a list of 1 to 8 values, got []"]),
        ("[model]\nattention = [1, 8]", ["model.attention must be between 0 and 7, got 8"]),
        ("steps = 'many'", ["steps must be a whole number, got 'many'"]),
        (
            "[diffusion]\nprediction = 'w'",
            ["diffusion.prediction must be one of 'auto', 'colours', 'eps', 'x0', 'v', got 'w'"],
        ),
        ("[diffusion]\nschedule = 'cosin'", ["one of 'linear', 'cosine', got 'cosin'; did you mean 'cosine'?"]),
        ("resize = 'bicubic'", ["resize must be one of 'nearest', 'box', got 'bicubic'"]),
        ("mirror = 'hero'", ["""mirror must be a list of texts in quotes, got 'hero'; write ["hero"]"""]),
        ("mirror = {a = 1}", ["mirror must be a list of texts in quotes, got {'a': 1}"]),
        ("mirror = ['a', 2]", ["mirror must be a list of texts in quotes, got ['a', 2]"]),
        ("[model]\nwidths = 32", ["model.widths must be a list of whole numbers, got 32; write [32]"]),
        ("[model]\nwidths = '32'", ["model.widths must be a list of whole numbers, got '32'"]),
        ("[model.widths]\na = 1", ["model.widths must be a list of whole numbers, got {'a': 1}"]),
        ("[log]\nguidance = [1, true]", ["log.guidance must be a list of numbers, got [1, True]"]),
        ("data = ['a']", ["data must be a path in quotes, not an empty one, got ['a']"]),
        ("data = ''", ["data must be a path in quotes, not an empty one, got ''"]),
        ("out = ''", ["out must be a path in quotes, not an empty one, got ''"]),
        ("steps = true", ["steps must be a whole number, got true"]),
        ("size = true", ["size must be a whole number, got true"]),
        ("val_fraction = true", ["val_fraction must be a number, got true"]),
        ("tags = 1", ["tags must be true or false, got 1"]),
        ("steps = 1e3", ["steps must be a whole number, got 1000.0; write 1000"]),
        ("steps = 99999999999", ["steps must be between 0 and 1,000,000,000, got 99999999999"]),
        ("schedule = 'linear'", ["unknown setting 'schedule': did you mean 'diffusion.schedule'?"]),
        ("lr = 1", ["unknown setting 'lr': did you mean 'optim.lr'?"]),
        ("[log]\ncuont = 1", ["unknown setting 'log.cuont': did you mean 'log.count'?"]),
        ("[model]\ndropout = 0.1", ["unknown setting 'model.dropout': there are model.widths, model.blocks, "]),
        ("model = 3", ["model must be a table of settings, got 3"]),
        ("[[model]]\nblocks = 1", ["model must be a table of settings, got [{'blocks': 1}]"]),
        ("optim.lr.x = 3", ["optim.lr must be a number, got {'x': 3}"]),
        ("[model]\nblocks = 0", ["model.blocks must be between 1 and 64, got 0"]),
        ("[optim]\nweight_decay = nan", ["optim.weight_decay must be a finite number, got nan"]),
        ("[optim]\nweight_decay = -1", ["optim.weight_decay must not be negative, got -1"]),
        ("[optim]\nlr = inf", ["optim.lr must be positive and finite, got inf"]),
        ("steps = -1", ["steps must be between 0 and", "got -1"]),
        ("keep_context = 1.5", ["keep_context", "between 0 and 1", "1.5"]),
        ("seed = -1", ["seed must not be negative, got -1"]),
        ("[optim]\nlr = nan", ["optim.lr must be positive, got nan"]),
        ("[log]\nguidance = []", ["log.guidance", "one or more finite numbers"]),
        ("[log]\ncount = 0", ["log.count must be positive, got 0"]),
        ("steps = ", ["not TOML: Invalid value", "expected settings such as steps = 3000"]),
    ],
)
def test_mistakes_are_named(tmp_path, text, words):
    with pytest.raises(ValueError) as e:
        load_config(write(tmp_path, text))
    for word in ["c.toml", *words]:
        assert word in str(e.value)
    assert "object at 0x" not in str(e.value) and "typing" not in str(e.value)


def test_settings_made_in_code_are_checked_too():
    for make, says in (
        (lambda: OptimConfig(lr=-1.0), r"optim\.lr must be positive, got -1"),
        (lambda: DataConfig(val_fraction=0.7), r"val_fraction must be between 0 and 0\.5, got 0\.7"),
        (lambda: Config(val_fraction=0.7), r"val_fraction must be between 0 and 0\.5, got 0\.7"),
        (lambda: DataConfig(resize="bicubic"), r"resize must be one of 'nearest', 'box', got 'bicubic'"),
        (lambda: ModelConfig(patch=65), r"model\.patch must be between 1 and 64, got 65"),
    ):
        with pytest.raises(ValueError, match=says):
            make()
    assert ModelConfig(patch=None) == ModelConfig()


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.toml: there is no such file; expected a TOML file of settings, as"):
        load_config(tmp_path / "none.toml")
    write(tmp_path, "")
    with pytest.raises(ValueError, match=r"cc\.toml: there is no such file; .*; did you mean .*/c\.toml\?"):
        load_config(tmp_path / "cc.toml")
    with pytest.raises(ValueError, match="is a folder; expected a TOML file"):
        load_config(tmp_path)


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda p: p.name)
def test_shipped_configs_load_and_raise_no_doubts(path):
    config = load_config(path)
    assert not doubts(config)
    check_run(config, resume=False)


@pytest.mark.parametrize(
    ("widths", "levels", "says"),
    [
        ((16, 16), (0, 2), "names level 2, but the levels are 0 to 1, one for each of model.widths"),
        ((16, 16, 16), (1, 5), "names level 5, but the levels are 0 to 2"),
        ((16,), (1,), "names level 1, but the only level is 0"),
    ],
)
@pytest.mark.parametrize("name", ["attention", "separable"])
def test_a_level_that_does_not_exist_is_refused_for_new_runs_only(tmp_path, widths, levels, says, name):
    config = load_config(write(tmp_path, to_toml(Config(model=ModelConfig(widths, **{name: levels})))))
    check_run(config, resume=True)
    with pytest.raises(ValueError, match=f"model.{name} {says}"):
        check_run(config, resume=False)
    check_run(Config(model=ModelConfig(widths, **{name: (0,)})), resume=False)
    check_run(Config(model=ModelConfig(widths, **{name: ()})), resume=False)
    check_run(Config(model=ModelConfig(**{name: levels})), resume=False)  # before the sprites, none knows the levels


@pytest.mark.parametrize(
    ("size", "widths", "patch"),
    [
        (8, (64, 64, 96), 1),
        (16, (64, 64, 96), 1),
        (17, (32, 64, 64, 96), 1),
        (32, (32, 64, 64, 96), 1),
        (33, (32, 64, 64, 96), 2),
        (64, (32, 64, 64, 96), 2),
        (128, (32, 64, 64, 96), 4),
    ],
)
def test_the_network_follows_the_size_of_the_sprites(size, widths, patch):
    found = ModelConfig().for_size(size)
    assert (found.widths, found.attention, found.patch) == (widths, (len(widths) - 1,), patch)
    assert found.for_size(size) == found.for_size(7) == found  # it is settled
    mine = ModelConfig((16, 16), attention=(), patch=3)
    assert mine.for_size(size) == mine


def test_what_is_predicted_follows_the_sprites():
    chosen = lambda size, palette, **given: DiffusionConfig(**given).for_sprites(size, palette)
    assert [chosen(size, palette).prediction for size in (16, 32) for palette in (True, False)] == [
        "colours",
        "x0",
        "colours",
        "x0",
    ]
    assert chosen(32, False).loss_weight == chosen(8, True, prediction="x0").loss_weight == "v"
    assert chosen(16, False, prediction="v").loss_weight == chosen(32, False, prediction="eps").loss_weight == "none"
    assert chosen(32, True).log_snr_shift == pytest.approx(-2 * math.log(2)) and chosen(12, True).log_snr_shift == 0
    given = DiffusionConfig(prediction="eps", loss_weight="min_snr", log_snr_shift=0.0)
    assert given.for_sprites(32, True) == given


@pytest.mark.parametrize("out", ["file", "file/run", "file/more/run"])
def test_a_file_in_place_of_the_run_folder_is_named(tmp_path, out):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"--out (\S+/more/run: |\S+/run: )?\S+/file is a file; name a folder"):
        check_run(Config(out=tmp_path / out), resume=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps = 50", "optim.warmup = 100 is not shorter than the run of 50 steps"),
        ("keep_tag = 0.5", "keep_tag has no effect without tags"),
        ("few_tags = 0.1", "few_tags has no effect without tags"),
        ("[model]\nmask_tags = false", "model.mask_tags has no effect without tags"),
        ("[optim]\noptimizer = 'adamw'\nmuon_lr = 0.1", "optim.muon_lr has no effect with optim.optimizer = adamw"),
        ("[log]\nevaluate = 0\nevaluate_count = 9", "log.evaluate_count has no effect with log.evaluate = 0"),
        ("val_fraction = 0\nlog.validate = 3", "log.validate has no effect with val_fraction = 0"),
        ("keep_context = 1", "keep_context = 1 never hides the context"),
        ("keep_context = 0", "keep_context = 0 always hides the context"),
        ("[log]\nearly = 1", "log.early = 1 keeps the last weights"),
        ("[log]\nguidance = [1, 2, 1]", "log.guidance names a scale twice"),
    ],
)
def test_settings_that_do_nothing_are_told(tmp_path, text, says):
    (doubt,) = doubts(load_config(write(tmp_path, text)))
    assert doubt.startswith(says) and "\n" not in doubt


def test_a_weight_of_the_loss_does_nothing_where_colours_are_predicted(tmp_path):
    config = load_config(write(tmp_path, "[diffusion]\nloss_weight = 'v'"))
    assert not doubts(config, config.diffusion.for_sprites(16, has_palette=False))
    (doubt,) = doubts(config, config.diffusion.for_sprites(16, has_palette=True))
    assert doubt == "diffusion.loss_weight has no effect where colours are predicted"
