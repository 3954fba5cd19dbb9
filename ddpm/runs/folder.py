"""The folder of a run: what is in it, whether a run may begin or go on there. Nothing in it is lost unasked."""

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from ddpm.config import Config, load_config, to_toml
from ddpm.runs.checkpoints import checkpoints
from ddpm.runs.models import BEST_FILE, EARLY_FILE, MODEL_FILE, PRETRAINED, found
from ddpm.runs.tensor_files import read_safetensors
from ddpm.system.console import warn
from ddpm.system.outputs import LOCK, PARTS, drop_written_aside, write_texts
from ddpm.system.settings import flat

CONFIG_FILE, LAUNCH_FILE = "config.toml", "launch.txt"
CURVES = "tb/events.out.tfevents.*"
FIRST = "checkpoints/step_00000000.safetensors"
MOST_AT_START = 2**20  # bytes of curves that a run can have before its first step
# The files of a run, in the order in which they are removed: a run can begin in what is left of one that made no step.
FILES = (
    *(CURVES, f"samples/grid_{7 * '[0-9]'}.png", f"samples/path_{7 * '[0-9]'}.png", EARLY_FILE, BEST_FILE),
    *(LAUNCH_FILE, CONFIG_FILE),
    *(f"checkpoints/step_{8 * '[0-9]'}.{kind}" for kind in ("damaged", "safetensors")),
    MODEL_FILE,
)
# Settings that a resumed run may change: how long it is, where it and its data are, how much of contexts is hidden, and
# what is tried when training diverged.
MAY_CHANGE = (
    *("steps", "data", "out", "device"),
    *("keep_context", "keep_tag", "few_tags", "category_alone", "keep_history"),
    "model.pointer",  # which runs of the first versions had not
    *("optim.accumulate", "optim.lr", "optim.warmup", "optim.clip", "optim.precision"),
)


def run_of(model: Path) -> Path:
    """The folder that a model, a run folder, a file or a name, is in."""
    model = found(model)
    return model if model.is_dir() else model.parent


def results_of(model: Path) -> Path:
    """The folder for what is measured of a model: that of its run, or runs/NAME of one that comes along."""
    run = run_of(model)
    return Path("runs") / run.relative_to(PRETRAINED) if run.is_relative_to(PRETRAINED) else run


def judges_beside(model: Path) -> Path:
    """Where the judges for a model are kept: judges/ beside its run, or in the folder of a file without a run."""
    run = run_of(model)
    if run.is_relative_to(PRETRAINED):
        return Path("runs") / "judges"
    return (run.absolute().parent if (run / CONFIG_FILE).exists() else run) / "judges"


def trained_with(model: Path) -> Config:
    """The settings of the run that a model belongs to; without its config.toml, the default ones."""
    saved = run_of(model) / CONFIG_FILE
    return load_config(saved) if saved.exists() else Config()


def check_run_folder(config: Config, resume: bool, overwrite: bool, launched_by: str) -> bool:
    """Whether the run in `config.out` goes on; nothing is written.

    It does with `resume`, or if this launch of torchrun began it and has started its processes again. launched_by: the
    name of the launch, or "". Raises ValueError if there is nothing to resume, or if something would be lost that
    `overwrite` does not give up.
    """
    out = config.out
    if resume and overwrite:
        raise ValueError("--resume goes on with a run, --overwrite begins anew in its place; give one of them")
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file; name a folder")
    if resume or is_begun_by(out, launched_by):
        check_resumable(config)
        return True
    if not startable(config):
        refuse(out, overwrite)
    return False


def prepare_folder(config: Config, resume: bool, overwrite: bool, launched_by: str) -> Config | None:
    """Make the folder for a new run, or clean that of the run to go on with. No other process may write to it: see
    `held`.

    Returns the settings that the run had until now, or None if it begins. Raises ValueError as `check_run_folder`.
    """
    out, saved = config.out, config.out / CONFIG_FILE
    goes_on = check_run_folder(config, resume, overwrite, launched_by)
    out.mkdir(parents=True, exist_ok=True)
    drop_written_aside(out, "", ".safetensors", ".toml", ".txt")
    drop_written_aside(out / "checkpoints", ".safetensors")
    drop_written_aside(out / "samples", ".png")
    if goes_on and not saved.exists():
        warn(f"{saved} is missing; the settings that are given now are taken for those of the run")
        return config
    if goes_on:
        return load_config(saved)
    clear(out)
    save_settings(config, launched_by)
    return None


def save_settings(config: Config, launched_by: str) -> None:
    """Write the resolved settings of a run that begins or goes on, and which launch it belongs to."""
    texts = {CONFIG_FILE: to_toml(config)} | ({LAUNCH_FILE: launched_by} if launched_by else {})
    write_texts(config.out, texts)


def is_begun_by(out: Path, launched_by: str) -> bool:
    """Whether the run in the folder was begun by this launch."""
    file = out / LAUNCH_FILE
    return bool(launched_by and checkpoints(out) and file.exists() and file.read_text(encoding="utf-8") == launched_by)


def clear(out: Path) -> None:
    """Remove the files of a run. All others in the folder stay."""
    for pattern in FILES:
        for file in out.glob(pattern):
            file.unlink()


def contents(out: Path) -> Iterator[str]:
    """Paths in a folder of files at any depth and of links to folders, without locks and files that are not whole.

    They come one after another, since it may be any folder of the user's, of any size.
    """
    for folder, folders, names in os.walk(out):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted(names + links):
            if name != LOCK and not fnmatch(name, PARTS):
                yield Path(folder, name).relative_to(out).as_posix()


def startable(config: Config) -> bool:
    """Whether a run can begin in its folder and nothing is lost.

    So it is where there are no files, or only those that a run has before its first step, as one that found no memory
    for that leaves them.
    """
    out = config.out
    at_start = is_first(out / FIRST) or is_first(out / MODEL_FILE)
    saved = out / CONFIG_FILE
    ours = saved.is_file() and ((at_start and is_resolved(saved)) or saved.read_bytes() == to_toml(config).encode())
    return all(
        (name in (CONFIG_FILE, LAUNCH_FILE) and ours)
        or (name in (MODEL_FILE, FIRST) and is_first(out / name))
        or (fnmatch(name, CURVES) and is_empty(out / name))
        for name in contents(out)
    )


def is_first(weights: Path) -> bool:
    """Whether a file holds the weights, or the state of training, of a run that has made no step."""
    try:
        return read_safetensors(weights)[1].get("step") == 0
    except (ValueError, OSError):
        return False


def is_resolved(config: Path) -> bool:
    """Whether a run wrote this file of settings, and no person."""
    try:
        return to_toml(load_config(config)) == config.read_text(encoding="utf-8")
    except ValueError:
        return False


def is_empty(events: Path) -> bool:
    """Whether a TensorBoard file has nothing of any step."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    if events.stat().st_size > MOST_AT_START:
        return False
    return not any(event.step for event in EventFileLoader(str(events)).Load())


def refuse(out: Path, overwrite: bool) -> None:
    """Raise ValueError for a folder in which no run may begin, saying what is there and what can be done. overwrite:
    the files of a run may be removed."""
    of_run = [file.relative_to(out).as_posix() for pattern in FILES for file in out.glob(pattern)]
    if of_run == [CONFIG_FILE] and not is_resolved(out / CONFIG_FILE):
        raise ValueError(f"{out} holds a {CONFIG_FILE} that no run wrote, and that would be lost; choose another --out")
    if overwrite:
        return
    if checkpoints(out):
        raise ValueError(
            f"{out} already holds a run: add --resume to go on with it, --overwrite to begin anew in its place, or "
            "choose another --out"
        )
    if of_run:
        raise ValueError(
            f"{out} holds {of_run[0]} of a run that cannot be gone on with, since it has no checkpoints: choose "
            "another --out, or add --overwrite to begin anew in its place"
        )
    raise ValueError(
        f"{out} holds {next(contents(out))}, which is not of a run: choose another --out, or add --overwrite to put "
        "the run beside it"
    )


def check_resumable(config: Config) -> None:
    """Raise ValueError unless there is a run to go on with, begun with these settings."""
    out, saved = config.out, config.out / CONFIG_FILE
    if not checkpoints(out):
        what = f"{out} holds no checkpoint" if out.exists() else f"there is no folder {out}"
        how = "without --resume" if startable(config) else "in another --out, or with --overwrite in this one"
        raise ValueError(f"nothing to resume: {what}; start {how}")
    if saved.exists():
        check_same(load_config(saved), config)


def check_same(before: Config, now: Config) -> None:
    """Raise ValueError if settings of a resumed run have changed, other than those of its log and `MAY_CHANGE`."""
    old, new = flat(before), flat(now)
    if new.get("start") == "auto" and "start" in old:  # then the same sprites led to it
        new["start"] = old["start"]
    for name in sorted(old.keys() | new.keys()):
        if name not in MAY_CHANGE and not name.startswith("log.") and old.get(name) != new.get(name):
            raise ValueError(
                f"cannot resume with another setting: {name} was {old.get(name)}, now {new.get(name)}; "
                "give the old value, or start anew with another --out"
            )
