"""Processes of their own without the seconds that importing torch takes: forked from one that has imported it.

A server is a process that imports what the commands do, and then does nothing but fork. Each request to it holds a
Python command line, a folder, an environment and three open files. The fork takes them on and runs the command line as
its main program, to the end of an interpreter: signals, exit code, atexit and flushing are those of a process.

Not those of one: what an interpreter reads at its start alone (PYTHONHASHSEED, PYTHONIOENCODING), /proc/PID/cmdline and
/proc/PID/environ, which are the server's, and the peak of its memory. What tests that starts with `subprocess`.

Nor are its judges those of a user: they learn, and look at sampled sprites, for less long.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
BESIDE = (  # what they come to import later
    "einops._torch_specific",
    "matplotlib.backends.backend_agg",
    "numpy.ma",
    "scipy.stats",
    "tensorboard.backend.event_processing.event_accumulator",
    "torch._dynamo",
    "torch.distributed.elastic.agent.server.api",
    "torchmetrics.image.kid",
    "typeguard",
    "tyro._backends._tyro_backend",
)
SUBREAPER = 36  # of prctl(2): processes whose parent has ended become this one's children
Request = dict[str, Any]


def serve(requests: socket.socket) -> list[str]:
    """Fork for each request, and answer with the fork's id. Returns its command line, in the fork.

    Ends with the process that asks.
    """
    while True:
        words, files, *_ = socket.recv_fds(requests, 2**20, 3)
        if not words:
            os._exit(0)
        ready, tell = os.pipe()
        if between := os.fork():
            os.waitpid(between, 0)  # now its child is the asker's
            requests.send(os.read(ready, 20))
            for file in (*files, ready, tell):
                os.close(file)
            continue
        between = os.getpid()
        if os.fork():
            os._exit(0)
        while os.getppid() == between:
            time.sleep(0.0005)
        requests.close()
        request = json.loads(words)
        take_on(request, files)
        os.write(tell, str(os.getpid()).encode())
        os.close(ready)
        os.close(tell)
        return request["words"]


def take_on(request: Request, files: list[int]) -> None:
    """Be as a process is that was just started."""
    for at, file in enumerate(files):
        os.dup2(file, at)
        os.close(file)
    how = {"encoding": sys.stdout.encoding, "closefd": False}
    sys.stdin, sys.stdout = open(0, **how), open(1, "w", **how)  # noqa: SIM115  buffered as is fit for the file
    sys.stderr = open(2, "w", 1, errors="backslashreplace", **how)  # noqa: SIM115
    if request["session"]:
        os.setsid()
    for module in ("numpy.random", "torch"):  # where nothing is seeded, no two processes draw the same
        sys.modules[module].seed()
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    Path("/proc/self/comm").write_text(f"rank {os.environ['RANK']}" if "RANK" in os.environ else "command")


def become(words: list[str]) -> None:
    """Run what follows the name of the interpreter: -c CODE, -m MODULE or a file, with its arguments."""
    if words[0] == "-u":
        words = words[1:]
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(write_through=True)
    if words[0] not in ("-c", "-m"):
        sys.argv, sys.path[0] = words, str(Path(words[0]).parent)
        runpy.run_path(words[0], run_name="__main__")
        return
    kind, what, *arguments = words
    sys.argv, sys.path[0] = [kind, *arguments], os.getcwd()
    if kind == "-c":
        sys.modules["__main__"] = main = ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), main.__dict__)
        return
    if what == "torch.distributed.run":
        serve_workers()
    runpy.run_module(what, run_name="__main__", alter_sys=True)


def serve_workers() -> None:
    """Have torchrun, which this process is about to be, fork its workers too, from a server of its own."""
    from torch.distributed.elastic.multiprocessing.subprocess_handler import subprocess_handler

    here, there = pair()
    if not os.fork():
        here.close()
        become(serve(there))
        sys.exit()
    there.close()
    SERVERS.append(here)
    subprocess_handler.Popen = Popen


def pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a way to a server. What that forks twice shall be this process's children."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


SERVERS = []  # the way to this process's server, once there is one


def server() -> socket.socket:
    if not SERVERS:
        here, there = pair()
        subprocess.Popen([sys.executable, __file__, str(there.fileno())], pass_fds=[there.fileno()], cwd=ROOT)
        there.close()
        SERVERS.append(here)
    return SERVERS[0]


class Popen(subprocess.Popen):
    """A subprocess.Popen whose process comes from the server, for the command line of a Python program."""

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *others) -> None:
        _, _, _, *pipes = others[:9]
        stdin, _, _, stdout, _, stderr = pipes
        files = [at if file == -1 else file for at, file in enumerate((stdin, stdout, stderr))]
        request = {
            "words": [os.fspath(a) for a in args[1:]],
            "cwd": os.fspath(cwd or os.getcwd()),
            "env": dict(os.environ if env is None else env),
            "session": others[14],
        }
        socket.send_fds(server(), [json.dumps(request).encode()], files)
        self.pid, self._child_created = int(server().recv(20)), True
        self._close_pipe_fds(*pipes)


def import_all() -> None:
    """What the commands import, once for all forks."""
    import ddpm
    import sprites

    for package in (ddpm, sprites):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    for name in BESIDE:
        importlib.import_module(name)
    gc.freeze()


def hasten() -> None:
    """Make judges hasty, where a test does not hang on what they find; others start their process fresh."""
    sys.modules["ddpm.evaluation.classifier"].STEPS_MIN = 20
    sys.modules["ddpm.evaluation.in_training"].LOOKED_AT = 10


def main() -> None:
    """Serve, and then be the process that is asked for."""
    code = []

    def leave():
        """Of a process's end leave out the last part, in which all modules are freed: it takes longer than the rest."""
        sys.stdout.flush()
        sys.stderr.flush()
        if code == ["interrupted"]:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        if code:
            os._exit(code[0])

    atexit.register(leave)  # the first to be registered is the last to be called
    import_all()
    hasten()
    words = serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        become(words)
        code.append(0)
    except SystemExit as e:
        code.append(e.code if isinstance(e.code, int) else 0 if e.code is None else 1)
        raise
    except BaseException as e:
        code.append("interrupted" if isinstance(e, KeyboardInterrupt) else 1)
        raise


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    main()
