"""Forked processes are like those that a user starts: the same output, exit code and traces for the same program."""

import os
import signal
import subprocess
import sys

import pytest
from conftest import finish, start

PROGRAMS = {
    "words, folder, environment": "import os, sys; print(sys.argv, os.getcwd(), {'MINE', 'HOME'} & {*os.environ})",
    "an exit code": "import sys; sys.exit(7)",
    "an exit with words": "import sys; sys.exit('no')",
    "no exit code": "import sys; sys.exit()",
    "an error": "import sys; sys.excepthook = lambda *e: print('hooked', e[0]); 1 / 0",
    "what is called at the end": "import atexit, sys; atexit.register(lambda: print('last_value' in dir(sys))); 1 / 0",
    "a thread that goes on": "import threading, time; threading.Timer(0.2, print, ['later']).start()",
    "Ctrl-C": "import os, signal; print(1, flush=True); os.kill(os.getpid(), signal.SIGINT)",
    "input": "print(input()[::-1])",
    "torch": "import torch; torch.manual_seed(0); print(torch.rand(3).tolist(), torch.get_num_threads())",
    "letters": "import sys; print('größe'); print('größe', file=sys.stderr)",
}


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_forked_process_is_like_a_fresh_one(program, tmp_path):
    (tmp_path / "in").write_text("abc\n")
    said = []
    for fresh in (True, False):
        with open(tmp_path / "in") as file:
            how = {"cwd": tmp_path, "env": {"MINE": "1", "OMP_NUM_THREADS": "1"}, "stdin": file, "fresh": fresh}
            result = finish([sys.executable, "-c", program, "x y", 3], **how)
        said.append((result.returncode, result.stdout, result.stderr.splitlines()[-1:]))
    assert said[0] == said[1]


def test_what_is_not_seeded_is_random_in_each_forked_process():
    program = "import random, numpy, torch; print(random.random(), numpy.random.rand(), torch.rand(()).item())"
    first, second = (finish([sys.executable, "-c", program]).stdout.split() for _ in range(2))
    assert len(first) == 3 and not set(first) & set(second)


def test_a_forked_process_is_this_ones_child_and_heeds_signals():
    process = start([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    assert process.poll() is None and os.getpgid(process.pid) == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == -signal.SIGTERM
