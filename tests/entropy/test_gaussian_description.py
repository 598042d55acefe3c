"""docs/entropy.md, "Latents of envc", read a second time: Python's whole numbers, one symbol after the other."""

import math
from statistics import NormalDist

import numpy as np

from tests.entropy.test_gaussian_symbols import drawn, sample
from vqvae_jax.entropy import rans
from vqvae_jax.entropy.gaussian_symbols import GaussianSymbols

T = [round(2**30 * NormalDist().cdf(i / 128)) for i in range(7 * 128)] + [2**30]
C = [round(2**20 * 2 ** (-k / 16)) for k in range(16)]
EDGES = [np.float32(2 ** ((k + 0.5) / 16 - 4)) for k in range(160)]


def below(k, radius, components):
    """Sum of the frequencies of all symbols below k."""
    if k in (-radius, radius):
        return 0 if k < 0 else 1 << 24
    total = 0
    for weight, mean, scale in components:
        d = 64 * k - 32 - mean
        p = abs(d) * (C[scale % 16] // 2 ** (scale // 16)) // 8
        i, part = min(p // 4096, len(T) - 2), p % 4096
        g = T[-1] if p // 4096 > len(T) - 2 else T[i] + (T[i + 1] - T[i]) * part // 4096
        total += weight * (g if d >= 0 else 2**30 - g)
    return total // 16 * (2**24 - 2 * radius) // 2**38 + k + radius


class Stream:
    def __init__(self, data):
        self.x = int.from_bytes(data[:7], "little")
        self.words = [int.from_bytes(data[at : at + 3], "little") for at in range(7, len(data), 3)]

    def symbol(self, low, high, sums):
        slot = self.x % 2**24
        k = next(k for k in range(low, high) if sums(k) <= slot < sums(k + 1))
        self.x = (sums(k + 1) - sums(k)) * (self.x // 2**24) + slot - sums(k)
        if self.x < 2**32:
            self.x = self.x * 2**24 + self.words.pop(0)
        return k

    def number(self):
        def digit():
            return self.symbol(0, 2, lambda k: k * 2**23)

        zeros = 0
        while not digit():
            zeros += 1
        value = 1
        for _ in range(zeros):
            value = 2 * value + digit()
        return value - 1


def read(stream, weights, means, scales):
    w = [math.floor(4096 * float(v) + 0.5) for v in weights]
    w[w.index(max(w))] += 4096 - sum(w)
    m = [math.floor(64 * float(v) + 0.5) for v in means]
    s = [sum(edge <= v for edge in EDGES) for v in scales]
    c = (sum(a * b for a, b in zip(w, m, strict=True)) + 2**17) // 2**18
    reach = 96 + max(abs(a - 64 * c) + 6 * math.ceil(64 * 2 ** (b / 16 - 4)) for a, b in zip(m, s, strict=True))
    radius = 4
    while 64 * radius < reach and radius < 512:
        radius *= 2
    components = [(a, b - 64 * c, d) for a, b, d in zip(w, m, s, strict=True)]
    k = stream.symbol(-radius, radius, lambda k: below(k, radius, components))
    beyond = stream.number() if k in (-radius, radius - 1) else 0
    return k + c + (beyond if k > 0 else -beyond)


def test_a_decoder_written_from_the_description_finds_the_same_integers():
    parts = drawn(120, high=5.0, spread=9.0)
    values = sample(parts)
    values[:3] += [100, -100, 1000]
    starts, frequencies = GaussianSymbols(*parts).write(values)
    stream = Stream(rans.encode(starts, frequencies, 24))
    assert [read(stream, *row) for row in zip(*parts, strict=True)] == values.tolist()
    assert stream.x == 2**32 and not stream.words
