"""Token data sets that are damaged, contradict themselves or are another model's."""

import json
import shutil
from pathlib import Path

import pytest

from tests.codec.example_bundle import golden_model
from vqvae_jax.data.details import read_details, write_details
from vqvae_jax.errors import UserError
from vqvae_jax.tokens.records import chunk_digest
from vqvae_jax.tokens.shards import TokenShards


@pytest.fixture
def copy(written, tmp_path):
    """A folder of tokens to damage."""
    return Path(shutil.copytree(written[0], tmp_path / "copy"))


def edited(folder, change):
    card = json.loads((folder / "card.json").read_text())
    change(card)
    (folder / "card.json").write_text(json.dumps(card))


def relisted(folder, change):
    """With another list of videos, which the card counts rightly."""
    card = json.loads((folder / "card.json").read_text())
    videos = list(read_details(folder, card, "videos"))
    change(videos)
    card["details"]["videos"] = write_details(folder, "videos", videos)
    (folder / "card.json").write_text(json.dumps(card))


CARDS = {
    "of another format": (lambda c: c.update(format="npy"), "is not the card of a folder of tokens"),
    "newer": (lambda c: c.update(card_version=3), "version 3; this program reads 1 to 2"),
    "without a bundle": (lambda c: c.pop("bundle"), "lacks what"),
    "without a list of videos": (lambda c: c["details"].pop("videos"), "the list 'videos' of its card cannot be read"),
    "with more videos": (lambda c: c["details"]["videos"].update(entries=4), "3 of 4 entries"),
    "with more chunks in all": (lambda c: c["totals"].update(chunks=6), "counts 6 chunks .* the shards 5"),
}
LISTS = {
    "without a rate": (lambda v: v[0].pop("fps"), "KeyError: 'fps'"),
    "with a rate of nothing": (lambda v: v[0].update(fps="1/0"), "ZeroDivisionError"),
    "with no chunks in a video": (lambda v: v[0].update(chunks=0), "not positive"),
    "without videos": (lambda v: v.clear(), "not positive"),
    "with one chunk too many": (lambda v: v[0].update(chunks=4), "lists 6 chunks by video but 5 in all"),
}


@pytest.mark.parametrize("change, message", CARDS.values(), ids=CARDS)
def test_a_card_that_makes_no_sense_is_refused(copy, change, message):
    edited(copy, change)
    with pytest.raises(UserError, match=message):
        TokenShards(copy)


@pytest.mark.parametrize("change, message", LISTS.values(), ids=LISTS)
def test_a_list_of_videos_that_makes_no_sense_is_refused(copy, change, message):
    relisted(copy, change)
    with pytest.raises(UserError, match=message):
        TokenShards(copy)


def test_a_list_that_contradicts_the_records_is_refused(copy):
    relisted(copy, lambda v: v.reverse())
    with pytest.raises(UserError, match=r"record 0 is .*Biking/long.npy.* by the card .*v_Surf"):
        list(TokenShards(copy).frames("v_Surf_g01_c02.npy", golden_model()))


def test_another_bundle_or_a_video_that_is_not_there_is_refused(written):
    tokens = TokenShards(written[0])
    with pytest.raises(UserError, match=f"coded with bundle {golden_model().digest[:16]}"):
        next(tokens.frames("Biking/long.npy", golden_model(levels=1)))
    with pytest.raises(UserError, match=r"has no video 'x\.avi'; it has 3: Biking/long\.npy"):
        next(tokens.frames("x.avi", golden_model()))


def test_flipped_bytes_in_a_shard_are_found_or_harmless(copy):
    (shard,) = copy.glob("tokens-*")
    whole = shard.read_bytes()
    want = [chunk_digest(TokenShards(copy).read(record)) for record in range(5)]
    found = 0
    for position in range(64, len(whole), 1999):
        shard.write_bytes(whole[:position] + bytes([whole[position] ^ 0x10]) + whole[position + 1 :])
        try:
            assert [chunk_digest(TokenShards(copy).read(record)) for record in range(5)] == want
        except UserError as error:
            assert shard.name in str(error)
            found += 1
    assert found
