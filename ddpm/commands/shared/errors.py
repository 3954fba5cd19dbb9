"""One line for a user's mistake, and the exit code."""

import os
import re
import sys
from collections.abc import Callable
from functools import wraps

from ddpm.system.console import one_line
from ddpm.system.memory import keep_freed
from ddpm.system.processes import leave_it_to_main, several_processes


def exit_on_user_error(main: Callable[[], int]) -> Callable[[], int]:
    """Turn a ValueError, an error of the file system or a want of memory into one line on stderr and exit code 2;
    Ctrl-C into 130. The process is that of a command, which may keep memory for itself."""

    @wraps(main)
    def wrapped() -> int:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")  # names hold letters that not every console has
        keep_freed()
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
