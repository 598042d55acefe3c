"""A tree of videos to token shards and back: the records are the tokenizer's, whole or not there at all."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.codec.example_bundle import example_encoder, golden_model, moving
from tests.tokens.example_tree import CHUNK, CLIPS, SIZE
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.errors import UserError
from vqvae_jax.metrics.rate import index_entropy
from vqvae_jax.tokens.records import chunk_digest
from vqvae_jax.tokens.shards import TokenShards
from vqvae_jax.tokens.writer import join_token_parts, write_token_part, write_token_shards

ROOT = Path(__file__).parents[2]


def one_window(clip, number):
    """Indices of a chunk by the tokenizer itself: the chunk with four frames on either side, ends repeated."""
    at = np.clip(np.arange(number * CHUNK - 4, (number + 1) * CHUNK + 4), 0, len(clip) - 1)
    grids = golden_model().encode(clip[at])
    return {"top": grids["top"][1:-1], "bottom": grids["bottom"][2:-2]}


def real_steps(frames):
    coarse = -(-frames // 4)
    return {"top": coarse, "bottom": 2 * coarse}


def test_records_are_what_the_tokenizer_gives_and_last_chunks_repeat_their_last_step(written):
    tokens = TokenShards(written[0])
    assert len(tokens) == 3 + 1 + 1
    for path, clip in CLIPS.items():
        chunks = list(tokens.chunks(path))
        assert [c.frames for c in chunks] == [min(CHUNK, len(clip) - begin) for begin in range(0, len(clip), CHUNK)]
        for number, chunk in enumerate(chunks):
            assert (chunk.video, chunk.number, chunk.width, chunk.height) == (path, number, *SIZE)
            for level, grid in one_window(clip, number).items():
                steps = real_steps(chunk.frames)[level]
                stored = chunk.indices[level]
                assert stored.dtype == np.uint16 and stored.shape == grid.shape
                np.testing.assert_array_equal(stored[:steps], grid[:steps])
                np.testing.assert_array_equal(stored[steps:], np.broadcast_to(grid[steps - 1], stored[steps:].shape))
    assert [next(tokens.chunks(path)).label for path in CLIPS] == ["Biking", "Biking", "Surf"]


@pytest.mark.parametrize("level", [None, "top"])
def test_frames_are_those_of_the_msv_file_of_the_same_video(written, tmp_path, level):
    tokens = TokenShards(written[0])
    for number, (path, clip) in enumerate(CLIPS.items()):
        file = tmp_path / f"{number}.msv"
        example_encoder().encode(clip, file, Fraction(25))
        with Decoder(golden_model(), file) as decoder:
            want = np.stack(list(decoder.frames(level=level)))
        np.testing.assert_array_equal(np.stack(list(tokens.frames(path, golden_model(), level))), want)


def test_tfds_reads_the_records_and_needs_no_tensorflow(written):
    program = (
        "import sys, hashlib; import tensorflow_datasets as tfds\n"
        f"s = tfds.builder_from_directory({str(written[0])!r}).as_data_source('train')\n"
        "r = s[2]\n"
        "print(len(s), r['video'], r['label'], r['chunk'], r['frames'], r['height'], r['width'], r['fps'])\n"
        "print(hashlib.sha256(r['top'].tobytes() + r['bottom'].tobytes()).hexdigest(), r['bottom'].dtype)\n"
        "print('tensorflow' in sys.modules, any(m.split('.')[0] == 'vqvae_jax' for m in sys.modules))"
    )
    lines = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    chunk = TokenShards(written[0]).read(2)
    assert lines[0] == "5 b'Biking/long.npy' b'Biking' 2 5 24 32 b'25'"
    want = hashlib.sha256(chunk.indices["top"].tobytes() + chunk.indices["bottom"].tobytes()).hexdigest()
    assert lines[1:3] == [f"{want} uint16", "False False"]


def test_the_examples_of_the_documentation_run(written, tmp_path, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "tokens.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    bundle = ROOT / "tests" / "codec" / "golden" / "contexts2.safetensors"
    for block in blocks:
        code = block.replace("TOKENS", str(written[0])).replace("model.safetensors", str(bundle))
        code = code.replace("8, 8, 8", "2, 3, 4").replace("16, 16, 16", "4, 6, 8")
        names: dict = {}
        exec(code, names)
        if "parse" in names:
            last = TokenShards(written[0]).read(4)
            np.testing.assert_array_equal(names["bottom"], last.indices["bottom"])
            np.testing.assert_array_equal(names["top"], last.indices["top"])
    printed = capsys.readouterr().out.split("\n")
    assert printed[0] == "Biking/long.npy 0 8 (2, 3, 4) (4, 6, 8)"
    assert printed[1:6] == [
        "Biking/long.npy 0 8",
        "Biking/long.npy 1 8",
        "Biking/long.npy 2 5",
        "Biking/short.npy 0 8",
        "v_Surf_g01_c02.npy 0 1",
    ]


def test_the_card_counts_real_tokens_and_lists_what_was_skipped(written):
    folder, card = written
    assert json.loads((folder / "card.json").read_text()) == card
    tokens = TokenShards(folder)
    counts = {"top": np.zeros(16), "bottom": np.zeros(16)}
    for record in range(len(tokens)):
        chunk = tokens.read(record)
        for level, steps in real_steps(chunk.frames).items():
            counts[level] += np.bincount(chunk.indices[level][:steps].ravel(), minlength=16)
    for level, count in counts.items():
        entry = card["levels"][level]
        assert entry["tokens"] == count.sum()
        assert entry["codes_used"] == (count > 0).sum() and entry["usage"] == (count > 0).mean()
        assert entry["entropy_bits"] == pytest.approx(index_entropy(count))
    # Steps of 4 frames: 2 + 2 + 2 for 21 frames, 2 for 8, 1 for 1; 3 by 4 indices each.
    assert card["levels"]["top"]["tokens"] == (2 + 2 + 2 + 2 + 1) * 3 * 4
    assert card["levels"]["top"]["grid"] == [2, 3, 4] and card["levels"]["bottom"]["grid"] == [4, 6, 8]
    assert card["bundle"]["digest"] == golden_model().digest
    assert (card["totals"]["videos"], card["totals"]["frames"], card["totals"]["files"]) == (3, 30, 6)
    assert card["labels"] == {
        "Biking": {"videos": 2, "chunks": 4, "frames": 29},
        "Surf": {"videos": 1, "chunks": 1, "frames": 1},
    }
    reasons = {s["path"]: s["reason"] for s in card["skipped"]}
    assert list(reasons) == ["Biking/cut.npy", "empty.avi", "notes.txt"]
    assert "truncated: 100 bytes" in reasons["Biking/cut.npy"]
    assert "| Biking/cut.npy | truncated: 100 bytes are missing |" in (folder / "card.md").read_text()


def test_the_digest_does_not_depend_on_place_order_or_number_of_shards(tree, written, tmp_path):
    copy = tmp_path / "renamed"
    copy.mkdir()
    for path in reversed(CLIPS):  # another order of creation
        (copy / path).parent.mkdir(exist_ok=True)
        shutil.copy(tree / path, copy / path)
    card = write_token_shards(copy, tmp_path / "out", golden_model(), CHUNK, size=SIZE, shards=3)
    assert card["digests"] == written[1]["digests"]
    assert len(list((tmp_path / "out").glob("*array_record*"))) == card["totals"]["shards"] == 3
    ours, theirs = TokenShards(tmp_path / "out"), TokenShards(written[0])
    assert list(map(chunk_digest, map(ours.read, range(5)))) == list(map(chunk_digest, map(theirs.read, range(5))))


def test_another_rate_gives_other_frames_and_another_digest(written, tmp_path):
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "a.npy", moving(8))  # 25 fps, by default
    rates = {"own": None, "ten": Fraction(10)}
    cards = [
        write_token_shards(tmp_path / "in", tmp_path / name, golden_model(), CHUNK, size=SIZE, fps=fps)
        for name, fps in rates.items()
    ]
    assert cards[0]["digests"]["content"] != cards[1]["digests"]["content"]
    assert cards[0]["digests"]["sources"] == cards[1]["digests"]["sources"]
    (chunk,) = TokenShards(tmp_path / "ten").chunks("a.npy")
    assert (chunk.frames, chunk.fps) == (3, 10)  # those nearest to 0, 0.1 and 0.2 of 0.32 seconds: 0, 3 and 5
    want = one_window(moving(8)[[0, 3, 5]], 0)["top"]
    np.testing.assert_array_equal(chunk.indices["top"][:1], want[:1])


def test_native_sizes_give_grids_of_their_own_that_tfds_reads(tmp_path):
    (tmp_path / "in").mkdir()
    for name, clip in {"a": moving(9, 24, 32), "b": moving(3, 17, 10)}.items():
        np.save(tmp_path / "in" / f"{name}.npy", clip)
    card = write_token_shards(tmp_path / "in", tmp_path / "out", golden_model(), CHUNK)
    assert card["size"] == "native" and card["levels"]["top"]["grid"] is None
    tokens = TokenShards(tmp_path / "out")
    (chunk,) = tokens.chunks("b.npy")
    assert chunk.indices["top"].shape == (2, 3, 2) and chunk.indices["bottom"].shape == (4, 6, 4)
    np.testing.assert_array_equal(chunk.indices["top"][:1], one_window(moving(3, 17, 10), 0)["top"][:1])
    assert [f.shape for f in tokens.frames("b.npy", golden_model())] == [(17, 10, 3)] * 3


def test_no_unfinished_folder_is_read_and_what_was_coded_before_a_signal_is_kept(tree, written, tmp_path):
    def watch(files):
        yield files[1]
        with pytest.raises(UserError, match=r"no card\.json"):
            TokenShards(tmp_path / ".out.work")
        raise KeyboardInterrupt

    coded = []

    def rest(files):
        for file in files:
            coded.append(file.path)
            yield file

    with pytest.raises(KeyboardInterrupt):
        write_token_shards(tree, tmp_path / "out", golden_model(), CHUNK, size=SIZE, watch=watch)
    assert [p.name for p in tmp_path.iterdir()] == [".out.work"]
    with pytest.raises(UserError, match=r"\.out\.work was begun with size=\[32, 24\], this run has 'native'"):
        write_token_shards(tree, tmp_path / "out", golden_model(), CHUNK)
    card = write_token_shards(tree, tmp_path / "out", golden_model(), CHUNK, size=SIZE, watch=rest)
    assert len(coded) == 5 and "Biking/long.npy" not in coded
    assert card == written[1]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_run_leaves_is_not_the_output_and_the_next_run_goes_on_with_it(tree, written, tmp_path):
    program = (
        "import sys, time; from tests.codec.example_bundle import golden_model\n"
        "from vqvae_jax.tokens.writer import write_token_shards\n"
        "def watch(files):\n    yield files[1]\n    print('coded', flush=True)\n    time.sleep(100_000)\n"
        f"tree, out = {str(tree)!r}, {str(tmp_path / 'out')!r}\n"
        f"write_token_shards(tree, out, golden_model(), {CHUNK}, size={SIZE}, watch=watch)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None and run.stdout.readline() == "coded\n"
        os.kill(run.pid, signal.SIGKILL)
    assert [p.name for p in tmp_path.iterdir()] == [".out.work"]
    card = write_token_shards(tree, tmp_path / "out", golden_model(), CHUNK, size=SIZE)
    assert card == written[1]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_parts_joined_are_the_tokens_of_one_machine(tree, written, tmp_path):
    parts = [tmp_path / f"part{number}" for number in (1, 2, 3)]
    for number, part in enumerate(parts, 1):
        for _ in range(2):  # a repeated one is there already
            made = write_token_part(tree, part, golden_model(), f"{number}/3", CHUNK, size=SIZE)
        assert str(made.share) == f"{number}/3"
    card = join_token_parts(parts[::-1] + parts[:1], tmp_path / "joined", golden_model())
    assert card == written[1]
    ours, theirs = TokenShards(tmp_path / "joined"), TokenShards(written[0])
    assert list(map(chunk_digest, map(ours.read, range(5)))) == list(map(chunk_digest, map(theirs.read, range(5))))
    with pytest.raises(UserError, match=r"1 of 3 parts are missing: 2/3"):
        join_token_parts([parts[0], parts[2]], tmp_path / "other", golden_model())
    with pytest.raises(UserError, match=r"was coded with bundle .*, this is"):
        join_token_parts(parts, tmp_path / "other", golden_model(levels=1))
    unit = next(p for part in parts for p in (part / "units").rglob("*") if p.is_file())
    unit.write_bytes(unit.read_bytes()[:-50])
    with pytest.raises(UserError, match=f"{unit} is damaged"):
        join_token_parts(parts, tmp_path / "other", golden_model())
    assert not (tmp_path / "other").exists()


def test_strict_stops_at_the_first_and_again_at_what_is_known(tree, tmp_path):
    for _ in range(2):
        with pytest.raises(
            UserError, match=r"--strict: Biking/cut.npy: truncated: 100 bytes.*; without --strict it is"
        ):
            write_token_shards(tree, tmp_path / "out", golden_model(), CHUNK, size=SIZE, strict=True)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_done_is_one_line_and_leaves_nothing(tree, tmp_path):
    def refused(message, root=tree, out=tmp_path / "out", **options):
        before = sorted(tmp_path.iterdir())
        with pytest.raises(UserError, match=message) as error:
            write_token_shards(root, out, golden_model(), CHUNK, **{"size": SIZE, **options})
        assert "\n" not in str(error.value) and sorted(tmp_path.iterdir()) == before

    refused("shards=0; expected 1 to", shards=0)
    refused("are .* pixels; at most", size=(8192, 8192))
    refused("is missing; expected a folder", root=tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    refused("is not a folder", out=tmp_path / "file" / "out")
    (tmp_path / "in").mkdir()
    refused("holds no files", root=tmp_path / "in")
    (tmp_path / "in" / "a.avi").touch()
    refused(r"has no usable video \(1 files looked at; first: a.avi", root=tmp_path / "in")
    (tmp_path / "out").mkdir()
    refused("exists already")
