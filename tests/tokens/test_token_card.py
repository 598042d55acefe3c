"""The card of a token data set: small however many videos, and read as it was before its lists lay beside it."""

import json
import shutil
from fractions import Fraction

import numpy as np

from tests.codec.example_bundle import golden_model
from vqvae_jax.data.details import read_details
from vqvae_jax.data.names import Skipped
from vqvae_jax.data.record_shards import Shard
from vqvae_jax.data.records import Digests
from vqvae_jax.tokens.card import CodedVideo, Settings, make_card, write_card
from vqvae_jax.tokens.records import chunk_digest
from vqvae_jax.tokens.shards import TokenShards


def written_card(folder, count):
    """The card of so many videos of ten classes, and as many files that are none, in a new folder."""
    folder.mkdir()
    model = golden_model()
    same = {"chunks": 2, "frames": 16, "width": 32, "height": 24, "chunk_frames": 8, "missing_frames": 0}
    rates = {"fps": Fraction(25), "source_fps": Fraction(30000, 1001), "aspect": Fraction(4, 3)}
    videos = [
        CodedVideo(path=f"c{n % 10}/{n:07d}.avi", label=f"c{n % 10}", source_sha256=f"{n:064x}", **same, **rates)
        for n in range(count)
    ]
    skipped = [Skipped(f"notes/{n:07d}.txt", "not a video") for n in range(count)]
    counts = {name: np.ones(level.codes, np.int64) for name, level in model.levels.items()}
    settings = Settings((32, 24), None, dict.fromkeys(model.levels))
    write_card(folder, make_card(model, settings, videos, skipped, Digests(), counts, [Shard(1, 1)]), videos, skipped)
    return videos, skipped


def test_the_card_does_not_grow_with_the_videos_and_the_lists_have_them_all(tmp_path):
    sizes = {}
    for count in (1000, 3000):
        folder = tmp_path / str(count)
        videos, skipped = written_card(folder, count)
        card = json.loads((folder / "card.json").read_text())
        assert [CodedVideo.from_entry(entry) for entry in read_details(folder, card, "videos")] == videos
        assert [Skipped(**entry) for entry in read_details(folder, card, "skipped")] == skipped
        assert card["skipped"] == [s._asdict() for s in skipped[:1000]]
        assert card["totals"]["skipped"] == card["totals"]["videos"] == count
        sizes[count] = (folder / "card.json").stat().st_size
        assert ("The first 1000; all are in skipped-*.jsonl." in (folder / "card.md").read_text()) == (count > 1000)
    assert sizes[3000] < sizes[1000] + 100  # figures with more digits


def test_a_folder_with_a_card_of_version_1_is_read_as_before(written, tmp_path):
    old = shutil.copytree(written[0], tmp_path / "old")
    card = json.loads((old / "card.json").read_text())
    lists = {name: list(read_details(old, card, name)) for name in card["details"]}
    del card["details"]
    (old / "card.json").write_text(json.dumps({**card, **lists, "card_version": 1}))
    for path in old.glob("*.jsonl"):
        path.unlink()
    ours, theirs = TokenShards(old), TokenShards(written[0])
    assert ours.videos == theirs.videos and len(ours.videos) == 3
    for video in ours.videos:
        assert list(map(chunk_digest, ours.chunks(video))) == list(map(chunk_digest, theirs.chunks(video)))
