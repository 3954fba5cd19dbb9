"""The commands of scripts/, for an installed package: python -m ddpm train CONFIG.toml ..."""

import importlib
import pkgutil
import sys
from importlib.metadata import version

from ddpm import commands
from ddpm.commands import files, measure
from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.system.names import first_line, functions, near


def modules() -> dict[str, str]:
    """Of each command, by its name, the module whose main() it is."""
    rooms = (commands, files, measure)
    found = [
        (m.name, f"{room.__name__}.{m.name}")
        for room in rooms
        for m in pkgutil.iter_modules(room.__path__)
        if not m.ispkg and "main" in functions(f"{room.__name__}.{m.name}")
    ]
    return dict(sorted(found))


@exit_on_user_error
def main() -> int:
    """Run the command that the first word names. Raises ValueError for an unknown one."""
    known = modules()
    word = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if word in ("-h", "--help"):
        width = max(map(len, known))
        print("usage: python -m ddpm COMMAND ...; python -m ddpm COMMAND --help tells its flags\n")
        for name, module in known.items():
            print(f"  {name:{width}}  {first_line(module)}")
        return 0
    if word == "--version":
        print(f"ddpm-sprites {version('ddpm-sprites')}, torch {version('torch')}")
        return 0
    if word not in known:
        meant = near(word, known)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
        raise ValueError(f"unknown command {word!r}: {hint}")
    del sys.argv[1]
    sys.argv[0] = f"python -m ddpm {word}"
    return importlib.import_module(known[word]).main()


if __name__ == "__main__":
    sys.exit(main())
