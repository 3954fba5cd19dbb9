"""A student: its knots, the trajectories that it learns from, and what the commands know of it."""

import dataclasses

import pytest
import torch
from conftest import ROOT, SMALL, assert_one_line_error, run

from ddpm.config import Config, DataConfig, DiffusionConfig, ModelConfig, OptimConfig, Sampling, StudentConfig
from ddpm.context.condition import Condition
from ddpm.data.loading import load_data
from ddpm.data.order import ShuffledOrder
from ddpm.diffusion.samplers import SAMPLERS, SampleNoise
from ddpm.diffusion.schedule import timestep_grid
from ddpm.runs.models import load_model, save_model
from ddpm.runs.spec import ModelSpec
from ddpm.sampling import Sampler, knots
from ddpm.system.settings import from_dict, to_dict
from ddpm.training.distillation import Distillation, contexts_to_learn, leap, teacher_trajectories, usual_knots

STUDENT = StudentConfig(knots=(0, 3), teacher_steps=6, scales=(0.0, 3.0))
OPTIM = OptimConfig(batch=16, lr=1e-3, muon_lr=2e-3, warmup=5, ema=0.95, precision="fp32")


@pytest.fixture(params=[("v", ()), ("x0", ()), ("colours", ("102030", "c02010", "e0d0c0"))], ids=lambda p: p[0])
def teacher(request):
    """A network of random weights: it goes somewhere, and that is all a student has to learn."""
    prediction, palette = request.param
    config, diffusion = ModelConfig((16, 16), 1, ()), DiffusionConfig(timesteps=50, prediction=prediction)
    spec = ModelSpec(8, 3, ("square", "bar"), config, diffusion, palette=palette)
    torch.manual_seed(0)
    model = spec.build().eval().requires_grad_(False)
    for p in model.parameters():
        if p.ndim > 1:
            torch.nn.init.normal_(p, std=p[0].numel() ** -0.5)
    return model, spec


def go(schedule, x_t, x_s, x0, t, s):
    """Take one step of DDIM with this x0_hat and compare."""
    states = []
    way = torch.stack([t, s] if s >= 0 else [t])
    end = SAMPLERS["ddim"](lambda *_: x0[None], x_t[None], way, schedule, None, lambda _, x, __: states.append(x))
    torch.testing.assert_close((states[1] if s >= 0 else end)[0], x_s)


def test_a_leap_is_the_x0_that_takes_ddim_from_state_to_state(teacher):
    schedule = teacher[1].build_diffusion().schedule
    t, s = torch.tensor([49, 30, 9]), torch.tensor([30, 3, -1])
    x_t, x_s = torch.randn(2, 3, 3, 8, 8, dtype=torch.float64)
    x0 = leap(x_t, x_s, t, s, schedule)
    for pair in zip(x_t, x_s, x0, t, s, strict=True):
        go(schedule, *pair)
    torch.testing.assert_close(x0[2], x_s[2])  # the step to the clean image ends at x0_hat itself


def test_usual_knots_lie_where_they_did_best():
    assert usual_knots(8) == (0, 3, 4, 5) and usual_knots(12) == (0, 4, 6, 8)


def test_knots_are_timesteps_of_the_teacher(teacher):
    spec = dataclasses.replace(teacher[1], student=StudentConfig((0, 4, 5), 12))
    grid = timestep_grid("middle", spec.build_diffusion().schedule, 12)
    assert knots(spec).tolist() == [grid[0], grid[4], grid[5]]
    for wrong in ((), (1, 2), (0, 3, 3), (0, 12)):
        with pytest.raises(ValueError, match="knots must rise from 0 and stay below the 12"):
            StudentConfig(wrong, 12)


def test_trajectories_are_the_states_of_the_teachers_own_sampling(teacher):
    model, spec = teacher
    trajectories = teacher_trajectories(model, spec, STUDENT, contexts_to_learn(spec, 70, Config(), 3), seed=3)
    assert trajectories.states.shape == (70, 3, 3, 8, 8)
    noise = SampleNoise(3, range(70))((3, 8, 8))
    assert torch.equal(trajectories.states[:, 0], noise.half())
    x0 = Sampler(model, spec, Sampling(sampler="dpmpp_2m", steps=6, seed=3, palette="none"))(
        Condition.of(trajectories.context), trajectories.scale, range(70)
    )
    assert torch.equal(trajectories.states[:, -1], x0.half())
    assert 0 <= trajectories.scale.min() < 0.5 and 2.5 < trajectories.scale.max() <= 3
    assert 0 < (trajectories.context.sum(1) == 0).sum() < 20  # about one in ten has no context


def test_a_student_of_tags_is_asked_for_what_training_sprites_show(teacher):
    data = load_data(ROOT / "sprites", DataConfig(tags=True, hold_out=("kind=bat colour=red",)))
    spec = dataclasses.replace(teacher[1], categories=data.sprites.categories, facets=data.facets)
    contexts = contexts_to_learn(spec, 4000, Config(), 3, data)
    whole = data.contexts(data.train[ShuffledOrder(len(data.train), 3)(0, 4000)])
    assert contexts.shape == whole.shape and (contexts <= whole).all()  # some of the tags of one sprite, and no others
    assert 0.08 < (contexts.sum(1) == 0).float().mean() < 0.12
    _, red_bat = data.having("kind=bat colour=red")
    assert not (contexts[:, red_bat > 0].all(1)).any()
    assert torch.equal(contexts, contexts_to_learn(spec, 4000, Config(), 3, data))


def test_a_student_starts_as_its_teacher_whatever_the_scale(teacher):
    model, spec = teacher
    student = Distillation(model, spec, STUDENT, OPTIM, 0).student
    x, t, context = torch.randn(2, 3, 8, 8), torch.tensor([40, 7]), torch.eye(2)
    for scale in (0.0, 1.0, 2.5):
        assert torch.equal(student(x, t, context, torch.full((2,), scale)), model(x, t, context))


def test_a_loss_that_is_not_finite_ends_it(teacher):
    model, spec = teacher
    wild = dataclasses.replace(OPTIM, lr=1e30, muon_lr=1e30, warmup=0)
    trajectories = teacher_trajectories(model, spec, STUDENT, contexts_to_learn(spec, 16, Config(), 0), seed=0)
    with pytest.raises(ValueError, match=r"not finite at update .*, and nothing was saved; try a lower --optim.lr"):
        list(Distillation(model, spec, STUDENT, wild, 0).train(trajectories, 9))


def test_a_student_comes_nearer_to_its_teacher_than_as_many_steps_of_the_teacher(teacher):
    model, spec = teacher
    distillation = Distillation(model, spec, STUDENT, OPTIM, 0)
    contexts = contexts_to_learn(spec, 400, Config(), 0)
    losses = list(distillation.train(teacher_trajectories(model, spec, STUDENT, contexts, seed=0), 150))
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    context, scale = torch.eye(2).repeat(10, 1), torch.linspace(0, 3, 20)
    asked = Condition.of(context), scale, range(20)
    unseen = {"seed": 9, "palette": "none"}  # noise that it was not trained on, and sprites as they come
    wanted = Sampler(model, spec, Sampling(sampler="dpmpp_2m", steps=6, **unseen))(*asked)
    few = Sampler(model, spec, Sampling(steps=2, sampler="ddim", **unseen))(*asked)
    got = Sampler(distillation.student.eval(), distillation.spec, Sampling(**unseen))(*asked)
    most = 0.6 if spec.prediction == "x0" else 0.5  # the x0 of such a teacher is noise, too
    assert (got - wanted).square().mean() < most * (few - wanted).square().mean()


def test_a_student_is_saved_with_what_it_needs(teacher, tmp_path):
    model, spec = teacher
    distillation = Distillation(model, spec, STUDENT, OPTIM, 0)
    list(
        distillation.train(
            teacher_trajectories(model, spec, STUDENT, contexts_to_learn(spec, 16, Config(), 0), seed=0), 2
        )
    )
    save_model(tmp_path / "m.safetensors", distillation.student, distillation.spec, 2)
    loaded, found = load_model(tmp_path / "m.safetensors")
    assert found.student == STUDENT and from_dict(ModelSpec, to_dict(found)) == found
    asked = Condition.of(torch.eye(2)), torch.tensor([0.5, 2.0]), range(2)
    a, b = (Sampler(m, found)(*asked) for m in (distillation.student, loaded))
    assert torch.equal(a, b)
    both = Condition(torch.eye(2)[None], torch.ones(1, 2))
    for condition in (both, Condition.of(torch.eye(2)[:1], away=torch.eye(2)[1:])):
        with pytest.raises(ValueError, match="one context at a time"):
            Sampler(loaded, found)(condition, 1.0, [0])
        with pytest.raises(ValueError, match="one context at a time"):
            Sampler(loaded, found).cells(condition, [1.0], 1)
    with pytest.raises(ValueError, match=r"a student of 2 steps, .* leave out --sampler, --steps"):
        Sampler(loaded, found, Sampling(sampler="heun", steps=3, precision="fp32", seed=1))


def test_the_command_distils_and_sample_and_its_errors_know_the_student(npy_folder, tmp_path):
    folder = tmp_path / "run"
    quick = ["--steps", 3, "--log.evaluate", 0, "--log.snapshot", 99, "--diffusion.timesteps", 40]
    result = run("train", tmp_path / "c.toml", *quick, "--data", npy_folder, "--out", folder, *SMALL)
    assert result.returncode == 2  # no such config
    (tmp_path / "c.toml").write_text("")
    assert run("train", tmp_path / "c.toml", *quick, "--data", npy_folder, "--out", folder, *SMALL).returncode == 0
    result = run("distill", folder, "--sprites", 20, "--updates", 2, "--optim.precision", "fp32", fresh=True)
    assert result.returncode == 0, result.stderr
    student = folder / "student"
    result = run("sample", student, "--guidance", 1, 2, "--count", 2, "--out", tmp_path / "grid.png")
    assert result.returncode == 0 and "4 steps" in result.stdout, result.stderr
    assert_one_line_error(run("sample", student, "--steps", 9, "--out", tmp_path / "g.png"), "student", "--steps")
    assert_one_line_error(run("sample", student, "--categories", "bar - square", "--out", tmp_path / "g.png"), "sum")
    assert_one_line_error(run("distill", student), "is a student itself")
    assert_one_line_error(run("distill", folder, "--knots", 0, 12), "knots must rise")
