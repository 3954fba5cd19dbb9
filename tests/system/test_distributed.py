"""Several processes as one: the same samples, curves and sprites; and what is left when one of them is killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from conftest import SMALL, assert_one_line_error, command, content, curves, finish, run, start, tiny_sprites, write_npy

import ddpm.system.distributed
from ddpm.config import Config, DataConfig, LogConfig, ModelConfig, OptimConfig
from ddpm.data.loading import load_data
from ddpm.system.devices import pick_device
from ddpm.system.distributed import share, unused
from ddpm.training.trainer import Trainer, check_batch

CPU = torch.device("cpu")
STEPS = 40
OFTEN = ["--steps", STEPS, "--log.checkpoint", 10, "--log.keep", 9, "--log.every", 5, "--log.validate", 20, *SMALL]
OFTEN += ["--log.snapshot", 30, "--log.guidance", 0, 2, "--log.count", 1, "--log.evaluate", 0]
OFTEN += ["--diffusion.timesteps", 50]


def torchrun(processes, *args, nodes="--standalone"):
    """The command line that starts one of the scripts on several processes."""
    python, *rest = command(*args)
    return [python, "-m", "torch.distributed.run", *nodes.split(), "--nproc-per-node", str(processes), *rest]


def several(processes, *args, **how):
    """Run a script on several processes to its end. fresh: by torchrun as a user starts it, see `start`."""
    return finish(torchrun(processes, *args), env=ENV, **how)


ENV = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    (folder / "c.toml").write_text("")
    write_npy(folder / "data", *tiny_sprites(40, 8, 3))
    return folder


def training(folder, out, *more):
    return ["train", folder / "c.toml", "--data", folder / "data", *OFTEN, "--out", folder / out, *more]


@pytest.fixture(scope="module")
def one(folder):
    """A run of one process."""
    result = run(*training(folder, "one"))
    assert result.returncode == 0, result.stderr
    return folder / "one"


@pytest.fixture(scope="module")
def two(folder):
    """The same run by two processes."""
    result = several(2, *training(folder, "two"))
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("M parameters") == 1 and "2 processes" in result.stdout  # one of them speaks
    return folder / "two"


def assert_like(a, b):
    """The curves of two runs are the same but for rounding, point by point."""
    a, b = curves(a), curves(b)
    assert a.keys() == b.keys()
    for name in a:
        assert [s for s, _ in a[name]] == [s for s, _ in b[name]], name
        np.testing.assert_allclose([v for _, v in a[name]], [v for _, v in b[name]], 3e-3, 1e-4, err_msg=name)


def assert_same(a, b):
    """Two runs ended with the same files, pictures and curves, bit for bit."""
    assert content(a) == content(b)
    assert curves(a) == curves(b)


def until_step_20(folder, out):
    """A copy of a run without what it wrote after step 20, as if it had been killed there."""
    copy = folder.parent / out
    shutil.copytree(folder, copy)
    for file in copy.glob("checkpoints/*"):
        if int(file.stem.removeprefix("step_")) > 20:
            file.unlink()
    for file in copy.glob("samples/*"):
        file.unlink()
    return copy


# The mathematics, in one process


def test_shares_are_a_partition_into_almost_equal_parts():
    for world in (1, 2, 3, 4, 7, 64):
        for count in (world, world + 1, 64, 200, 1001):
            parts = [torch.arange(count)[share(count, rank, world)] for rank in range(world)]
            assert torch.equal(torch.cat(parts), torch.arange(count))
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


def trainer(folder, **optim):
    data = load_data(folder / "data", DataConfig(mirror=("*",)))
    optim = OptimConfig(**{"batch": 200, "precision": "fp32", "optimizer": "adamw", "warmup": 2} | optim)
    model, log = ModelConfig((16, 16), 1, (1,)), LogConfig()
    return Trainer(Config(out=folder, steps=6, mirror=("*",), model=model, optim=optim, log=log), data, CPU)


@pytest.mark.parametrize("world", [2, 3, 4, 7])
def test_processes_draw_the_very_batch_of_one(folder, monkeypatch, world):
    whole = trainer(folder)
    for step in (1, 2, 3):
        wanted, groups = whole.batches(step)
        drawn = []
        for rank in range(world):
            with monkeypatch.context() as patched:
                patched.setattr(ddpm.system.distributed, "rank", lambda rank=rank: rank)
                patched.setattr(ddpm.system.distributed, "world", lambda: world)
                inputs, same = whole.batches(step)
            drawn.append(inputs)
            assert all(torch.equal(groups[k], same[k]) for k in groups)
        for name in ("x0", "context", "t", "eps"):
            assert torch.equal(getattr(wanted, name), torch.cat([getattr(inputs, name) for inputs in drawn]))


def test_noise_is_normal_and_no_block_of_it_is_another(folder):
    eps = trainer(folder).batches(1)[0].eps.flatten(1)
    assert eps.mean().abs() < 5 / eps.numel() ** 0.5
    assert eps.var().item() == pytest.approx(1, abs=5 * (2 / eps.numel()) ** 0.5)
    correlation = (eps @ eps.T / eps.shape[1]).fill_diagonal_(0)
    assert correlation.abs().max() < 6 / eps.shape[1] ** 0.5


@pytest.mark.parametrize("accumulate", [2, 3])
def test_a_batch_in_parts_trains_as_the_whole(folder, accumulate):
    whole, parts = trainer(folder, batch=20), trainer(folder, batch=20, accumulate=accumulate)
    for _ in range(4):
        norms = whole.advance(), parts.advance()
        assert norms[0].item() == pytest.approx(norms[1].item(), rel=1e-4)
    for (name, a), b in zip(whole.means.pop().items(), parts.means.pop().values(), strict=True):
        assert a == pytest.approx(b, rel=1e-5), name


def test_a_batch_smaller_than_its_parts_is_refused():
    check_batch(Config(optim=OptimConfig(batch=5, accumulate=5)))
    with pytest.raises(ValueError, match=r"optim.batch = 4 .*accumulate = 5; give 5 or more"):
        check_batch(Config(optim=OptimConfig(batch=4, accumulate=5)))
    clips = Config(clips=0.5, model=ModelConfig(frames=4), optim=OptimConfig(batch=12, accumulate=3))
    check_batch(clips)
    with pytest.raises(ValueError, match=r"optim.batch = 12 .*accumulate = 4 and clips of model.frames = 4; give 16 "):
        check_batch(replace(clips, optim=OptimConfig(batch=12, accumulate=4)))


def test_processes_meet_in_an_unused_part_of_a_store_that_others_left():
    store = dist.HashStore()
    names = []
    for _ in range(3):  # three rounds, of which the later find what the earlier wrote
        found = {}
        meet = lambda rank, found=found: found.update({rank: unused(store, rank, 3)})
        threads = [threading.Thread(target=meet, args=(rank,)) for rank in (2, 1, 0)]
        for thread in threads:
            thread.start()
            time.sleep(0.05)  # the others ask before the main one is there to answer
        for thread in threads:
            thread.join(20)
        found[1].set("address", f"round {len(names)}")
        assert [found[rank].get("address").decode() for rank in range(3)] == [f"round {len(names)}"] * 3
        names.append(found[0])
    assert names[0].get("address") == b"round 0"


def test_commands_for_one_process_refuse_several(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert pick_device("cpu") == CPU  # a number without a rank is none of torchrun's
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ValueError, match="as one process"):
        pick_device("cpu")


# Real processes, over loopback


def test_two_processes_train_as_one(one, two):
    assert_like(one, two)
    assert len(list((two / "tb").glob("events*"))) == 1  # the main one alone writes


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_processes_train_on_clips_as_one(folder, processes):
    """Three processes have one, one and two of the four groups of four frames."""
    cycles = folder / "cycles"
    images, labels = tiny_sprites(40, 8, 3)
    write_npy(cycles, images, np.sort(labels))
    np.save(cycles / "clips.npy", np.arange(40) // 4)
    more = ["--data", cycles, "--clips", 0.5, "--model.frames", 4, "--optim.batch", 16, "--steps", 6]
    runs = folder / f"clips-1-{processes}", folder / f"clips-{processes}"
    for out, launch in zip(runs, (run, partial(several, processes)), strict=True):
        result = launch(*training(folder, out.name, *more))
        assert result.returncode == 0, result.stderr
    assert_like(*runs)


@pytest.mark.slow
def test_two_processes_that_a_user_starts_train_as_forked_ones(folder, two):
    result = several(2, *training(folder, "fresh"), fresh=True)
    assert result.returncode == 0, result.stderr
    assert_same(two, folder / "fresh")


@pytest.fixture(scope="module")
def three(folder):
    """The same run by three processes, which have 2, 3 and 3 of a batch of 8, each in two parts."""
    result = several(3, *training(folder, "three", *PARTS))
    assert result.returncode == 0, result.stderr
    return folder / "three"


PARTS = ["--optim.accumulate", 2]


@pytest.mark.slow
def test_a_run_of_three_goes_on_as_one_and_the_other_way_round(folder, one, three):
    assert_like(one, three)
    result = run(*training(folder, until_step_20(three, "three-one"), *PARTS, "--resume"))
    assert result.returncode == 0 and "step_00000020.safetensors, step 20" in result.stdout, result.stderr
    assert_like(one, folder / "three-one")
    result = several(3, *training(folder, until_step_20(one, "one-three"), "--resume"))
    assert result.returncode == 0 and "step_00000020.safetensors, step 20" in result.stdout, result.stderr
    assert_like(one, folder / "one-three")


def test_a_resumed_run_of_three_is_the_whole_one_bit_for_bit(folder, three):
    copy = until_step_20(three, "three-three")
    (copy / "checkpoints" / "step_00000030.safetensors").write_bytes(b"torn")
    result = several(3, *training(folder, copy, *PARTS, "--resume"))
    assert result.returncode == 0 and result.stderr.count("set aside as step_00000030.damaged") == 1, result.stderr
    (copy / "checkpoints" / "step_00000030.damaged").unlink()
    assert_same(three, copy)


def workers(agents):
    """Process ids of the workers that torchrun started, by rank; agents: the processes of torchrun."""
    found, parents = {}, {agent.pid for agent in agents}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            about = dict(line.split(":\t", 1) for line in (folder / "status").read_text().splitlines())
            if about["Name"].startswith("rank ") and int(about["PPid"]) in parents:
                found[int(about["Name"].removeprefix("rank "))] = int(folder.name)
    return found


def after_checkpoint(out, step):
    """Wait until a run has written a checkpoint of `step` or later."""
    last = time.monotonic() + 120
    while max((int(f.stem[5:]) for f in out.glob("checkpoints/step_*.safetensors")), default=-1) < step:
        assert time.monotonic() < last
        time.sleep(0.01)


def begin(line):
    """Start a command line whose output and errors are read as one."""
    return start(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENV)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc to find the workers")
@pytest.mark.parametrize("machines", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_killed_worker_is_started_again_and_nothing_is_lost(folder, two, machines):
    out = folder / f"killed-{machines}"
    if machines == 1:
        commands = [torchrun(2, *training(folder, out), nodes="--standalone --max-restarts 2")]
    else:
        port = 29500 + os.getpid() % 1000
        nodes = f"--nnodes 2 --max-restarts 2 --rdzv-backend c10d --rdzv-endpoint 127.0.0.1:{port} --rdzv-id {port}"
        commands = [torchrun(1, *training(folder, out), nodes=nodes)] * 2
    agents = [begin(c) for c in commands]
    for step, victim in ((10, machines - 1), (20, 0)):
        after_checkpoint(out, step)
        os.kill(workers(agents)[victim], signal.SIGKILL)
    said = "".join(agent.communicate(timeout=240)[0] for agent in agents)
    assert [agent.returncode for agent in agents] == [0] * machines, said
    assert len(re.findall("resuming from .*step_", said)) == 2
    assert_same(two, out)


def test_sigterm_to_torchrun_saves_and_leaves(folder, one):
    out = folder / "stopped"
    agent = begin(torchrun(2, *training(folder, out)))
    after_checkpoint(out, 10)
    agent.send_signal(signal.SIGTERM)
    said, _ = agent.communicate(timeout=120)
    step = int(re.search(r"stopped at step (\d+) and saved", said)[1])
    assert agent.returncode != 0 and (out / "checkpoints" / f"step_{step:08d}.safetensors").exists()
    result = run(*training(folder, out, "--resume"))
    assert result.returncode == 0 and f"step {step}\n" in result.stdout, result.stderr
    assert_like(one, out)


def mistakes(result):
    """The lines that tell of a mistake; the only traceback is torchrun's own."""
    assert result.returncode != 0 and not re.search(r"rank\d\]: Traceback", result.stderr), result.stderr
    return [line for line in result.stderr.splitlines() if line.startswith("error")]


def test_a_mistake_is_told_once(folder):
    (told,) = mistakes(several(2, "train", folder / "c.toml", "--data", folder / "nowhere", "--out", folder / "never"))
    assert "there is no such folder" in told
    (told,) = mistakes(several(2, *training(folder, "never", "--optim.lr", -1), fresh=True))  # before torch is imported
    assert "optim.lr must be positive" in told
    (told,) = mistakes(several(2, *training(folder, "never", "--optim.batch", 1)))
    assert "too few for 2 of them" in told
    assert not (folder / "never").exists()


def test_torchrun_starting_again_does_not_take_what_another_began(folder, one):
    before = content(one)
    agent = begin(torchrun(2, *training(folder, one), nodes="--standalone --max-restarts 1"))
    said, _ = agent.communicate(timeout=240)
    assert agent.returncode != 0 and said.count("already holds a run: add --resume") == 2, said
    assert content(one) == before


ELSEWHERE = """
import os, runpy, sys
here, there, *sys.argv = sys.argv[1:]
os.chdir((here, there)[int(os.environ["RANK"])])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_processes_with_different_sprites_are_told(folder):
    places = folder / "here", folder / "there"
    for place, count in zip(places, (40, 44), strict=True):
        place.mkdir()
        write_npy(place / "data", *tiny_sprites(count, 8, 3))
    (folder / "elsewhere.py").write_text(ELSEWHERE)
    *launch, script = torchrun(2, "train")
    args = [script, folder / "c.toml", "--data", "data", *OFTEN, "--out", folder / "apart"]
    result = finish([*launch, folder / "elsewhere.py", *places, *args], env=ENV)
    assert any("holds other sprites than another process" in line for line in mistakes(result)), result.stderr
    assert not (folder / "apart").exists()


def test_sprites_and_sweeps_are_those_of_one_process(folder, one):
    sampled = [run, partial(several, 2), partial(several, 3)]
    for i, start_it in enumerate(sampled):
        files = ["--out", folder / f"{i}.png", "--npz", folder / f"{i}.npz"]
        result = start_it("sample", one, "--guidance", 0, 2, "--count", 7, *files)
        assert result.returncode == 0, result.stderr
        assert result.stdout.count("0.png" if i == 0 else f"{i}.png") == 1
    for i in (1, 2):
        assert (folder / f"{i}.png").read_bytes() == (folder / "0.png").read_bytes()
        with np.load(folder / "0.npz") as a, np.load(folder / f"{i}.npz") as b:
            assert all(np.array_equal(a[k], b[k]) for k in a.files)

    found = []
    for start_it in sampled[:2]:
        out = folder / f"sweep-{len(found)}"
        args = ["sweep", one, "--data", folder / "data", "--guidance", 1, 3, "--per-category", 9, "--out", out]
        result = start_it(*args)
        assert result.returncode == 0, result.stderr
        found.append(json.loads((out / "sweep.json").read_text())["rows"])
        for name in ("grid_s1.png", "grid_s3.png"):
            assert (out / name).read_bytes() == (folder / "sweep-0" / name).read_bytes()
    for a, b in zip(*found, strict=True):
        assert a["figures"] == pytest.approx(b["figures"], rel=1e-6)


def test_fewer_sprites_than_processes_are_refused(folder, one):
    args = ["sample", one, "--categories", "bar", "--guidance", 1, "--count", 1, "--out", folder / "few.png"]
    (told,) = mistakes(several(2, *args))
    assert "too few for 2 processes" in told
    assert not (folder / "few.png").exists()


def test_a_command_for_one_process_says_so(folder, one):
    how = {"env": ENV | {"WORLD_SIZE": "2", "RANK": "0"}}
    result = run("compare", one, "--data", folder / "data", "--out", folder / "compared", **how)
    assert_one_line_error(result, "start it with python, not with torchrun")
