"""What the commands share: one line for a user's mistake, warnings, signals, the choice of device."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from tqdm import tqdm

if TYPE_CHECKING:  # importing torch takes seconds, in which a mistyped flag could have been told
    import torch

T = TypeVar("T")


def exit_on_user_error(main: Callable[[], int]) -> Callable[[], int]:
    """Turn a ValueError, an error of the file system or a want of memory into one line on stderr and exit code 2;
    Ctrl-C into 130."""

    @wraps(main)
    def wrapped() -> int:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")  # names hold letters that not every console has
        try:
            return main()
        except BrokenPipeError:  # who read the output has left, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the rest fails when this process ends
            return 141
        except Exception as e:
            if not (told := mistake(e)):
                raise
            rank = int(os.environ.get("RANK", "0")) if several_processes() else 0
            if rank and "torch" not in sys.modules:  # it is in the command line, which is the same for all
                leave_it_to_main()
            where = f" (process {rank})" if rank else ""
            print(f"error{where}: {one_line(told)}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130

    return wrapped


def mistake(error: Exception) -> str:
    """What to tell a user of an error that is theirs, the file system's or a want of memory; "" if it is none."""
    if isinstance(error, (ValueError, OSError)):
        return str(error)
    words = ("out of memory", "not enough memory", "can't allocate memory")  # of torch's RuntimeErrors
    if not isinstance(error, MemoryError) and not any(word in str(error) for word in words):
        return ""
    wanted = re.search(r"allocate ([\d.]+ ?\w+)", str(error))
    return f"out of memory{f' at {wanted[1]} more' if wanted else ''}: take less at a time, or a smaller network"


def one_line(what: object, most: int = 2000) -> str:
    """A message as one printable line: names in it may hold line breaks, or commands to the terminal."""
    line = " ".join(str(what).split())
    if len(line) > most:
        line = f"{line[: most - 500]} ... {line[-500:]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


class Lines(tqdm):
    """A progress bar for what is no terminal: whole lines, the first and last of them and one a minute at most."""

    EVERY = 60  # seconds
    FORMAT = "{l_bar} {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
    said: tuple[int, float] | None = None  # how much was done at the last line, and when that was

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Write a line if one is due. A bar that is not to be left is first told after a minute."""
        if self.said is None and self.leave is False:
            self.said = (self.n, time.monotonic())
        if self.said is None or time.monotonic() >= self.said[1] + self.EVERY:
            self.tell()

    def tell(self) -> None:
        self.said = (self.n, time.monotonic())
        self.fp.write(f"{one_line(self)}\n")
        self.fp.flush()

    def clear(self, nolock: bool = False) -> None:
        """Nothing: lines stay."""

    def close(self) -> None:
        if not self.disable and self.leave is not False and self.said and self.said[0] != self.n:
            self.tell()
        self.leave = False  # no empty line
        super().close()


def progress(iterable: Iterable[T] | None = None, desc: str | None = None, **how: Any) -> tqdm:
    """A progress bar on stderr, with the arguments of tqdm: one that fits the terminal, or `Lines` where there is none
    or it cannot go back in a line."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        columns, rows = os.get_terminal_size(sys.stderr.fileno())  # 0 where nobody has told; tqdm would write nothing
        size = {"dynamic_ncols": True} if columns and rows else {"ncols": (columns or 80) - 1, "nrows": 24}
        return tqdm(iterable, desc, **(size | how))
    return Lines(iterable, desc, **({"bar_format": Lines.FORMAT} | how))


def warn(what: str) -> None:
    """One line on stderr, above a progress bar if there is one."""
    tqdm.write(f"warning: {one_line(what)}", file=sys.stderr)


def attempt(step: int, write: Callable[..., T], *args: object) -> T | None:
    """What `write` returns; if the file system will not have it (a full disk, say), None: training can go on, and
    what was written before stands."""
    try:
        return write(*args)
    except OSError as e:
        warn(f"step {step} could not be written: {e}; training goes on")
        return None


def several_processes() -> bool:
    """Whether this is one of several processes that torchrun, or the like of it, started."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def leave_it_to_main() -> NoReturn:
    """Leave in silence, since the main process tells what is wrong; after it, as torchrun ends all when one leaves."""
    time.sleep(10)
    raise SystemExit(2)


def pick_device(name: str) -> "torch.device":
    """The device of a command that runs as one process. Raises ValueError as `device_named`, and under torchrun."""
    if several_processes():
        raise ValueError("this command runs as one process: start it with python, not with torchrun")
    return device_named(name)


def device_named(name: str) -> "torch.device":
    """The device for "auto" (a GPU if there is one), "cpu" or "cuda". Raises ValueError for a GPU that is not there."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: torch finds no CUDA GPU here; use --device cpu or auto")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


@contextmanager
def interruptible(said: str = "") -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in the list given, instead of dying of them, so that the loop can save and leave.

    said: a line that answers the first. A second one is not waited for: it raises KeyboardInterrupt.
    """
    caught: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)

    def catch(number: int, _) -> None:
        caught.append(number)
        if len(caught) > 1:
            raise KeyboardInterrupt
        if said:
            os.write(2, f"\n{said}\n".encode())  # print may not be called again while it is at work

    before = [signal.signal(s, catch) for s in signals]
    try:
        yield caught
    finally:
        for s, handler in zip(signals, before, strict=True):
            signal.signal(s, handler)
