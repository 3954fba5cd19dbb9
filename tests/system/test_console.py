"""What the commands say on any console: wide or narrow, with colours or none, a file or a pipe."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from conftest import ROOT, run

from ddpm.commands.shared.errors import exit_on_user_error
from ddpm.system import console
from ddpm.system.console import progress, warn


@contextmanager
def terminal(monkeypatch, columns: int, encoding: str = "utf-8", kind: str = "xterm", rows: int = 24):
    """Standard error is a terminal of so many columns; what it was sent is, afterwards, in the list given."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    sent, parts = [], []

    def read():
        while True:
            try:
                parts.append(os.read(ours, 65536))
            except OSError:  # the other end is closed
                return

    reader = threading.Thread(target=read)
    reader.start()
    monkeypatch.setenv("TERM", kind)
    with open(theirs, "w", encoding=encoding) as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        yield sent
    reader.join()
    os.close(ours)
    sent.append(b"".join(parts).decode(encoding))


def work(steps: int = 30) -> None:
    """A bar like that of training, with a warning in the middle of it."""
    with progress(total=steps, unit="step", mininterval=0) as bar:
        for i in range(steps):
            bar.update()
            bar.set_postfix_str(f"loss {i / 7:.4f}, 1234 sprites/s")
            if i == steps // 2:
                warn("something is not as it should be")


@pytest.mark.parametrize("columns", [20, 60, 200])
def test_no_bar_is_wider_than_the_terminal(monkeypatch, columns):
    with terminal(monkeypatch, columns) as sent:
        work()
    pieces = [p for p in re.split(r"[\r\n]|\x1b\[A", sent[0]) if p.strip() and "warning" not in p]
    assert len(pieces) > 30 and max(map(len, pieces)) <= columns
    assert "█" in sent[0]
    assert re.search(r"[\r\n]warning: something is not as it should be\r\n", sent[0])


@pytest.mark.parametrize(("columns", "rows", "widest"), [(0, 0, 79), (60, 0, 59), (0, 24, 79)])
def test_a_terminal_that_does_not_know_its_size(monkeypatch, columns, rows, widest):
    with terminal(monkeypatch, columns, rows=rows) as sent:
        work()
    pieces = [p for p in re.split(r"[\r\n]|\x1b\[A", sent[0]) if p.strip() and "warning" not in p]
    assert "█" in sent[0] and max(map(len, pieces)) <= widest


def test_a_bar_is_ascii_where_the_terminal_has_no_blocks(monkeypatch):
    with terminal(monkeypatch, 60, "ascii") as sent:
        work()
    assert "#" in sent[0]


def test_a_dumb_terminal_gets_lines(monkeypatch):
    with terminal(monkeypatch, 60, kind="dumb") as sent:
        work()
    assert sent[0].count("\n") == 3 and "\r" not in sent[0].replace("\r\n", "\n")


@contextmanager
def log(monkeypatch, path):
    with open(path, "w", encoding="ascii", errors="backslashreplace") as file, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", file)
        yield


def test_a_log_file_has_a_line_a_minute(monkeypatch, tmp_path):
    now = [0.0]
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with log(monkeypatch, tmp_path / "log"), progress(total=6000, desc="größe", unit="step", mininterval=0) as bar:
        for _ in range(3000):
            now[0] += 0.125
            bar.update()
            bar.set_postfix_str("loss 0.1")
    said = (tmp_path / "log").read_bytes()
    lines = said.decode().splitlines()
    assert said.endswith(b"\n") and b"\r" not in said and b"" not in said.splitlines()
    assert [int(re.search(r" (\d+)/6000", line)[1]) for line in lines] == [*range(0, 3000, 480), 3000]
    assert "?step/s" in lines[0] and "loss 0.1" in lines[-1]


def test_short_bars_that_go_away_leave_nothing_in_a_log(monkeypatch, tmp_path):
    with log(monkeypatch, tmp_path / "log"):
        for _ in progress(range(10), "judging", leave=False, mininterval=0):
            pass
        for _ in progress(range(10), disable=True):
            pass
    assert not (tmp_path / "log").read_bytes()


def test_a_command_with_a_file_as_standard_error(tmp_path):
    result = run("make_sprites", "--count", 8, "--npy", tmp_path / "np", fresh=True)
    assert result.returncode == 0
    first, last = result.stderr.splitlines()
    assert first.startswith("0%| 0/40 ") and last.startswith("100%| 40/40 ")


def test_names_that_the_console_cannot_write(monkeypatch, tmp_path):
    path = tmp_path / "out"

    def main():
        print("3 sprites in größe, 英雄")
        raise ValueError("no größe")

    with open(path, "w", encoding="ascii") as out, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", out)
        assert exit_on_user_error(main)() == 2
    assert path.read_text("ascii").splitlines() == [
        r"3 sprites in gr\xf6\xdfe, \u82f1\u96c4",
        r"error: no gr\xf6\xdfe",
    ]


def test_a_reader_that_leaves_is_no_error():
    line = f"'{sys.executable}' '{ROOT}/scripts/sample.py' --help | head -c 0"
    result = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
    assert not result.stderr
