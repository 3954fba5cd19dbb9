"""The table of tags: in step with the sprites, missing tags missing, and a wrong table named."""

from pathlib import Path

import numpy as np
import pytest

from sprites.draw import CATEGORIES, TAG_NAMES, kinds
from sprites.draw.output import write_pair
from sprites.draw.palette import COLOURS, NAMED
from sprites.files import DataError
from sprites.loading import load_sprites
from sprites.tags import MISSING, Tags, load_tags

FOLDER = Path(__file__).parents[2] / "sprites"


@pytest.fixture(scope="module")
def shipped() -> Tags:
    tags = load_tags(FOLDER)
    assert tags is not None
    return tags


def write(folder: Path, *lines: str) -> Path:
    (folder / "tags.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_in_step_with_the_sprites(shipped):
    sprites = load_sprites(FOLDER)
    assert len(shipped) == len(sprites) and shipped.categories == sprites.categories
    np.testing.assert_array_equal(shipped.labels, sprites.labels)
    assert tuple(shipped.facets) == TAG_NAMES
    for label, category in enumerate(CATEGORIES):
        of = shipped["kind"].codes[shipped.labels == label]
        assert {shipped["kind"].values[code] for code in of} == set(kinds(category))


def test_colour_tag_shows_in_its_own_sprite(shipped):
    images = np.ascontiguousarray(load_sprites(FOLDER).images).view(np.uint32)[..., 0]
    palette = np.ascontiguousarray(COLOURS).view(np.uint32)[:, 0]
    for name, which in NAMED.items():
        share = np.isin(images[shipped["colour"].has(name)], palette[which]).sum(axis=(1, 2))
        assert share.min() >= 10


def test_missing_tags_are_missing(shipped):
    frame, side = shipped["frame"], shipped.labels == CATEGORIES.index("side_facing")
    np.testing.assert_array_equal(frame.codes == MISSING, ~side)
    assert frame.values == ("0", "1", "2", "3")
    assert frame[0] is None and frame[int(np.flatnonzero(side)[1])] == "1"
    assert all("" not in facet.values for facet in shipped.facets.values())


def test_an_accessory_is_found_among_several(tmp_path):
    folder = write(tmp_path, "category,index,kind,accessory", "a,0,x,hat+sword", "a,1,x,sword", "b,0,y,", "b,1,x,hats")
    tags = load_tags(folder)
    np.testing.assert_array_equal(tags["accessory"].has("sword"), [True, True, False, False])
    np.testing.assert_array_equal(tags["accessory"].has("hat"), [True, False, False, False])
    assert tags.row(2) == {"kind": "y", "accessory": None}


def test_order_is_that_of_the_labels_whatever_the_order_of_the_rows(tmp_path):
    (tmp_path / "categories.json").write_text('["b", "a"]')
    tags = load_tags(write(tmp_path, "category,index,kind", "a,1,q", "b,0,r", "a,0,s"))
    assert [tags["kind"][row] for row in range(3)] == ["r", "s", "q"]
    assert tags.labels.tolist() == [0, 1, 1]


def test_tags_of_an_npy_pair(tmp_path):
    write_pair(tmp_path, count=8, seed=3)
    sprites, tags = load_sprites(tmp_path), load_tags(tmp_path)
    assert sprites.images.shape == (40, 16, 16, 4) and sprites.categories == CATEGORIES
    np.testing.assert_array_equal(tags.labels, sprites.labels)
    assert [tags["frame"][row] for row in range(32, 40)] == ["0", "1", "2", "3"] * 2


def test_no_table_no_tags(tmp_path):
    assert load_tags(tmp_path) is None


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("kind,index", "a,0"), "columns"),
        (("category,index,kind,kind", "a,0,x,y"), "columns"),
        (("category,index,kind", "a,0"), "line 2"),
        (("category,index,kind", "a,first,x"), "line 2"),
        (("category,index,kind",), "no sprite"),
        (("category,index,kind", "a,0,x", "a,2,x"), "indices of 'a'"),
    ],
)
def test_wrong_tables_are_named(tmp_path, lines, said):
    with pytest.raises(DataError, match=said) as error:
        load_tags(write(tmp_path, *lines))
    assert "tags.csv" in str(error.value) and "\n" not in str(error.value)


def test_unknown_categories_and_facets_are_named(tmp_path, shipped):
    (tmp_path / "categories.json").write_text('["a"]')
    with pytest.raises(DataError, match="'c'"):
        load_tags(write(tmp_path, "category,index,kind", "a,0,x", "c,0,x"))
    with pytest.raises(ValueError, match="flavour"):
        shipped["flavour"]
