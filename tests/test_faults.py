"""Runs that are killed, again and again, at moments of chance: what they leave is resumed, and nothing is lost."""

import os
import random
import signal
import subprocess
import time

from conftest import SMALL, command, run, tiny_sprites, write_npy
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

KILLS = int(os.environ.get("KILLS", "5"))  # make faults: 20
STEPS = 75 * KILLS
# A checkpoint every third step, so that many of the kills hit one that is being written.
OFTEN = ["--steps", STEPS, "--log.checkpoint", 3, "--log.every", 5, "--log.validate", 50, "--log.snapshot", 100]
OFTEN += ["--log.evaluate", 0, "--log.guidance", 0, 2, "--log.count", 1, "--diffusion.timesteps", 50, *SMALL]


def curves(folder):
    """What TensorBoard shows of a run: for each curve but that of the speed, its steps and values."""
    found = EventAccumulator(str(folder / "tb"), size_guidance={"scalars": 0}).Reload()
    names = set(found.Tags()["scalars"]) - {"train/sprites_per_second"}
    return {name: [(e.step, e.value) for e in found.Scalars(name)] for name in names}


def content(folder):
    """Bytes of the files of a run that say what was learnt: weights, states of training, pictures."""
    files = [f for pattern in ("*.safetensors", "checkpoints/*", "samples/*") for f in folder.glob(pattern)]
    return {str(f.relative_to(folder)): f.read_bytes() for f in files}


def test_a_run_killed_many_times_ends_as_one_that_was_not(tmp_path):
    (tmp_path / "c.toml").write_text("")
    data = write_npy(tmp_path / "data", *tiny_sprites(40, 8, 3))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    args = ["train", tmp_path / "c.toml", "--data", data, *OFTEN, "--out"]
    result = run(*args, whole)
    assert result.returncode == 0, result.stderr

    chance, resumed = random.Random(0), []
    for _ in range(KILLS):
        go_on = ["--resume"] if any(killed.glob("checkpoints/step_*.safetensors")) else []
        process = subprocess.Popen(command(*args, killed, *go_on), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = b""
        while b"step/s" not in said and b"s/step" not in said:  # it has begun to train
            said += process.stdout.read1()
            assert process.poll() is None, said
        time.sleep(chance.uniform(0, 0.4))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL and b"damaged" not in said
        resumed += go_on
    assert len(resumed) >= KILLS - 2
    result = run(*args, killed, "--resume")
    assert result.returncode == 0, result.stderr
    assert "damaged" not in result.stderr  # a file that is there is whole

    assert content(killed) == content(whole)
    assert curves(killed) == curves(whole)
    assert not list(killed.rglob(".*.tmp"))
