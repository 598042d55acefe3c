"""The latents of a file of `ntc`, read from docs/entropy.md and docs/format.md alone: plain integers, no library.

Slow and small on purpose; of the library only the table of the logistic distribution and the fractions of an octave,
which docs/entropy.md writes down, are taken over.
"""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vqvae_jax.entropy.frequencies import FRACTIONS
from vqvae_jax.entropy.mixtures import _table

Get = Callable[[int, int, int], int]


class Bundle:
    """Arrays and numbers of a bundle's file."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        model = json.loads(header["__metadata__"]["model"])
        self.skip, self.lambdas = model["skip"], len(model["model"]["lambdas"])
        types = {"I8": "<i1", "I32": "<i4"}
        self.arrays: dict[str, Any] = {}
        for name, entry in header.items():
            if name.startswith("prior/"):
                begin, end = (8 + length + offset for offset in entry["data_offsets"])
                array = np.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
                self.arrays[name.removeprefix("prior/")] = array.astype(object)


class Stream:
    """A range-coded stream of 16 bits."""

    def __init__(self, data: bytes) -> None:
        self.state = int.from_bytes(data[:5], "little")
        self.words = list(struct.unpack(f"<{(len(data) - 5) // 2}H", data[5:]))

    def symbol(self, cumulative: list[int]) -> int:
        slot = self.state % 65536
        found = max(k for k in range(len(cumulative) - 1) if cumulative[k] <= slot)
        self.take(slot, cumulative[found], cumulative[found + 1] - cumulative[found])
        return found

    def take(self, slot: int, start: int, frequency: int) -> None:
        self.state = frequency * (self.state // 65536) + slot - start
        if self.state < 1 << 24:
            self.state = 65536 * self.state + self.words.pop(0)

    def number(self) -> int:
        zeros = 0
        while self.symbol([0, 32768, 65536]) == 0:
            zeros += 1
        value = 1
        for _ in range(zeros):
            value = 2 * value + self.symbol([0, 32768, 65536])
        return value - 1


def halved(x: int, k: int) -> int:
    return (x + (1 << (k - 1))) >> k if k > 0 else x << -k


def row(number: int) -> list[int]:
    """C(-32) ... C(32)."""
    mean, scale, table = 4 * (number % 16 - 8), 2 * (number // 16), [int(t) for t in _table("logistic")]

    def below(distance: int) -> int:
        p = abs(distance) * (int(FRACTIONS[scale % 16]) >> (scale // 16)) // 8
        i = min(p // 4096, len(table) - 2)
        g = table[i] + (table[i + 1] - table[i]) * min(p - 4096 * i, 4096) // 4096
        return (1 << 30) - g if distance < 0 else g

    inner = [256 * below(64 * k - 32 - mean) * (65536 - 64) // 2**38 + k + 32 for k in range(-31, 32)]
    return [0, *inner, 65536]


def latents(bundle: Bundle, payload: bytes, rate: int, units: int, height: int, width: int) -> list[Any]:
    """[units] of [h, w, M] integers."""
    a, stream = bundle.arrays, Stream(payload)
    channels, hidden = a["now"].shape[2:]
    e1, e2, e3 = (int(e) for e in a["exponents"])
    p = min(rate // 64, bundle.lambdas - 2)
    f = rate - 64 * p
    found: list[Any] = []
    for unit in range(units):
        nothing = np.zeros((height, width, channels), object)
        before, earlier = ([*found, nothing, nothing][i] if i >= 0 else nothing for i in (unit - 1, unit - 2))
        q = nothing.copy()
        for step in range(4):
            coded = {}
            for h in range(height):
                for w in range(width):
                    kind = {(0, 0): 0, (0, 1): 2, (1, 0): 3, (1, 1): 1}[h % 2, w % 2]
                    mine = [m for m in range(channels) if (kind + 4 * m // channels) % 4 == step]
                    total = [
                        halved(int(x) * (64 - f) + int(y) * f, 6) + int(s)
                        for x, y, s in zip(a["first_bias"][p], a["first_bias"][p + 1], a["steps"][step], strict=True)
                    ]
                    for dh in range(3):
                        for dw in range(3):
                            y, x = h + dh - 1, w + dw - 1
                            if not (0 <= y < height and 0 <= x < width):
                                continue
                            past = [max(-31, min(31, v)) for v in (*before[y, x], *earlier[y, x])]
                            now = [max(-31, min(31, v)) for v in q[y, x]]
                            for r in range(hidden):
                                total[r] += sum(v * k for v, k in zip(past, a["past"][dh, dw, :, r], strict=True))
                                total[r] += sum(v * k for v, k in zip(now, a["now"][dh, dw, :, r], strict=True))
                    h1 = [max(0, min(511, halved(t, -(e1 + 5)))) for t in total]
                    h2 = [
                        max(0, min(511, halved(sum(v * k for v, k in zip(h1, column, strict=True)) + b, -e2)))
                        for column, b in zip(a["middle"].T, a["middle_bias"], strict=True)
                    ]
                    for m in mine:
                        mean, scale = (
                            sum(v * k for v, k in zip(h2, a["out"][:, j], strict=True)) + a["out_bias"][j]
                            for j in (m, channels + m)
                        )
                        mean = max(-32768, min(32768, halved(mean, 1 - e3)))
                        scale = max(0, min(63, halved(scale, 2 - e3)))
                        whole = (mean + 8) >> 4
                        table = row(16 * scale + mean - 16 * whole + 8)
                        if whole == 0 and table[33] - table[32] > bundle.skip:
                            continue
                        symbol = stream.symbol(table) - 32
                        if symbol in (-32, 31):
                            symbol += stream.number() * (1 if symbol > 0 else -1)
                        coded[h, w, m] = whole + symbol
            # What a step sends is known to the next one.
            for place, value in coded.items():
                q[place] = value
        found.append(q)
    assert stream.state == 1 << 24 and not stream.words
    return found
