"""How long the models that come along take: sprites, walks, and whole commands from their start to their files."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from ddpm.animation import Animator
from ddpm.commands.bench.tables import Table
from ddpm.commands.bench.timing import Effort, interleave, medians, seconds_of
from ddpm.config import Sampling
from ddpm.context.condition import Condition
from ddpm.runs.models import load_model
from ddpm.sampling import Sampler

CPU = torch.device("cpu")
SCALE = 2.0  # of guidance


def sprites(name: str, count: int) -> Callable[[], object]:
    """Samples `count` guided sprites of a model that comes along."""
    model, spec = load_model(Path(name))
    contexts = spec.contexts()[torch.arange(count) % len(spec.categories)]
    return partial(Sampler(model, spec, Sampling()), Condition.of(contexts), SCALE, range(count))


def walks(count: int) -> Callable[[], object]:
    """Samples `count` guided walks of four frames, of what moves."""
    model, spec = load_model(Path("walks"))
    animator, rows = Animator(model, spec, Sampling()), [spec.categories.index(name) for name in spec.moving]
    contexts = spec.contexts()[torch.tensor(rows)[torch.arange(count) % len(rows)]]
    return lambda: animator(Condition.of(contexts), SCALE, range(count), spec.model.frames)


def command(*words: str) -> Callable[[], object]:
    """Runs Python with these words. Raises CalledProcessError if that fails."""
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)


def pretrained(scripts: Path, effort: Effort) -> Table:
    """Seconds of each, in turns. scripts: the folder of the commands."""
    many, few = effort.sprites, max(1, effort.sprites // 4)
    with tempfile.TemporaryDirectory() as folder:
        grid, walk = f"{folder}/grid.png", f"{folder}/walk.gif"
        calls = {
            f"{many} guided sprites": sprites("shipped", many),
            f"{many} by its student": sprites("shipped/student", many),
            f"{few} guided walks of four frames": walks(few),
            "sample.py shipped --guidance 2 --count 8": command(
                f"{scripts}/sample.py", "shipped", "--guidance", "2", "--count", "8", "--out", grid
            ),
            "animate.py --count 8": command(f"{scripts}/animate.py", "--count", "8", "--overwrite", "--out", walk),
            'python -c "import torch"': command("-c", "import torch"),
        }
        blocks = {name: partial(seconds_of, call, CPU) for name, call in calls.items()}
        found = medians(interleave(blocks, min(effort.rounds, 3), "models that come along"))
    notes = (f"s = {SCALE:g}, on {torch.get_num_threads()} cores; commands from their start to their files",)
    return Table("Models that come along", ("", "seconds"), list(found.items()), notes)
