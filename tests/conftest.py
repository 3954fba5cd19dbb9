import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import warm
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

if TYPE_CHECKING:
    from ddpm.network.unet import ContextUNet
    from ddpm.runs.spec import ModelSpec

ROOT = Path(__file__).parent.parent


# Files whose tests take longest, in this order: they are begun first, so that all workers end at about the same time.
FIRST = [
    "distributed",
    "scripts",
    "operations",
    "benchmark",
    "faults",
    "hostile",
    "evaluate",
    "trainer",
    "distill",
    "types",
    "tag_context",
    "onnx",
    "packaging",
    "one_place",
    "pretrained",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {f"test_{name}": place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def tiny_sprites(n: int, size: int, channels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n distinct sprites of two categories: bright squares (0) and dark bars (1), uint8 [n, size, size, channels]."""
    rng = np.random.default_rng(seed)
    images = np.full((n, size, size, channels), 255 if channels == 3 else 0, np.uint8)
    labels = np.arange(n) % 2
    for image, label in zip(images, labels, strict=True):
        y, x = rng.integers(1, size // 2, 2)
        part = image[y : y + size // 2, x : x + size // 2] if label == 0 else image[:, x : x + 2]
        part[..., :3] = rng.integers(150, 255, 3) if label == 0 else rng.integers(0, 90, 3)
        if channels == 4:
            part[..., 3] = 255
    return images, labels


@pytest.fixture
def npy_folder(tmp_path: Path) -> Path:
    """A folder with 40 sprites of 8x8 RGB in the form of an npy pair."""
    return write_npy(tmp_path / "data", *tiny_sprites(40, 8, 3))


def write_npy(folder: Path, images: np.ndarray, labels: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    np.save(folder / "sprites.npy", images)
    np.save(folder / "labels.npy", labels)
    (folder / "categories.json").write_text(json.dumps(["square", "bar"]))
    return folder


SMALL = ["--model.widths", "16", "16", "--model.attention", "1", "--optim.batch", "8", "--optim.precision", "fp32"]


# Modules of commands, by the names of their scripts, that do not stand in ddpm.commands by these names.
ELSEWHERE = {"bench": "bench.race", "bench_gpu": "bench.gpu"}
MEASURES = ("sweep", "compare", "facets", "palettes", "editing", "walks", "losses")
ELSEWHERE |= {name: f"measure.{name}" for name in MEASURES}
ELSEWHERE |= {name: f"files.{name}" for name in ("prepare", "export", "export_web")}


def command_module(script: str) -> ModuleType:
    """The module whose main() a script runs."""
    return importlib.import_module(f"ddpm.commands.{ELSEWHERE.get(script, script)}")


def command(script: str, *args: object) -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / f"{script}.py"), *map(str, args)]


def start(line: Sequence[object], fresh: bool = False, **how: Any) -> subprocess.Popen:
    """Start a Python command line, as of `command`, with the arguments of subprocess.Popen.

    fresh: by an interpreter of its own, as a user starts it; else by a fork that has torch already (see warm.py).
    """
    popen = subprocess.Popen if fresh or sys.platform != "linux" else warm.Popen
    return popen(list(map(str, line)), **how)


def finish(line: Sequence[object], patience: float = 240, **how: Any) -> subprocess.CompletedProcess:
    """Run a Python command line, as `start`, to its end, for so many seconds at most, and capture what it says."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | how
    with start(line, **how) as process:
        try:
            out, err = process.communicate(timeout=patience)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(line, process.returncode, out, err)


def run(script: str, *args: object, **how: Any) -> subprocess.CompletedProcess:
    """Run one of the scripts, as `finish`."""
    return finish(command(script, *args), **how)


@pytest.fixture
def run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Callable:
    """A function as `run`, which runs a script in this process, in an empty folder, and captures what it says but the
    bars of its progress."""
    monkeypatch.chdir(tmp_path)

    def run_it(script: str, *args: object) -> subprocess.CompletedProcess:
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *map(str, args)])
        capfd.readouterr()
        code = command_module(script).main()
        out, err = capfd.readouterr()
        lines = [line for line in err.splitlines() if line.strip() and "sprite/s" not in line]
        return subprocess.CompletedProcess(script, code, out, "\n".join(lines))

    return run_it


def untrained(spec: "ModelSpec") -> "ContextUNet":
    """A network as the spec says, all of whose weights are random: a new one has zeros, and predicts nothing."""
    import torch

    torch.manual_seed(0)
    network = spec.build()
    with torch.no_grad():
        for p in network.parameters():
            p += 0.05 * torch.randn_like(p)
    return network.eval()


def assert_one_line_error(result: subprocess.CompletedProcess, *words: str) -> None:
    """Exit code 2, one line on stderr that has the words, no traceback."""
    assert result.returncode == 2, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in lines[0]


def curves(folder):
    """What TensorBoard shows of a run: for each curve but that of the speed, its steps and values."""
    found = EventAccumulator(str(folder / "tb"), size_guidance={"scalars": 0}).Reload()
    names = set(found.Tags()["scalars"]) - {"train/sprites_per_second"}
    return {name: [(e.step, e.value) for e in found.Scalars(name)] for name in names}


def content(folder):
    """Bytes of the files of a run that say what was learnt: weights, states of training, pictures."""
    files = [f for pattern in ("*.safetensors", "checkpoints/*", "samples/*") for f in folder.glob(pattern)]
    return {str(f.relative_to(folder)): f.read_bytes() for f in files}
