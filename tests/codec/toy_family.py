"""A family that predicts nothing: frames at a quarter of the size, then what is missing, by zlib; a mean as its model.

Its files are of version 2 and bring their model along in a head chunk. Tests put it into `FAMILIES`.
"""

import zlib
from types import SimpleNamespace

import numpy as np

from vqvae_jax.codec.interface import Chunk
from vqvae_jax.entropy.rans import CorruptStreamError
from vqvae_jax.errors import UserError

CHUNK = 5  # frames


class Model:
    name, family, digest, identity, origin, clip = "toy", "toy", "00" * 32, bytes(8), {}, (CHUNK, 8, 8)

    def check(self, options):
        if options.mode != "range":
            raise UserError(f"mode={options.mode}: this family has none but range")

    def chunk_frames(self, width, height, options):
        return options.chunk_frames or CHUNK

    def encoder(self, video, options):
        return Encoder(video, self.chunk_frames(video.width, video.height, options))

    def decoder(self, header, head):
        if (header.parts, header.head_parts) != (Encoder.parts, Encoder.head_parts) or len(head["mean"]) != 1:
            raise UserError("its parts are not this family's, or its model is no byte")
        return Decoder(header, head["mean"][0])


class Encoder:
    file_version, parts, head_parts = 2, ("coarse", "rest"), ("mean",)

    def __init__(self, video, size):
        self.size = size

    def header(self):
        return b"toy"

    def chunks(self, frames):
        yield Chunk(0, {"mean": b"\x80"})
        waiting = []
        for frame in frames:
            waiting.append(frame)
            if len(waiting) == self.size:
                yield self.chunk(np.stack(waiting))
                waiting = []
        if waiting:
            yield self.chunk(np.stack(waiting))

    def chunk(self, frames):
        coarse = frames[:, ::2, ::2]
        rest = frames - larger(coarse)[:, : frames.shape[1], : frames.shape[2]]
        return Chunk(len(frames), {"coarse": zlib.compress((coarse - 128).tobytes()), "rest": zlib.compress(rest)})


class Decoder:
    context, layers = 0, {"coarse": 1, "rest": 2}

    def __init__(self, header, mean):
        self.size, self.mean = (header.height, header.width), mean

    def unpack(self, chunk):
        return SimpleNamespace(frames=chunk.frames, parts=chunk.parts)

    def decode(self, before, chunk, after, layer):
        assert not before and not after
        height, width = self.size
        half = (chunk.frames, -(-height // 2), -(-width // 2), 3)
        frames = larger(array(chunk.parts["coarse"], half) + np.uint8(self.mean))[:, :height, :width]
        return frames if layer == "coarse" else frames + array(chunk.parts["rest"], (chunk.frames, height, width, 3))


def larger(frames):
    return frames.repeat(2, axis=1).repeat(2, axis=2)


def array(data, shape):
    try:
        return np.frombuffer(zlib.decompress(data, bufsize=1 << 16), np.uint8).reshape(shape)
    except (zlib.error, ValueError) as error:
        raise CorruptStreamError(f"no frames ({error})") from error
