"""What torchrun, or the like of it, says of this process; torch is not imported for it."""

import os
import socket
import time
from typing import NoReturn


def several_processes() -> bool:
    """Whether this is one of several processes that torchrun, or the like of it, started."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def leave_it_to_main() -> NoReturn:
    """Leave in silence, since the main process tells what is wrong; after it, as torchrun ends all when one leaves."""
    time.sleep(10)
    raise SystemExit(2)


def launch() -> str:
    """What tells the torchrun that started this process from any other, whatever it started again since; or ""."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return f"{socket.gethostname()} {os.getppid()}" if name == "none" else name  # it has a name with --standalone
