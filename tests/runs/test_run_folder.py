"""The folder of a run: what is in it is not lost, one process writes to it, and a run can be resumed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SMALL, assert_one_line_error, command, content, curves, finish, run, start, tiny_sprites, write_npy

from ddpm.config import Config, load_config, to_toml
from ddpm.runs.folder import check_run_folder, prepare_folder
from ddpm.runs.models import MODEL_FILE
from ddpm.runs.tensor_files import read_safetensors
from ddpm.system.outputs import LOCK, PART, check_apart, held
from ddpm.training.optim import learning_rate

FAST = [*SMALL, "--log.evaluate", 0, "--log.every", 2, "--log.snapshot", 100, "--log.count", 1, "--log.guidance", 1]
AGAIN = {"resume": False, "overwrite": False, "launched_by": ""}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of four steps, and the command that made it, but for --steps."""
    tmp = tmp_path_factory.mktemp("finished")
    (tmp / "c.toml").write_text("")
    data = write_npy(tmp / "data", *tiny_sprites(40, 8, 3))
    args = ["train", tmp / "c.toml", "--data", data, "--out", tmp / "run", *FAST]
    result = run(*args, "--steps", 4)
    assert result.returncode == 0, result.stderr
    return tmp / "run", args


def copied(finished, tmp_path) -> Config:
    """The settings of a copy of the run, which may be spoilt."""
    shutil.copytree(finished[0], tmp_path / "run")
    return replace(load_config(finished[0] / "config.toml"), out=tmp_path / "run")


def everything(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


# --- beginning ----------------------------------------------------------------------------------------------


def test_a_run_whose_checkpoints_were_removed_is_not_overwritten(finished, tmp_path):
    config = copied(finished, tmp_path)
    for file in (config.out / "checkpoints").iterdir():
        file.unlink()
    (config.out / ".mine.tmp").write_text("precious")
    before = everything(config.out)
    with pytest.raises(ValueError, match="of a run that cannot be gone on with, since it has no checkpoints") as error:
        prepare_folder(config, **AGAIN)
    assert "--overwrite" in str(error.value) and "another --out" in str(error.value)
    with pytest.raises(ValueError, match=r"holds no checkpoint; start in another --out, or with --overwrite"):
        prepare_folder(config, **AGAIN | {"resume": True})
    assert everything(config.out) == before


@pytest.mark.parametrize("name", ["model.safetensors", "best.safetensors", "samples/grid_0000004.png", "tb"])
def test_what_is_left_of_a_run_is_not_overwritten_whatever_was_removed(finished, tmp_path, name):
    config = copied(finished, tmp_path)
    kept = {n: b for n, b in everything(config.out).items() if n.startswith(name)} or {name: b"weights"}
    for file in [f for f in config.out.rglob("*") if f.is_file()]:
        file.unlink()
    for n, bytes_ in kept.items():
        (config.out / n).write_bytes(bytes_)
    with pytest.raises(ValueError, match="of a run that cannot be gone on with"):
        prepare_folder(config, **AGAIN)
    assert everything(config.out) == kept


@pytest.mark.parametrize("name", ["hero.png", "deep/down/notes.txt", ".hidden", "config.toml"])
def test_a_folder_with_a_file_of_the_users_is_refused(tmp_path, name):
    file = tmp_path / "run" / name
    file.parent.mkdir(parents=True)
    file.write_text("steps = 3  # as I like it\n")
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        prepare_folder(Config(out=tmp_path / "run"), **AGAIN)
    assert file.read_text() == "steps = 3  # as I like it\n"


@pytest.mark.parametrize("name", ["launch.txt", "checkpoints/step_00000000.safetensors", "samples/grid_s4.png"])
def test_a_file_that_only_has_the_name_of_a_runs_is_not_taken_for_it(tmp_path, name):
    file = tmp_path / "run" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(ValueError, match="--overwrite"):
        prepare_folder(Config(out=tmp_path / "run"), **AGAIN)
    assert file.read_text() == "mine"


def test_settings_that_a_person_wrote_are_not_overwritten_at_all(tmp_path):
    (tmp_path / "config.toml").write_text("steps = 3  # as I like it\n")
    with pytest.raises(ValueError, match=r"a config\.toml that no run wrote"):
        prepare_folder(Config(out=tmp_path), **AGAIN | {"overwrite": True})


@pytest.mark.parametrize("name", ["checkpoints", "tb", "samples"])
def test_what_a_link_leads_to_is_not_removed(finished, tmp_path, name):
    config = copied(finished, tmp_path)
    (config.out / name).rename(tmp_path / "elsewhere")
    for file in [f for f in config.out.rglob("*") if f.is_file()]:
        file.unlink()
    (config.out / name).rmdir() if (config.out / name).exists() else None
    (config.out / name).symlink_to(tmp_path / "elsewhere")
    before = everything(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="choose another --out"):
        prepare_folder(config, **AGAIN)
    assert everything(tmp_path / "elsewhere") == before


def test_curves_of_steps_are_not_removed_though_there_is_no_checkpoint_of_them(finished, tmp_path):
    config = copied(finished, tmp_path)
    for file in [*config.out.glob("checkpoints/*"), *config.out.glob("samples/*"), *config.out.glob("*.safetensors")]:
        file.unlink()
    (curves_file,) = (config.out / "tb").iterdir()
    with pytest.raises(ValueError, match=f"holds tb/{curves_file.name} of a run"):
        prepare_folder(config, **AGAIN)


def test_overwrite_removes_the_files_of_the_run_and_no_others(finished, tmp_path):
    config = copied(finished, tmp_path)
    mine = {".best.tmp": b"1", "notes.txt": b"2", "checkpoints/mine.txt": b"3", "sweep/sweep.txt": b"4"}
    for name, bytes_ in mine.items():
        (config.out / name).parent.mkdir(exist_ok=True)
        (config.out / name).write_bytes(bytes_)
    assert prepare_folder(config, **AGAIN | {"overwrite": True}) is None
    assert everything(config.out) == mine | {"config.toml": to_toml(config).encode()}


def test_the_same_command_works_again_after_a_run_that_made_no_step(finished, tmp_path):
    """As one that found no memory for its first step, or was killed before it."""
    folder, args = finished
    before = Config(out=tmp_path / "run", steps=7)
    assert prepare_folder(before, **AGAIN) is None and prepare_folder(before, **AGAIN) is None
    with pytest.raises(ValueError, match=r"holds config\.toml of a run"):  # whose settings alone were kept
        prepare_folder(replace(before, steps=3), **AGAIN)
    script = "import runpy, sys; from ddpm.training.trainer import Trainer\n"
    script += "def advance(self): raise OSError\n"
    script += "Trainer.advance = advance; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    args = [tmp_path / "first" if a == folder else a for a in args]
    python, *rest = command(*args, "--steps", 4)
    assert finish([python, "-c", script, *rest]).returncode == 2
    left = everything(tmp_path / "first")
    assert {"config.toml", "model.safetensors", "checkpoints/step_00000000.safetensors"} < left.keys()
    config = load_config(tmp_path / "first" / "config.toml")
    assert not check_run_folder(replace(config, steps=3), **AGAIN)  # maybe with other settings
    (config.out / "checkpoints/step_00000000.safetensors").unlink()
    result = run(*args, "--steps", 4)
    assert result.returncode == 0, result.stderr
    assert content(config.out) == content(folder) and len(list((config.out / "tb").iterdir())) == 1


def test_results_that_would_become_sprites_are_refused(finished, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "data")
    (tmp_path / "data").mkdir()
    for inside in ("data", "data/run", "data/hero/run", "link/run", "x/../data/run"):
        with pytest.raises(ValueError, match="lies in the data folder"):
            check_apart("--out", tmp_path / inside, tmp_path / "data")
    for apart in ("run", "data2", "."):
        check_apart("--out", tmp_path / apart, tmp_path / "data")
    _, args = finished
    out, data = args.index("--out") + 1, args[args.index("--data") + 1]
    before = everything(data)
    for inside in (data, data / "run"):
        result = run(*args[:out], inside, *args[out + 1 :], "--steps", 1)
        assert_one_line_error(result, f"--out {inside} lies in the data folder {data}")
    assert everything(data) == before


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(ValueError, match=r"run is a file; name a folder"):
        check_run_folder(Config(out=tmp_path / "run"), **AGAIN)
    with pytest.raises(ValueError, match="give one of them"):
        check_run_folder(Config(out=tmp_path / "new"), True, True, "")


# --- one process --------------------------------------------------------------------------------------------


def test_a_folder_is_held_by_one_and_let_go_when_that_one_is_killed(tmp_path):
    folder = tmp_path / "a" / "run"
    script = "import sys; from pathlib import Path; from ddpm.system.outputs import held\n"
    script += f"with held(Path({str(folder)!r})):\n"
    script += "    print('held', flush=True); sys.stdin.read()"
    holder = start([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match=f"is being written to by process {holder.pid} on "), held(folder):
            pass
        assert (folder / LOCK).exists()
    finally:
        holder.kill()
        holder.wait()
    with held(folder):
        (folder / "x").write_text("")
    assert everything(folder) == {"x": b""}  # no lock stays


def test_a_folder_that_nothing_was_put_into_does_not_stay(tmp_path):
    with pytest.raises(ValueError, match="as it may"), held(tmp_path / "run"):
        raise ValueError("as it may")
    assert not (tmp_path / "run").exists()


def test_two_that_train_into_one_folder(finished, tmp_path):
    """Begun at once, one trains and the other leaves; so does one that is to go on with a running one."""
    folder, args = finished
    args = [tmp_path / "run" if a == folder else a for a in args]
    long = [*args, "--steps", 5000, "--log.checkpoint", 20]
    both = [start(command(*long), stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    deadline = time.monotonic() + 120
    while all(p.poll() is None for p in both) and time.monotonic() < deadline:
        time.sleep(0.05)
    loser, winner = sorted(both, key=lambda p: p.poll() is None)
    told = loser.communicate()[1].decode()
    assert loser.returncode == 2 and (f"process {winner.pid}" in told or "already holds a run" in told), told
    try:
        assert_one_line_error(run(*long, "--resume"), "is being written to by", f"process {winner.pid}")
    finally:
        winner.send_signal(signal.SIGTERM)
        winner.communicate(timeout=60)
    assert winner.returncode == 128 + signal.SIGTERM
    assert len(list((tmp_path / "run" / "tb").iterdir())) == 1 and not (tmp_path / "run" / LOCK).exists()


# --- going on -----------------------------------------------------------------------------------------------


def test_a_run_that_has_ended_can_be_made_longer(finished, tmp_path):
    folder, args = finished
    config = copied(finished, tmp_path)
    args = [config.out if a == folder else a for a in args]
    result = run(*args, "--steps", 12, "--resume")
    assert result.returncode == 0, result.stderr
    rate = learning_rate(5, 12, config.optim.warmup)
    assert f"ends at step 12, before at 4; the learning rate goes on at {rate:.2f} of its peak" in result.stdout
    assert load_config(config.out / "config.toml").steps == 12
    assert read_safetensors(config.out / MODEL_FILE)[1]["step"] == 12
    points = dict(curves(config.out)["train/learning_rate"])
    assert sorted(points) == [2, 4, 6, 8, 10, 12]
    peak = config.optim.lr
    assert points[6] == pytest.approx(peak * learning_rate(6, 12, config.optim.warmup), rel=1e-5)
    refused = run(*args, "--steps", 11, "--resume")
    assert_one_line_error(refused, "step_00000012", "beyond the 11 steps asked for; give 12 or more")
    assert load_config(config.out / "config.toml").steps == 12


def test_a_run_without_its_settings_goes_on_with_those_given(finished, tmp_path):
    folder, args = finished
    config = copied(finished, tmp_path)
    (config.out / "config.toml").unlink()
    args = [config.out if a == folder else a for a in args]
    result = run(*args, "--steps", 4)
    assert_one_line_error(result, "already holds a run: add --resume")
    result = run(*args, "--steps", 4, "--resume")
    assert result.returncode == 0 and "step 4" in result.stdout
    (told,) = [line for line in result.stderr.splitlines() if line.startswith("warning")]
    assert "config.toml is missing; the settings that are given now" in told
    assert load_config(config.out / "config.toml") == config
    assert everything(config.out)[MODEL_FILE] == everything(folder)[MODEL_FILE]


def test_what_cannot_be_resumed_says_how_to_start(tmp_path):
    with pytest.raises(ValueError, match=r"there is no folder .*; start without --resume"):
        check_run_folder(Config(out=tmp_path / "none"), True, False, "")
    prepare_folder(Config(out=tmp_path / "run"), **AGAIN)
    with pytest.raises(ValueError, match="holds no checkpoint; start without --resume"):
        check_run_folder(Config(out=tmp_path / "run"), True, False, "")
    assert not check_run_folder(Config(out=tmp_path / "run"), **AGAIN)  # which is what it says


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    out = tmp_path / "run"
    (out / "samples").mkdir(parents=True)
    stale = [out / PART.format(token="0123456789ab", suffix=".toml")]
    stale += [out / "samples" / PART.format(token="ba9876543210", suffix=".png")]
    others = [out / PART.format(token="0123456789ab", suffix=".png")]  # of sample.py, which may be at work
    for file in (*stale, *others, out / ".config.toml.tmp"):
        file.write_text("half")
    (out / PART.format(token="0123456789ab", suffix="")).mkdir()
    assert prepare_folder(Config(out=out), **AGAIN | {"overwrite": True}) is None
    assert everything(out).keys() == {"config.toml", ".config.toml.tmp", others[0].name}


# --- students -----------------------------------------------------------------------------------------------


def test_a_student_does_not_take_the_place_of_another_model(finished, tmp_path):
    folder, _ = finished
    before = everything(folder)
    quick = ["--sprites", 4, "--updates", 1, "--optim.batch", 4]
    for model in (folder, folder / MODEL_FILE):
        assert_one_line_error(run("distill", model, "--out", folder, *quick), "holds a model that is no student")
    (tmp_path / MODEL_FILE).write_bytes((folder / MODEL_FILE).read_bytes())
    assert_one_line_error(run("distill", folder, "--out", tmp_path, *quick), "holds a model that is no student")
    assert everything(folder) == before
    result = run("distill", folder, "--out", tmp_path / "student", *quick)
    assert result.returncode == 0, result.stderr
    student = everything(tmp_path / "student")
    assert student.keys() == {MODEL_FILE}
    again = run("distill", folder, "--out", tmp_path / "student", "--seed", 1, *quick)
    assert_one_line_error(again, "holds a student already", "--overwrite")
    assert everything(tmp_path / "student") == student
    assert run("distill", folder, "--out", tmp_path / "student", "--seed", 1, "--overwrite", *quick).returncode == 0
    assert everything(tmp_path / "student") != student and not os.path.exists(tmp_path / "student" / LOCK)
