"""The library as docs/library.md shows it, and the names of `import ddpm`."""

import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, tiny_sprites, write_npy
from PIL import Image

import ddpm


def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    code = "\n".join(blocks)
    assert len(blocks) == 6 and code.count("2000") == 2
    code = code.replace("2000", "5")  # all else as it stands
    write_npy(tmp_path / "sprites", *tiny_sprites(40, 8, 4))
    (tmp_path / "sprites" / "categories.json").write_text('["hero", "food"]')
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code, names)
    assert names["x"].shape == (4, 4, 8, 8) and names["x"].isfinite().all()
    assert Image.open("grid.png").width > 100
    assert len(list(tmp_path.glob("knight-*.png"))) == 8
    assert (tmp_path / "runs" / "mine" / "model.safetensors").exists()
    assert ddpm.to_uint8(names["x"]).dtype == np.uint8


def test_the_page_tells_every_name():
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)", page, re.M)) == sorted(ddpm.HOMES) == ddpm.__all__
    assert all(getattr(ddpm, name).__name__ == name and getattr(ddpm, name).__doc__ for name in ddpm.__all__)
    assert set(ddpm.__all__) <= set(dir(ddpm))
    with pytest.raises(AttributeError, match="'ddpm' has no attribute 'nothing'"):
        ddpm.nothing  # noqa: B018


def test_the_import_is_quick():
    code = "import sys, ddpm; print({'torch', 'numpy', 'tyro'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
