"""Files of scenes: what comes back, how little is read for it, and that it depends on all that is in them."""

import io
import random

import jax
import numpy as np
import pytest

from tests.mvc.codec.coded_mvc import coded, tiny_config, tiny_model
from vqvae_jax.codec.decoder import Decoder
from vqvae_jax.codec.interface import Options
from vqvae_jax.container.reader import Reader
from vqvae_jax.errors import UserError
from vqvae_jax.families import carried_model
from vqvae_jax.mvc.codec.layout import Layout
from vqvae_jax.mvc.codec.model import MvcModel
from vqvae_jax.mvc.context import crop
from vqvae_jax.mvc.encodings import time_codes
from vqvae_jax.mvc.network import decode
from vqvae_jax.mvc.weights import decoder_shapes


def frames_of(data, **asked):
    with Decoder(MvcModel(), data) as decoder:
        return np.array(list(decoder.frames(**asked)))


def shown(scene):
    """What the network itself gives, with the values that the file stands for, all frames at once."""
    c = scene.config
    weights = dict(zip(decoder_shapes(c), (tensor.values for tensor in scene.weights), strict=True))
    embedding = None if scene.embedding is None else scene.embedding.values
    return np.asarray(jax.jit(lambda *all_of: crop(c, decode(c, *all_of).frames))(weights, time_codes(c), embedding))


@pytest.mark.parametrize(
    ("kind", "lengths"), [("mvc", (3, 5, 6)), ("mvc", (1,)), ("trans", (5,)), ("enerv", (3, 2)), ("nerv", (5,))]
)
def test_frames_are_those_of_the_networks_with_the_values_in_the_file(kind, lengths):
    model = tiny_model(lengths, kind)
    expected = np.concatenate([shown(scene) for scene in model.scenes]) * 255
    found = frames_of(coded(model))
    assert found.shape == (sum(lengths), 11, 14, 3)
    np.testing.assert_allclose(found, expected, atol=0.5 + 255e-5)  # a batch may round otherwise than one frame
    assert kind == "nerv" or expected.std(axis=(1, 2)).min() > 1


def test_weights_and_embeddings_come_back_bit_for_bit():
    model = tiny_model((3, 5, 6))
    with Decoder(MvcModel(), coded(model)) as decoder:
        for number, scene in enumerate(model.scenes):
            described = decoder._coder.scene(number)
            for wrote, found in zip(scene.weights, described.weights.values(), strict=True):
                assert found.dtype == np.float32 and found.tobytes() == wrote.values.tobytes()
        segments = [segment for chunk in range(4) for segment in decoder.content(chunk)]
        found = np.concatenate([embedding for _, embedding in segments])
        wrote = np.concatenate([scene.embedding.values for scene in model.scenes])
        assert found.tobytes() == wrote.tobytes()
        # The first groups have the end of one scene and the beginning of another.
        parts = [(s.scene, s.frames.start, s.frames.stop) for s, _ in segments]
        assert parts == [(0, 0, 3), (1, 0, 1), (1, 1, 5), (2, 0, 4), (2, 4, 6)]


def test_any_frame_in_any_order_is_the_same_frame():
    data = coded(tiny_model((3, 8)))
    whole = frames_of(data)
    order = list(range(11))
    random.Random(0).shuffle(order)
    with Decoder(MvcModel(), data) as decoder:
        for number in order:
            np.testing.assert_array_equal(next(decoder.frames(number, 1)), whole[number])
    np.testing.assert_array_equal(frames_of(data, start=9), whole[9:])
    np.testing.assert_array_equal(frames_of(data, start=2, count=5), whole[2:7])


def test_a_frame_is_decoded_from_header_weights_index_and_its_group_alone():
    data = coded(tiny_model((24,)))
    with Reader(data) as reader:
        opened = reader.bytes_read
        head = len(reader.read_head_chunk()["w"])
        groups = [sum(map(len, reader.read_chunk(chunk).values())) for chunk in range(6)]
    with Decoder(MvcModel(), data) as decoder:
        next(decoder.frames(17, 1))
        read = decoder.reader.bytes_read
    framing = 2 * (1 + 4 + 4 + 4)  # of two chunks: lengths of parts, check, CRC-32
    assert opened + head + groups[4] <= read <= opened + head + groups[4] + framing
    assert read < len(data) - 3 * min(groups)


def test_weights_of_a_scene_are_read_when_its_frames_are_asked_for():
    with Decoder(MvcModel(), coded(tiny_model((4, 4, 4)))) as decoder:
        assert not decoder._coder._read
        next(decoder.frames(5, 1))
        assert list(decoder._coder._read) == [1]


def test_a_frame_follows_its_own_embedding_and_its_time():
    model = tiny_model((10,))
    (scene,) = model.scenes
    whole = frames_of(coded(model))
    numbers = scene.embedding.numbers.copy()
    numbers[[2, 7]] = numbers[[7, 2]]
    swapped = frames_of(coded(MvcModel([scene._replace(embedding=scene.embedding._replace(numbers=numbers))], 6)))
    changed = [number for number in range(10) if (swapped[number] != whole[number]).any()]
    assert changed == [2, 7]
    # The same embedding at two times gives two frames; psi and the heads of training are not even in a `Scene`.
    numbers[:] = numbers[:1]
    still = frames_of(coded(MvcModel([scene._replace(embedding=scene.embedding._replace(numbers=numbers))], 6)))
    assert all((still[number] != still[0]).any() for number in range(1, 10))


def test_header_and_model_say_what_they_are():
    data = coded(tiny_model((3, 5, 6)))
    with Reader(data) as reader:
        header = reader.header
    assert header.brings_model and header.family == "mvc" and header.chunks == 4
    layout = Layout.parse(header)
    assert [scene.frames for scene in layout.scenes] == [3, 5, 6]
    assert layout.scene_config(1, 14, 11) == tiny_config(5)
    assert isinstance(carried_model(header, "a.msv"), MvcModel)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "fixed"}, "mode=fixed: files of family mvc are always range"),
        ({"rate_weight": 0.1}, "rate-weight=0.1: files of family mvc have none; --bpp or --parameters"),
        ({"quality": 50.0}, "quality=50.0: files of family mvc have none"),
        ({"effort": 3}, "effort=3: files of family mvc have none"),
        ({"chunk_frames": 0}, r"chunk-frames=0 \(--gop\) is not allowed"),
    ],
)
def test_options_that_no_file_of_the_family_has_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        MvcModel().check(Options(**options))


def test_other_values_than_a_header_holds_are_no_silent_rounding():
    with pytest.raises(ValueError, match="a file cannot hold"):
        coded(MvcModel([tiny_model((4,)).scenes[0]._replace(config=tiny_config(4, expansion=1.501))], 6))


def test_frames_are_as_many_as_the_scenes_have():
    model = tiny_model((4,))
    encoder = model.encoder(type("V", (), {"width": 14, "height": 11})(), Options())
    with pytest.raises(ValueError, match="3 frames of a video whose scenes have 4"):
        list(encoder.chunks(iter(np.zeros((3, 11, 14, 3), np.uint8))))
    with pytest.raises(UserError, match="pictures of 15x11"):
        model.encoder(type("V", (), {"width": 15, "height": 11})(), Options())
    assert io.BytesIO(coded(model)).read(4) == b"\x89MSV"
