"""Types of ddpm and sprites, checked by mypy with the settings in pyproject.toml."""

import subprocess
import sys

from conftest import ROOT


def test_mypy_finds_nothing():
    result = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "no issues found" in result.stdout
