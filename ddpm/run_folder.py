"""The folder of a run: made, or looked at before the run in it goes on."""

from ddpm.checkpoint import BEST_FILE, EARLY_FILE, checkpoints
from ddpm.config import Config, flat, load_config, to_toml
from ddpm.outputs import drop_written_aside, written_aside

# Settings that a resumed run may change: where it and its data are, and what is tried when training diverged.
MAY_CHANGE = ("data", "out", "device", "optim.accumulate", "optim.lr", "optim.warmup", "optim.clip", "optim.precision")


def prepare_folder(config: Config, resume: bool, launch: str) -> bool:
    """Make the run folder, or check that the one to resume was made with these settings.

    Returns whether the run goes on: because of `resume`, or because the same `launch` began it, if that has a name, and
    has started its processes again. Raises ValueError if there is nothing to resume, or something that would be lost.
    """
    begun_by = config.out / "launch.txt"
    resume = resume or bool(launch and checkpoints(config.out) and begun_by.exists() and begun_by.read_text() == launch)
    saved = config.out / "config.toml"
    if resume:
        if not saved.exists():
            raise ValueError(f"nothing to resume: {config.out} holds no run; start without --resume")
        check_same(load_config(saved), config)
    elif checkpoints(config.out):
        raise ValueError(f"{config.out} already holds a run: add --resume to go on with it, or choose another --out")
    else:
        config.out.mkdir(parents=True, exist_ok=True)
        for kept in (BEST_FILE, EARLY_FILE):  # of a run that was here before
            (config.out / kept).unlink(missing_ok=True)
        with written_aside(saved) as aside:
            aside.write_text(to_toml(config), encoding="utf-8")
    for folder in ("", "checkpoints", "samples"):
        drop_written_aside(config.out / folder)
    if launch:
        begun_by.write_text(launch, encoding="utf-8")
    return resume


def check_same(before: Config, now: Config) -> None:
    """Raise ValueError unless a resumed run has the settings it began with, but for what it logs and `MAY_CHANGE`."""
    old, new = flat(before), flat(now)
    for name in sorted(old.keys() | new.keys()):
        if name not in MAY_CHANGE and not name.startswith("log.") and old.get(name) != new.get(name):
            raise ValueError(
                f"cannot resume with another setting: {name} was {old.get(name)}, now {new.get(name)}; "
                "give the old value, or start anew with another --out"
            )
