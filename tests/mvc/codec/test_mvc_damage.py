"""Golden files, and what damage costs: the group that it is in, the scene, or one clear line."""

import hashlib
import io
import random
from collections import Counter

import numpy as np
import pytest

from tests.codec.fuzzing import OUTCOMES, Original, memory_ceiling, mutant, outcome, scene_arrays
from tests.container.mend import mend
from tests.mvc.codec.coded_mvc import coded, tiny_model
from tests.mvc.codec.golden.make import GOLDEN, made
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.container.reader import Reader
from vqvae_jax.container.writer import Writer
from vqvae_jax.errors import UserError
from vqvae_jax.mvc.codec.layout import Layout
from vqvae_jax.mvc.codec.model import MvcModel

#: SHA-256 of the golden files, and of all weights and embeddings in them.
DIGESTS = {
    "scenes": ("cd6074dd47ff480e", "4e9339958a68ed20"),
    "steps": ("aaaaa9d3bf52f645", "5d32ee1bf84dcbd3"),
}


def decoder_of(data):
    return Decoder(MvcModel(), data)


def parts_of(data):
    with Reader(data) as reader:
        chunks = [reader.read_chunk(chunk)["e"] for chunk in range(reader.chunk_count)]
        return reader.header, reader.read_head_chunk()["w"], chunks


def rewritten(header, head, chunks):
    """A file with right checksums, whatever is in it."""
    memory = io.BytesIO()
    with Writer(memory, header) as writer:
        writer.add_head_chunk({"w": head})
        for number, chunk in enumerate(chunks):
            writer.add_chunk(header.frames_in_chunk(number), {"e": chunk})
    return memory.getvalue()


@pytest.mark.parametrize("name", DIGESTS)
def test_golden_files_are_what_the_encoder_writes_and_hold_what_they_held(name):
    data = (GOLDEN / f"{name}.msv").read_bytes()
    assert made()[name] == data and len(data) < 20_000
    digest = hashlib.sha256()
    with decoder_of(data) as decoder:
        for chunk in range(decoder.reader.chunk_count):
            for key, array in sorted(scene_arrays(decoder, chunk).items()):
                digest.update(key.encode() + array.astype("<f4").tobytes())
    assert (hashlib.sha256(data).hexdigest()[:16], digest.hexdigest()[:16]) == DIGESTS[name]


def test_a_broken_group_costs_its_frames_alone():
    data = coded(tiny_model((6, 10)))
    whole = np.array(list(decoder_of(data).frames()))
    header, head, chunks = parts_of(data)
    for broken in range(4):
        at = data.index(chunks[broken])
        changed = bytearray(data)
        changed[at + 3] ^= 0x10
        with decoder_of(bytes(changed)) as decoder:
            found = np.array(list(decoder.frames(on_error="skip")))
            assert list(decoder.damaged) == [broken] and f"chunk {broken}: e is damaged" in decoder.damaged[broken]
        lost = slice(4 * broken, 4 * broken + 4)
        np.testing.assert_array_equal(np.delete(found, lost, axis=0), np.delete(whole, lost, axis=0))
        others = [chunk if number != broken else b"\7" + chunk[1:] for number, chunk in enumerate(chunks)]
        with decoder_of(rewritten(header, head, others)) as decoder:
            found = np.array(list(decoder.frames(on_error="skip")))
            assert list(decoder.damaged) == [broken] and f"chunk {broken}: " in decoder.damaged[broken]
        np.testing.assert_array_equal(np.delete(found, lost, axis=0), np.delete(whole, lost, axis=0))


def test_broken_weights_are_one_line_and_those_of_a_scene_cost_that_scene():
    data = coded(tiny_model((8, 8)))
    header, head, chunks = parts_of(data)
    changed = bytearray(data)
    changed[data.index(head) + 100] ^= 1
    with pytest.raises(UserError, match=r"^the coded video: head chunk: w is damaged \(CRC-32\)$"):
        decoder_of(bytes(changed))
    whole = np.array(list(decoder_of(data).frames()))
    second = rewritten(header, head[:-1] + bytes([head[-1] ^ 1]), chunks)
    with decoder_of(second) as decoder:
        found = np.array(list(decoder.frames(on_error="skip")))
        assert list(decoder.damaged) == [2, 3] and "weights of scene 1: " in decoder.damaged[2]
    np.testing.assert_array_equal(found[:8], whole[:8])
    with pytest.raises(UserError, match=r"chunk 2: weights of scene 1: .*; --on-error skip goes on behind it$"):
        list(decoder_of(second).frames())
    for wrong in (head + b"\0", head[:-1], head[:2], b""):
        with pytest.raises(UserError, match=r"the file is damaged$"):
            decoder_of(rewritten(header, wrong, chunks))


def test_a_file_cut_short_has_the_groups_before():
    data = coded(tiny_model((16,)))
    whole = np.array(list(decoder_of(data).frames()))
    _, _, chunks = parts_of(data)
    cut = data[: data.index(chunks[2]) + len(chunks[2]) + 4]
    with decoder_of(cut) as decoder:
        np.testing.assert_array_equal(list(decoder.frames(on_error="skip")), whole[:12])
    with decoder_of(cut) as decoder:
        np.testing.assert_array_equal(next(decoder.frames(11, 1)), whole[11])
        with pytest.raises(UserError, match="3 of 4 chunks are whole"):
            next(decoder.frames(12, 1))


def test_headers_that_lie_are_refused_before_anything_is_made():
    data = coded(tiny_model((3, 5, 6)))
    header, head, chunks = parts_of(data)
    layout = Layout.parse(header)
    scenes = layout.scenes

    def opened(**changes):
        own = layout._replace(**changes).pack()
        with decoder_of(rewritten(type(header)(**{**vars(header), "family_header": own}), head, chunks)) as decoder:
            return list(decoder.frames())

    with memory_ceiling():
        for changes, message in (
            ({"strides": (255,) * 8}, "too large"),
            ({"h": 200_000_000 // 4}, "too large"),
            ({"w": 1 << 20}, "too large|numbers beside"),
            ({"strides": ()}, "is none"),
            ({"strides": (0, 2)}, "is none"),
            ({"h": 1}, "is none"),
            ({"expansion": 0}, "is none"),
            ({"base": 0}, "is none"),
            ({"td": 0}, "is none"),
            ({"context_channels": 1 << 20}, "numbers beside the weights"),
            ({"embed_bits": 0}, "its embeddings have 0 bits"),
            ({"embed_bits": 13}, "its embeddings have 13 bits"),
            ({"scenes": scenes[:2]}, "do not have its 14 frames"),
            ({"scenes": ()}, "do not have its 14 frames"),
            ({"scenes": (*scenes, scenes[0]._replace(frames=0))}, "do not have its 14 frames"),
            ({"stem": 1 << 24}, "weights of scene 0: .* weights in"),
            ({"scenes": (scenes[0]._replace(channels=1 << 16), *scenes[1:])}, "weights of scene 0: .* weights in"),
            ({"kind": "nerv"}, "weights of scene 0: "),
        ):
            with pytest.raises(UserError, match=message) as found:
                opened(**changes)
            assert "\n" not in str(found.value)
    for content, message in (
        (b"", "is shorter than its fields"),
        (b"\x03", "is shorter"),
        (header.family_header + b"\0", "cannot read; update it"),
        (b"\x20" + header.family_header[1:], "is shorter"),
        (header.family_header[:-1], "is shorter"),
    ):
        wrong = type(header)(**{**vars(header), "family_header": content})
        with pytest.raises(UserError, match=message):
            decoder_of(rewritten(wrong, head, chunks))
    named = type(header)(**{**vars(header), "bundle": b"\1\2\3\4"})
    with pytest.raises(UserError, match="was coded with bundle 01020304"):
        decoder_of(rewritten(named, head, chunks))


def test_damaged_files_end_in_one_line_or_in_values_that_are_finite(tmp_path):
    rng, path = random.Random(7), tmp_path / "mutant.msv"
    data = coded(tiny_model((2, 3)), group=2)
    with decoder_of(data) as decoder:
        count = decoder.reader.chunk_count
        original = Original(
            "tiny", data, MvcModel(), decoder.reader.header, [scene_arrays(decoder, c) for c in range(count)]
        )
    counts = Counter()
    with memory_ceiling():
        for number in range(400):
            mended = number % 2 == 1
            path.write_bytes(mutant(original, rng, mended))
            counts[outcome(original, path, mended)] += 1
    assert all(counts[name] > 4 for name in OUTCOMES), counts
    assert mend(data) == data
