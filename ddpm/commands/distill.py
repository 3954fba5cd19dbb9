"""Distil a trained model into a student that samples in few steps, with one prediction a step.

    python scripts/distill.py runs/mine
    python scripts/sample.py runs/mine/student --guidance 0 1 2 4

The student learns from sprites that its teacher samples. It takes the guidance scale as an input. Data is looked at
only for a teacher of tags, to see which of them go together.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_count, check_folder, check_seed
from ddpm.commands.shared.parsing import command_line, parse
from ddpm.config import OptimConfig, StudentConfig
from ddpm.system.console import progress
from ddpm.system.devices import DeviceName, pick_device
from ddpm.system.outputs import check_apart, held
from sprites.files import plural


@dataclass(frozen=True)
class Arguments:
    model: tyro.conf.Positional[Path]
    """The teacher: a run folder, a .safetensors file, or the name of a model that comes along."""
    data: Path | None = None
    """Of a teacher of tags, the folder that it was trained on; left out, as its run names it."""
    knots: tuple[int, ...] | None = None
    """Steps of the teacher, counted from 0, with which those of the student begin; left out, four: 0 3 4 5 of 8, 0 4 6
    8 of 12."""
    teacher_steps: int | None = None
    """Steps that the teacher samples with; left out, as many as it takes by default."""
    guidance: tuple[float, float] = StudentConfig.scales
    """Lowest and highest guidance scale to learn."""
    sprites: int = 24_000
    """Sprites that the teacher samples; with fewer, the student learns them by heart."""
    updates: int = 3000
    """Optimiser steps of the student's training."""
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(batch=64, lr=5e-4, muon_lr=5e-3))
    seed: int = 0
    out: Path | None = None
    """Folder for the student's model.safetensors; left out, student/ in the model's folder, of one that comes along in
    runs/NAME."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Replace the student that is in --out."""
    device: DeviceName = "auto"

    def check(self) -> None:
        """Refuse values and places that cannot work, before anything is computed."""
        check_count("--sprites", self.sprites, 10**7)
        check_count("--updates", self.updates, 10**9)
        check_seed(self.seed)


def check_student(out: Path, overwrite: bool) -> None:
    """Raise ValueError for a folder with a model, unless that is a student to overwrite."""
    from ddpm.runs.models import MODEL_FILE
    from ddpm.runs.tensor_files import read_safetensors

    file = out / MODEL_FILE
    if (out / "config.toml").exists() or (file.exists() and "student" not in read_safetensors(file)[1].get("spec", {})):
        raise ValueError(f"--out {out} holds a model that is no student, and would be lost; choose another --out")
    if file.exists() and not overwrite:
        raise ValueError(f"{out} holds a student already: add --overwrite to replace it, or choose another --out")


@exit_on_user_error
def main() -> int:
    args = parse(Arguments, __doc__)
    args.check()
    from ddpm.evaluation.tag_judge import tagged_data
    from ddpm.runs.folder import results_of, trained_with
    from ddpm.runs.models import MODEL_FILE, load_model, save_model
    from ddpm.sampling import priced, usual
    from ddpm.training.distillation import Distillation, contexts_to_learn, teacher_trajectories, usual_knots

    device = pick_device(args.device)
    teacher, spec = load_model(args.model)
    if spec.student:
        raise ValueError(f"{args.model} is a student itself; give the model that it was distilled from")
    steps = usual(spec)[1] if args.teacher_steps is None else args.teacher_steps
    config = StudentConfig(usual_knots(steps) if args.knots is None else args.knots, steps, args.guidance)
    teacher.to(device)
    trained = trained_with(args.model)
    folder = args.data or trained.data
    out = args.out or results_of(args.model) / "student"
    check_folder("--out", out)
    check_apart("--out", out, folder)
    data = tagged_data(folder, trained, spec) if spec.facets else None
    contexts = contexts_to_learn(spec, args.sprites, trained, args.seed, data)
    with held(out):
        check_student(out, args.overwrite)
        distillation = Distillation(teacher, spec, config, args.optim, args.seed)
        with progress(total=args.sprites, desc="teacher", unit="sprite") as bar:
            trajectories = teacher_trajectories(teacher, spec, config, contexts, args.seed, bar.update)
        with progress(
            distillation.train(trajectories, args.updates), total=args.updates, desc="student", unit="step"
        ) as bar:
            for step, loss in enumerate(bar, 1):
                if step % 50 == 0:
                    bar.set_postfix_str(f"loss {loss:.5f}")
        student = distillation.student
        save_model(out / MODEL_FILE, student, priced(student, distillation.spec, args.seed), args.updates)
    print(f"{out / MODEL_FILE}: {plural(len(config.knots), 'step')} a sprite, one prediction each")
    print(f"next: {command_line('sample')} {out} --guidance 0 1 2 4")
    return 0
