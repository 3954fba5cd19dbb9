"""Ctrl-C and SIGTERM: collected, so that a loop can save and leave."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager


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
