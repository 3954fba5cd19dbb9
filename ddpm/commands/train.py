"""Train on a folder of sprites.

    python scripts/train.py configs/sprites16.toml --data FOLDER --out runs/mine
    python scripts/train.py configs/sprites16.toml --out runs/mine --resume      # go on after a stop
    torchrun --nproc-per-node 2 scripts/train.py configs/sprites16.toml --out runs/mine      # on several processes

Any setting of the config can be given on the command line, as in --model.widths 48 96 128 --optim.lr 1e-3.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.commands.shared.flags import check_run
from ddpm.commands.shared.parsing import command_line, parse
from ddpm.config import Config, doubts, load_config
from ddpm.system.console import warn
from ddpm.system.outputs import check_apart, held
from sprites.files import plural

if TYPE_CHECKING:
    from ddpm.training.trainer import Trainer


@dataclass(frozen=True)
class Arguments:
    config: tyro.conf.Positional[Path]
    """TOML file with the settings of the run."""
    settings: Annotated[Config, tyro.conf.arg(name="")]
    resume: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Go on from the newest checkpoint of --out; with more --steps than before, the run becomes longer."""
    overwrite: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Begin anew where --out holds a run already, whose files are removed; others in the folder stay."""


def parse_all() -> Arguments:
    """The command line, over the TOML file it names, over the defaults."""
    path = next((Path(a) for a in sys.argv[1:] if a.endswith(".toml")), None)
    config = load_config(path) if path else Config()
    arguments = parse(Arguments, __doc__, Arguments(path or tyro.MISSING, config))
    if arguments.config != path:
        raise ValueError(f"{arguments.config}: the config must be a file that ends in .toml, given before the flags")
    check_run(arguments.settings, arguments.resume)
    return arguments


def begin_or_resume(trainer: "Trainer", resume: bool, overwrite: bool, tell: Callable[[str], object]) -> bool:
    """Prepare the folder of the trainer's run, as the main process; all take its newest checkpoint if it goes on.

    Returns whether it does. `tell` is given lines about it.
    """
    from ddpm.runs.folder import prepare_folder, save_settings
    from ddpm.system.distributed import highest, is_main, main_first
    from ddpm.system.processes import launch
    from ddpm.training.optim import learning_rate

    config, before = trainer.config, None
    with main_first():
        if is_main():
            before = prepare_folder(config, resume, overwrite, launch())
    resumed = bool(highest(before is not None))
    if resumed:
        tell(f"resuming from {trainer.resume()}, step {trainer.step}")
        with main_first():
            if is_main():
                save_settings(config, launch())
    if before and before.steps != config.steps:
        was, now = (learning_rate(trainer.step + 1, c.steps, c.optim.warmup) for c in (before, config))
        change = f"the learning rate goes on at {now:.2f} of its peak, where it was {was:.2f}, and ends at zero"
        tell(f"the run now ends at step {config.steps}, before at {before.steps}; {change}")
    return resumed


def told_best(trainer: "Trainer") -> None:
    """Say which step the model is of, if not of the last one, and whether few sprites were learnt by heart."""
    from ddpm.evaluation.in_training import FEW, ByHeart

    if trainer.kept and 0 < trainer.kept.step < trainer.step:
        print(f"training went too far after step {trainer.kept.step}: the weights of that step are kept")
    if len(trainer.data.train) <= FEW and trainer.config.endless == "none" and not trainer.config.copies:
        model, step = trainer.best
        ByHeart(trainer.config, trainer.data)(model, trainer.spec, step)


def train(trainer: "Trainer", resumed: bool) -> int:
    """Run to the end, with all that the main process writes about it; returns the exit code."""
    from ddpm.evaluation.in_training import ByHeart, Evaluation
    from ddpm.runs.checkpoints import checkpoints
    from ddpm.sampling import priced
    from ddpm.show.board import Board
    from ddpm.system.distributed import is_main
    from ddpm.training.trainer import Hooks, NonFiniteLoss

    config, data = trainer.config, trainer.data
    if not is_main():
        try:
            stopped_by = trainer.train()
        except NonFiniteLoss:
            return 1
        return 128 + stopped_by if stopped_by else 0
    purge_step = (trainer.step + 1 if trainer.step else 0) if resumed else None
    board = Board(config, trainer.spec, data.describe(), purge_step)
    evaluation = Evaluation(config, data)
    try:
        by_heart = ByHeart(config, data)
        hooks = Hooks(board.scalars, board.snapshot, evaluation, by_heart, priced, board.flush)
        stopped_by = trainer.train(hooks)
    except NonFiniteLoss as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    except OSError as e:
        whole = checkpoints(config.out)
        raise OSError(f"{e}; {whole[-1].name} is there to go on from with --resume" if whole else e) from e
    finally:
        if checkpoints(config.out):  # curves alone could be those of a long run whose weights were removed
            board.close()
    if stopped_by:
        print(f"stopped at step {trainer.step} and saved; go on with --resume")
        return 128 + stopped_by
    told_best(trainer)
    print(f"done: weights in {config.out / 'model.safetensors'}, pictures in {board.samples}")
    if evaluation.judge:
        print(f"best by evaluation: best.safetensors, with a Frechet distance of {evaluation.best:.3f}")
    if trainer.spec.moving:
        print(f"next: {command_line('animate')} {config.out}")
    print(f"next: {command_line('sample')} {config.out} --guidance 0 1 2 4, or make board")
    return 0


@exit_on_user_error
def main() -> int:
    arguments = parse_all()
    config = arguments.settings
    from ddpm.runs.folder import check_run_folder
    from ddpm.system.distributed import is_main, join, main_first, world
    from ddpm.system.processes import launch

    device = join(config.device)
    from ddpm.data.loading import load_data
    from ddpm.training.trainer import Trainer, check_batch

    tell = print if is_main() else lambda _: None
    with main_first():
        check_batch(config)
        check_apart("--out", config.out, config.data)
        if is_main():
            check_run_folder(config, arguments.resume, arguments.overwrite, launch())
        data = load_data(config.data, config)
    tell(f"{config.data}: {data.describe()}")
    if not config.tags and (config.data / "tags.csv").exists():
        tell("its tags.csv is not learnt; --tags learns it")
    if data.palette is not None:
        tell(f"a palette of {plural(len(data.palette), 'colour')}, to which what is sampled will keep")
    if not len(data.val):
        tell("no sprite is held out, so there is no validation loss; a larger --val-fraction holds some out")
    trainer = Trainer(config, data, device)
    with ExitStack() as stack:
        with main_first():
            if is_main():
                stack.enter_context(held(config.out))
        resumed = begin_or_resume(trainer, arguments.resume, arguments.overwrite, tell)
        parameters = sum(p.numel() for p in trainer.model.parameters()) / 1e6
        processes = f", {world()} processes" if world() > 1 else ""
        about = f"{parameters:.2f} M parameters on {device} in {trainer.precision}{processes}"
        tell(f"{about}, {plural(trainer.config.steps, 'step')}; run folder {config.out}")
        if trainer.taken:
            tell(f"from {trainer.config.start}: {trainer.taken.about}")
        notes = trainer.taken.notes if trainer.taken else ()
        doubted = (*data.notes, *notes, *doubts(trainer.config, trainer.spec.diffusion))
        for doubt in doubted if is_main() and not resumed else ():
            warn(doubt)
        return train(trainer, resumed)
