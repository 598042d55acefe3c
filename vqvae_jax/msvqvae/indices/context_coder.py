"""One level's grid of indices to an entropy-coded stream and back, by a context model, in the order of `order`."""

from array import array
from bisect import bisect_right

import numpy as np

from vqvae_jax.entropy.rans import SCALE, SCALE_BITS, CorruptStreamError, Reader
from vqvae_jax.msvqvae.indices.context_model import ContextModel, parts
from vqvae_jax.msvqvae.indices.contexts import NONE, base_contexts, co_located, coarse_repeats, repeat_chances, repeats
from vqvae_jax.msvqvae.indices.order import Observed, group_positions, neighbours, observe, padded, unknown_grid

Grid = tuple[int, int, int]


def coded_intervals(
    model: ContextModel, indices_THW: np.ndarray, coarse_THW: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Start and frequency, in units of 2**-16, of every symbol in decoding order: two int64 arrays."""
    flags = repeats(indices_THW)
    observed, symbols, steps = observe(indices_THW, coarse_THW, model.codes, model.coarse_codes)
    begin, frequency = model.intervals(observed, symbols)

    chance = repeat_chances(model.arrays.repeat, model.arrays.activity, indices_THW, coarse_THW)
    flag_begin, flag_frequency = np.where(flags, 0, chance), np.where(flags, chance, SCALE - chance)
    flag_steps = np.broadcast_to(np.arange(1, len(indices_THW))[:, None, None], flags.shape)
    # A step's flags before its symbols; both are in order already.
    order = np.argsort(np.concatenate([flag_steps.ravel() * 2, steps * 2 + 1]), kind="stable")
    return (
        np.concatenate([flag_begin.ravel(), begin])[order],
        np.concatenate([flag_frequency.ravel(), frequency])[order],
    )


def decode_level(model: ContextModel, stream: bytes, shape: Grid, coarse_THW: np.ndarray | None) -> np.ndarray:
    """The inverse of `coded_intervals` and `rans.encode`: int32 indices of `shape`, each in [0, K).

    Raises:
      CorruptStreamError: if the bytes were not written with this model, shape and coarser level.
    """
    steps, height, width = shape
    reader = _Reader(stream)
    coarse_flags = coarse_repeats(coarse_THW, shape)
    coarse = co_located(coarse_THW, shape, model.coarse_codes)
    groups = group_positions(height, width)
    indices = np.empty(shape, np.int32)
    before = earlier = unknown_grid(height, width, model.codes)
    past = np.full((height, width), NONE, np.uint8)
    inside = (slice(1, -1), slice(1, -1))
    for step in range(steps):
        now = unknown_grid(height, width, model.codes)
        if step:
            base = base_contexts(indices[step - 1], past, coarse_flags[step], model.arrays.activity)
            past = reader.flags(model.repeat, base)
            now = np.where(padded(past, 0) == 1, before, now)
        around = padded(coarse[step], 0)
        for number, positions in enumerate(groups):
            at = positions[now[positions] == model.codes]
            if len(at):
                known = neighbours(now, before, earlier, at, width)
                observed = Observed(known, around[at], np.full(len(at), step == 0), np.full(len(at), number))
                for part, rows in parts(observed, model.codes):
                    now[at[rows]] = reader.symbols(model.starts(part))
        indices[step] = now.reshape(height + 2, width + 2)[inside]
        before, earlier = now, before
    reader.check_end()
    return indices


class _Reader(Reader):
    """Flags and symbols of a step."""

    def flags(self, repeat: list[int], base_HW: np.ndarray) -> np.ndarray:
        """Whether each index of a step repeats the earlier one: uint8 [H, W]."""
        state, position, words = self.state, self.position, self.words
        above = [NONE] * (base_HW.shape[1] + 1)
        rows = []
        try:
            for bases in base_HW.tolist():
                row, left = [], NONE
                for base, upper, upper_right in zip(bases, above, above[1:], strict=False):
                    chance = repeat[base + left * 9 + upper * 3 + upper_right]
                    slot = state & 0xFFFF
                    if slot < chance:
                        state = chance * (state >> SCALE_BITS) + slot
                        left = 1
                    else:
                        state = (SCALE - chance) * (state >> SCALE_BITS) + slot - chance
                        left = 0
                    if state < 0x1000000:
                        state = state << 16 | words[position]
                        position += 1
                    row.append(left)
                rows.append(row)
                above = [*row, NONE]
        except IndexError as error:
            raise CorruptStreamError("an entropy-coded stream ends too early") from error
        self.state, self.position = state, position
        return np.array(rows, np.uint8)

    def symbols(self, starts_MK: np.ndarray) -> list[int]:
        """One symbol from each row of cumulative frequencies."""
        state, position, words = self.state, self.position, self.words
        size, symbols = starts_MK.shape[1], []
        flat = array("I", starts_MK.astype(np.uint32).tobytes())
        try:
            for offset in range(0, len(flat), size):
                slot = state & 0xFFFF
                found = bisect_right(flat, slot, offset, offset + size - 1) - 1
                begin = flat[found]
                state = (flat[found + 1] - begin) * (state >> SCALE_BITS) + slot - begin
                if state < 0x1000000:
                    state = state << 16 | words[position]
                    position += 1
                symbols.append(found - offset)
        except IndexError as error:
            raise CorruptStreamError("an entropy-coded stream ends too early") from error
        self.state, self.position = state, position
        return symbols
