"""Runs that are killed, again and again, at moments of chance, and runs whose disk is full, whose folder cannot be
written to, whose data vanishes: what they leave is resumed, and nothing is lost."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import SMALL, assert_one_line_error, command, content, curves, run, start, tiny_sprites, write_npy

from ddpm.system.outputs import PART

KILLS = int(os.environ.get("KILLS", "2"))  # make faults, make test-all: 20
STEPS = max(90, 25 * KILLS)  # more than the run makes between all of the kills
JUDGED = ("evaluation/", "pixel_art/")  # curves of the evaluation
PATIENCE = 240 + 10 * KILLS  # seconds
# A checkpoint every third step, so that many of the kills hit one that is being written.
OFTEN = ["--log.checkpoint", 3, "--log.every", 5, "--log.validate", 30, "--log.snapshot", 40, "--log.guidance", 0, 2]
OFTEN += ["--log.count", 1, "--log.evaluate-count", 4, "--diffusion.timesteps", 50, *SMALL]


def steps_saved(folder):
    """Steps of the checkpoints that are there, oldest first."""
    return sorted(int(f.stem[-8:]) for f in folder.glob("checkpoints/step_*.safetensors"))


def wait_for(condition, process, seconds=120):
    """Wait until `condition()` holds of a process that goes on running."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, "it ended, or never came so far"
        time.sleep(0.002)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing happened to, and the command of the like of it, but for --out."""
    tmp = tmp_path_factory.mktemp("whole")
    (tmp / "c.toml").write_text("")
    data = write_npy(tmp / "data", *tiny_sprites(40, 8, 3))
    args = ["train", tmp / "c.toml", "--data", data, "--steps", STEPS, "--log.evaluate", 40, *OFTEN]
    result = run(*args, "--out", tmp / "run", patience=PATIENCE)
    assert result.returncode == 0, result.stderr
    return tmp / "run", args


def test_a_run_killed_many_times_ends_as_one_that_was_not(whole):
    folder, args = whole
    killed = folder.with_name("killed")
    chance, resumed = random.Random(0), []
    for life in range(KILLS + 1):
        go_on = ["--resume"] if steps_saved(killed) else []
        line = command(*args, "--out", killed, *go_on)
        process = start(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        last = max(steps_saved(killed), default=0)
        said = b""
        while b"step/s" not in said and b"s/step" not in said:  # it has begun to train
            said += process.stdout.read1()
            assert process.poll() is None, said
        if life < KILLS:
            few = chance.randrange(12)
            wait_for(lambda last=last + few: max(steps_saved(killed), default=0) >= last, process)
            time.sleep(chance.uniform(0, 0.05))  # to any moment between two checkpoints
        else:
            wait_for((killed / "best.safetensors").exists, process)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL and b"damaged" not in said
        resumed += go_on
    assert len(resumed) >= KILLS - 1
    stale = [
        killed / folder / PART.format(token="0123456789ab", suffix=suffix)  # as kills leave them
        for folder, suffix in (("checkpoints", ".safetensors"), ("samples", ".png"), ("", ".toml"))
    ]
    users = killed / ".notes.tmp"
    for path in (*stale, users):
        path.write_bytes(b"half of it")
    result = run(*args, "--out", killed, "--resume", patience=PATIENCE)
    assert result.returncode == 0, result.stderr
    assert "damaged" not in result.stderr  # a file that is there is whole

    assert content(killed) == content(folder) and "best.safetensors" in content(killed)
    assert curves(killed) == curves(folder) and "evaluation/frechet_distance" in curves(killed)
    assert not list(killed.rglob("*.part")) and users.exists()


class SmallDisk:
    """A file system of 16 MB in memory, seen only by a shell that is kept and, by that shell's /proc, by others."""

    def __init__(self, folder):
        self.shell = subprocess.Popen(
            ["unshare", "-rm", "sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.mounted = str(folder)
        self.path = Path(f"/proc/{self.shell.pid}/root{folder}")
        self.filler = self.path / "filler"

    def mount(self, *how):
        """Mount it, or once more with other options; returns what went wrong, if anything."""
        with contextlib.suppress(BrokenPipeError):
            self.shell.stdin.write(f"mount {' '.join(how)} {self.mounted}; echo status $?\n")
            self.shell.stdin.flush()
        said = ""
        while "status" not in said and (line := self.shell.stdout.readline()):
            said += line
        return "" if said == "status 0\n" else said or "the shell ended"

    def fill(self):
        """Write to it until it is full."""
        with contextlib.suppress(OSError), open(self.filler, "ab", buffering=0) as file:
            while True:
                file.write(bytes(65536))

    def close(self):
        self.shell.stdin.close()
        self.shell.wait()


@pytest.fixture
def disk(tmp_path):
    if not shutil.which("unshare"):
        pytest.skip("needs the command unshare")
    small = SmallDisk(tmp_path)
    try:
        wrong = small.mount("-t tmpfs -o size=16m tmpfs")
        if wrong or not os.path.ismount(small.path):
            pytest.skip(f"a file system cannot be mounted here: {wrong.strip()}")
        yield small
    finally:
        small.close()


def test_a_full_disk_loses_neither_the_run_nor_its_checkpoints(whole, disk, tmp_path_factory):
    folder, args = whole
    out, log = disk.path / "run", tmp_path_factory.mktemp("log") / "stderr"
    line = [*args, "--log.evaluate", 0, "--out", out]

    def begin(*more):
        return start(command(*line, *more), stdout=subprocess.DEVNULL, stderr=open(log, "wb"))

    process = begin()
    wait_for(lambda: max(steps_saved(out), default=0) > 0, process)
    while process.poll() is None:  # what the run gives back is taken as well
        disk.fill()
        time.sleep(0.01)
    told = log.read_text()
    assert process.returncode == 2 and "Traceback" not in told
    last = told.splitlines()[-1]
    before = steps_saved(out)
    assert 0 < before[-1] < STEPS
    assert last.startswith("error: [Errno 28] No space left on device: ") and told.count("error:") == 1
    assert last.endswith(f"; step_{before[-1]:08d}.safetensors is there to go on from with --resume")

    disk.filler.unlink()
    process = begin("--resume")
    wait_for(lambda: steps_saved(out)[-1] >= max(STEPS // 4, before[-1] + 3), process)  # the early weights are there

    def refused():
        disk.fill()
        told = log.read_text()
        return "events.out" in told and ".safetensors" in told

    wait_for(refused, process)
    before = steps_saved(out)
    disk.filler.unlink()
    wait_for(lambda: steps_saved(out)[-1] > before[-1], process)
    process.communicate(timeout=120)
    told = log.read_text()
    assert process.returncode == 0 and "Traceback" not in told, told
    missed = re.findall(r"warning: step (\d+) could not be written: \[Errno 28\]", told)
    assert missed and len(missed) < STEPS / 4  # only while it was full
    lost = {f"samples/{kind}_{int(step):07d}.png" for kind in ("grid", "path") for step in missed}
    kept = {name: bytes_ for name, bytes_ in content(folder).items() if name not in {*lost, "best.safetensors"}}
    assert content(out) == kept
    expected = {name: points for name, points in curves(folder).items() if not name.startswith(JUDGED)}
    assert curves(out) == expected  # also what was to be written while it was full


def test_a_run_folder_that_cannot_be_written_to_is_one_clear_line(whole, disk):
    folder, args = whole
    shutil.copytree(folder, disk.path / "run")
    assert not disk.mount("-o remount,ro")
    result = run(*args, "--out", disk.path / "run", "--resume")
    assert_one_line_error(result, "Read-only file system", str(disk.path / "run"))
    result = run(*args, "--out", disk.path / "new")
    assert_one_line_error(result, "Read-only file system", str(disk.path / "new"))


MAPPED = """import runpy, sys, sprites.reading.npy_pair
sprites.reading.npy_pair.IN_MEMORY = 0
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("kind", ["in memory", "mapped"])
def test_data_that_vanishes_during_a_run_is_missed_only_by_the_next(whole, tmp_path, kind):
    folder, args = whole
    data = shutil.copytree(folder.with_name("data"), tmp_path / "data")
    shutil.copytree(folder.with_name("judges"), tmp_path / "judges")
    args = ["train", args[1], "--data", data, "--steps", 40, "--log.evaluate", 40, *OFTEN, "--out", tmp_path / "run"]
    args += ["--optim.warmup", 10]  # shorter than the run, or there is a warning
    python, *rest = command(*args)
    process = start(
        [python, *(["-c", MAPPED] if kind == "mapped" else []), *rest], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    wait_for(lambda: max(steps_saved(tmp_path / "run"), default=0) > 0, process)
    process.send_signal(signal.SIGSTOP)
    maps = Path(f"/proc/{process.pid}/maps")
    if maps.exists():
        assert (str(data / "sprites.npy") in maps.read_text()) == (kind == "mapped")
    shutil.rmtree(data)
    process.send_signal(signal.SIGCONT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and b"warning" not in said, said
    assert steps_saved(tmp_path / "run")[-1] == 40
    assert curves(tmp_path / "run")["evaluation/class_accuracy"][0][0] == 40  # its judge reads all of the data
    if kind == "in memory":
        assert_one_line_error(run(*args, "--resume"), str(data), "there is no such folder")


def test_mapped_data_that_is_truncated_during_a_run_is_one_clear_line(whole, tmp_path):
    folder, args = whole
    data = shutil.copytree(folder.with_name("data"), tmp_path / "data")
    args = ["train", args[1], "--data", data, "--steps", 40, *OFTEN, "--log.evaluate", 0, "--out", tmp_path / "run"]
    python, *rest = command(*args)
    process = start([python, "-c", MAPPED, *rest], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: max(steps_saved(tmp_path / "run"), default=0) > 0, process)
    process.send_signal(signal.SIGSTOP)
    before = (data / "sprites.npy").read_bytes()
    os.truncate(data / "sprites.npy", 100)
    process.send_signal(signal.SIGCONT)
    _, said = process.communicate(timeout=120)
    last = said.decode().splitlines()[-1]
    assert process.returncode == 2 and said.count(b"error:") == 1 and b"Traceback" not in said, said
    assert last.startswith(
        f"error: {data / 'sprites.npy'}: truncated while it was in use, 100 of {len(before):,} bytes"
    )
    assert last.endswith(".safetensors is there to go on from with --resume")
    (data / "sprites.npy").write_bytes(before)
    result = run(*args, "--resume")
    assert result.returncode == 0 and steps_saved(tmp_path / "run")[-1] == 40, result.stderr
