"""What a compiled program's text says: collectives, convolutions, and the TPU compiler's estimate of cycles by part."""

import re
from collections import Counter
from typing import NamedTuple

_SIZES = {"pred": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "f16": 2, "bf16": 2, "s32": 4, "u32": 4, "f32": 4}
_WIDE = {"s64": 8, "u64": 8, "f64": 8, "c64": 8}
_COLLECTIVE = re.compile(
    r"= (?P<result>\(?[a-z0-9].*?) (?P<kind>all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)"
    r"(-start)?\("
)
_ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")
#: XLA's own, or a call of cuDNN's.
_CONVOLUTION = re.compile(r" (?:convolution|custom-call)\(.*dim_labels=([a-z0-9]+)_")
_CYCLES = re.compile(r'op_name="(?P<name>[^"]*)".*"estimated_cycles":"(?P<cycles>\d+)"')
#: From here on a count of cycles is none: where a TPU's compiler has no estimate of an operation it writes 2^64 - 1.
_NO_ESTIMATE = 1 << 63
#: What JAX puts around names of modules.
_WRAPPING = re.compile(r"jit\([^()]*\)/|transpose\(|jvp\(|checkpoint/|rematted_computation/|\)")


class Collective(NamedTuple):
    """Communication of one kind and type."""

    kind: str
    dtype: str
    operations: int  # with an array of this type
    bytes: int  # of what they result in, on one chip


def collectives(text: str) -> list[Collective]:
    """All communication in a program, the largest first."""
    counts: Counter[tuple[str, str]] = Counter()
    sizes: Counter[tuple[str, str]] = Counter()
    for found in _COLLECTIVE.finditer(text):
        arrays = [(dtype, _bytes(dtype, shape)) for dtype, shape in _ARRAY.findall(found["result"])]
        for dtype, size in arrays:
            sizes[found["kind"], dtype] += size
        for dtype in {dtype for dtype, _ in arrays}:
            counts[found["kind"], dtype] += 1
    listed = [Collective(*key, counts[key], size) for key, size in sizes.items()]
    return sorted(listed, key=lambda entry: -entry.bytes)


def _bytes(dtype: str, shape: str) -> int:
    size = (_SIZES | _WIDE).get(dtype, 4)
    for side in shape.split(",") if shape else ():
        size *= int(side)
    return size


def convolutions(text: str) -> dict[str, int]:
    """How many convolutions have so many spatial axes: {"2-D": 30, "3-D": 4}."""
    axes = [sum(letter.isdigit() for letter in found[1]) for found in _CONVOLUTION.finditer(text)]
    return {f"{count}-D": number for count, number in sorted(Counter(axes).items())}


def cycles(text: str, depth: int = 2) -> dict[str, int]:
    """The compiler's estimated cycles by part of the model, the most first; empty where it makes no estimate.

    Operations that it has none of are left out.

    Args:
      text: of the compiled program.
      depth: names of modules, from the outermost, that make a part.
    """
    found: Counter[str] = Counter()
    for line in text.splitlines():
        match = _CYCLES.search(line)
        if match and int(match["cycles"]) < _NO_ESTIMATE:
            found[part(match["name"], depth)] += int(match["cycles"])
    return dict(found.most_common())


def part(name: str, depth: int) -> str:
    """`jit(step)/transpose(jvp(NTC))/NTC.decode/refine/block_0/add` -> `NTC.decode/refine`; or `other`."""
    words = [word for word in _WRAPPING.sub("", name).split("/") if word]
    begin = next((index for index, word in enumerate(words) if re.fullmatch(r"[A-Z]\w*\.\w+", word)), None)
    return "other" if begin is None else "/".join(words[begin : begin + depth])
