"""Every single file operation of a run is made to fail, or to be the last before the process dies. The run then goes
on, and ends as if nothing had happened.

Runs are forked from this process, since importing torch takes far longer than such a run.
"""

import builtins
import io
import os
import re
import shutil
import signal
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from conftest import command_module, content, curves, tiny_sprites, write_npy

import ddpm.evaluation.in_training
import ddpm.runs.folder
import ddpm.show.board  # noqa: F401  all that a run imports, once

ALL = bool(os.environ.get("KILLS"))  # make faults; else a few of the operations
FULL, FAULTY = OSError(28, "No space left on device"), OSError(5, "Input/output error")
FLAGS = ["--steps", 5, "--log.checkpoint", 2, "--log.every", 2, "--log.validate", 3, "--log.snapshot", 3]
FLAGS += [
    "--log.early",
    0.4,
    "--log.guidance",
    1,
    "--log.count",
    1,
    "--log.evaluate",
    3 if ALL else 0,
    "--log.evaluate-count",
    2,
]
FLAGS += ["--diffusion.timesteps", 4, "--model.widths", 8, "--model.attention", "--optim.batch", 4]
FLAGS += ["--optim.precision", "fp32", "--val-fraction", 0.3]
DIED = 9


@dataclass
class Operations:
    """All operations below a folder that change files, counted from 0. One of them fails, with `error`, or, without an
    error, is the end of the process; half of the bytes of a write are written before."""

    folder: Path
    at: int | None = None
    error: OSError | None = None
    done: list[str] = field(default_factory=list)

    def before(self, name: str, path: object, half=lambda: None) -> None:
        path = Path(os.fsdecode(path))
        if not path.is_relative_to(self.folder):
            return
        self.done.append(f"{name} {path.relative_to(self.folder)}")
        if len(self.done) - 1 == self.at:
            half()
            if self.error is None:
                os._exit(DIED)
            raise OSError(self.error.errno, self.error.strerror)

    def patch(self) -> None:
        """Have them go through `before`, for the rest of this process."""
        for name in ("mkdir", "rmdir", "unlink", "remove", "rename", "replace", "open", "fsync"):
            setattr(os, name, self.watched(name, getattr(os, name)))
        builtins.open = io.open = self.opener(io.open)

    def watched(self, name, call):
        def watching(path, *args, **how):
            at = os.readlink(f"/proc/self/fd/{path}") if isinstance(path, int) else path
            if "dir_fd" not in how:
                self.before(name, at)
            return call(path, *args, **how)

        return watching

    def opener(self, call):
        operations = self

        class Watched(io.FileIO):
            def write(self, data):
                half = lambda: super(Watched, self).write(memoryview(data)[: len(data) // 2])
                operations.before("write", self.name, half)
                return super().write(data)

            def truncate(self, size=None):
                operations.before("truncate", self.name)
                return super().truncate(size)

        def opening(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *args):
            if isinstance(file, int) or not set(mode) & set("wax+"):
                return call(file, mode, buffering, encoding, errors, newline, *args)
            operations.before("open", file)
            raw = Watched(file, re.sub("[bt]", "", mode))
            buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

        return opening


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A folder with a run that nothing happened to, and a function that trains one like it: (run folder, more flags,
    the operation that goes wrong) -> exit code, what was said, and the operations that were done."""
    tmp = tmp_path_factory.mktemp("operations")
    (tmp / "c.toml").write_text("")
    data = write_npy(tmp / "data", *tiny_sprites(20, 8, 3))
    script = command_module("train")

    def arguments(run: Path, *more: str) -> list[str]:
        return [str(a) for a in ["train.py", tmp / "c.toml", "--data", data, "--out", run, *FLAGS, *more]]

    def train(run: Path, *more: str, at: int | None = None, error: OSError | None = None) -> tuple[int, str, list[str]]:
        operations = Operations(run, at, error)
        if not (child := os.fork()):
            code = 70
            signal.alarm(300)
            try:
                sys.stdout = sys.stderr = open(tmp / "said", "w", buffering=1)  # noqa: SIM115
                sys.argv = arguments(run, *more)
                operations.patch()
                code = script.main()
            except BaseException:
                traceback.print_exc()
            finally:
                with open(tmp / "done", "w") as file:
                    file.write("\n".join(operations.done))
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code, (tmp / "said").read_text(), (tmp / "done").read_text().splitlines()

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # children have none of the others
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ddpm.evaluation.in_training.LOOKED_AT", 2)  # sprites that nothing here hangs on
        with patch.context() as first:  # in this process, so that what is imported late is so only once
            first.setattr("sys.argv", arguments(tmp / "whole"))
            assert script.main() == 0
        yield tmp, train
    torch.set_num_threads(threads)


def steps(run: Path) -> list[int]:
    """Of the checkpoints that are there, oldest first."""
    return sorted(int(path.stem[-8:]) for path in run.glob("checkpoints/step_*.safetensors"))


def resuming(run: Path) -> list[str]:
    """The flag that goes on with a run, if it is needed."""
    return ["--resume"] if steps(run) else []


def tried(done: list[str], error: OSError | None, begun: bool) -> list[int]:
    """The operations to try: all, or a few of the first or of the middle ones of each kind."""
    if ALL:
        return list(range(len(done)))
    kinds = {}
    for at, what in enumerate(done):
        kinds.setdefault(re.sub(r"[0-9a-f]{12}|\d+", "*", what), []).append(at)
    if error is FAULTY:
        return [places[0] for what, places in kinds.items() if what.startswith("write")]
    return sorted(places[len(places) // 2] for places in kinds.values())[error is FULL :: 8 if begun else 5]


def differences(run: Path, whole: Path) -> list[str]:
    """How a run differs from one that nothing happened to."""
    found, expected = content(run), content(whole)
    wrong = [f"{name} is missing" for name in expected.keys() - found.keys()]
    wrong += [f"{name} is too much" for name in found.keys() - expected.keys()]
    wrong += [f"{name} is another" for name in found.keys() & expected.keys() if found[name] != expected[name]]
    if curves(run) != curves(whole):
        wrong.append("the curves are others")
    return wrong + [f"{path.relative_to(run)} is left" for path in run.rglob(".ddpm*")]


def told(problem: str, said: str, run: Path) -> bool:
    """Whether a warning told it: what could not be written is not there, or is older, as is one of two checkpoints."""
    name, _, what = problem.partition(" is ")
    if name.startswith("checkpoints/"):
        missed = map(int, re.findall(r"warning: step (\d+) could not be written", said))
        return len(steps(run)) == 2 and (what == "too much" or int(name[-20:-12]) in missed)
    if problem == ".ddpm.lock is left":  # the next run takes it
        return True
    return f"{name}'; training goes on" in said and (what == "missing" or name == "best.safetensors")


@pytest.mark.parametrize("begun", [False, True], ids=["new", "begun"])
@pytest.mark.parametrize("error", [None, FULL, FAULTY], ids=["dies", "full disk", "faulty disk"])
def test_whatever_operation_goes_wrong_the_run_ends_the_same(scene, begun, error):
    tmp, train = scene
    whole, run, half, wrong = tmp / "whole", tmp / "run", tmp / f"half {error}", []

    def start(**how):
        shutil.rmtree(run, ignore_errors=True)
        if begun:
            shutil.copytree(half, run)
        return train(run, *resuming(run), **how)

    if begun:
        _, _, done = train(tmp / "counted")
        shutil.rmtree(tmp / "counted")
        assert train(half, at=len(done) * 2 // 3)[0] == DIED and steps(half)
    code, said, done = start()
    assert code == 0 and not differences(run, whole), said
    for at in tried(done, error, begun):
        code, first, _ = start(at=at, error=error)
        problems = [] if code in ((DIED,) if error is None else (0, 2)) else [f"exit code {code}"]
        if code == 2 and (len(re.findall("^error:", first, re.MULTILINE)) != 1 or "Traceback" in first):
            problems.append("not one line")
        said = ""
        if code:
            code, said, _ = train(run, *resuming(run))
            problems += [f"then exit code {code}"] * bool(code) + ["damaged"] * ("damaged" in said)
        problems += [p for p in differences(run, whole) if error is None or not told(p, first, run)]
        if problems:
            wrong.append(f"{at} {done[at]}: {problems}\n  {first[-700:]}\n  {said[-700:]}")
    assert not wrong, "\n".join(wrong)
