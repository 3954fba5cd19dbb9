"""What this process is told from outside: by torchrun in the environment, by Ctrl-C and the system in signals.

Neither needs torch, which is not imported."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


def several_processes() -> bool:
    """Whether this is one of several processes that torchrun, or the like of it, started."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def leave_it_to_main() -> NoReturn:
    """Exit in silence, as the main process tells what is wrong. Wait first: torchrun ends all processes when one
    exits."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by which torchrun ends it; `interruptible` may be collecting it
    time.sleep(10)
    raise SystemExit(2)


def launch() -> str:
    """The name of the torchrun that started this process, which restarts do not change; "" without torchrun."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return f"{socket.gethostname()} {os.getppid()}" if name == "none" else name  # it has a name with --standalone


@contextmanager
def interruptible(said: str = "") -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in the list given, instead of dying of them, so that the loop can save and leave.

    said: a line that answers the first. A second one is not waited for: it raises KeyboardInterrupt.
    """
    caught: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)

    def catch(number: int, frame: FrameType | None) -> None:
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
