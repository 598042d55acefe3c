"""The family's part of a file's header: the network, and the scenes of the video. Read without JAX."""

from dataclasses import fields
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from vqvae_jax.container import varint
from vqvae_jax.container.header import Header
from vqvae_jax.errors import ConfigError, UserError

if TYPE_CHECKING:
    from vqvae_jax.mvc.config import MvcConfig

FAMILY = "mvc"
HEAD_PARTS = ("w",)  # weights of all scenes
PARTS = ("e",)  # embeddings of a group of frames
KINDS = ("mvc", "enerv", "nerv")
FUSIONS, MODULATIONS, DTYPES = ("trans", "mlp"), ("g", "1+g"), ("float32", "bfloat16")
_WHOLE = ("h", "w", "reduction", "d0", "stem", "td", "mlp", "heads", "head_dim", "levels", "context_channels")
_EXPANSIONS, _BASES = 256, 65536  # fractions of a whole
_MAX_BYTES = 4  # of a number
MOST_STRIDES, MOST_EMBED_BITS = 8, 12


class SceneLayout(NamedTuple):
    """What scenes differ in."""

    frames: int
    channels: int
    lower_width: int


class Layout(NamedTuple):
    """What the decoder needs to know of a file."""

    kind: str
    fusion: str
    modulation: str
    dtype: str
    embed_bits: int
    strides: tuple[int, ...]
    h: int
    w: int
    reduction: int
    d0: int
    stem: int
    td: int
    mlp: int
    heads: int
    head_dim: int
    levels: int
    context_channels: int
    expansion: int  # in 1/256
    base: int  # in 1/65536
    scenes: tuple[SceneLayout, ...]

    @classmethod
    def of(cls, configs: "list[MvcConfig]", embed_bits: int) -> "Layout":
        """Of scenes whose networks differ in nothing but `SceneLayout`.

        Raises:
          ValueError: if they do, or one has a value that a header cannot hold.
        """
        c = configs[0]
        alike = {n: getattr(c, n) for n in (*_WHOLE, "kind", "fusion", "modulation", "dtype", "strides")}
        scenes = tuple(SceneLayout(each.frames, each.channels, each.lower_width) for each in configs)
        expansion, base = round(_EXPANSIONS * c.expansion), round(_BASES * c.base)
        found = cls(**alike, embed_bits=embed_bits, expansion=expansion, base=base, scenes=scenes)
        where = {"pad_bottom": c.pad_bottom, "pad_right": c.pad_right, "context": c.context}
        if [found.config(number, **where) for number in range(len(configs))] != configs:
            raise ValueError(f"a file cannot hold {configs}")
        return found

    def config(self, scene: int, **others: Any) -> "MvcConfig":
        """A scene's network; `others` are fields that the header of the container decides, or nobody."""
        from vqvae_jax.mvc.config import MvcConfig

        names = {field.name for field in fields(MvcConfig)}
        own = {name: value for name, value in self._asdict().items() if name in names} | self.scenes[scene]._asdict()
        fractions = {"expansion": self.expansion / _EXPANSIONS, "base": self.base / _BASES}
        return MvcConfig(**own | fractions | others)

    def scene_config(self, scene: int, width: int, height: int) -> "MvcConfig":
        """A scene's network as a decoder needs it, for pictures of a size.

        Raises:
          UserError: if it does not fit.
        """
        rows, columns = (side * prod(self.strides) for side in (self.h, self.w))
        context = "pool" if self.kind == "mvc" else "off"
        try:
            return self.config(scene, pad_bottom=rows - height, pad_right=columns - width, context=context)
        except ConfigError as error:
            raise UserError(f"its network is none ({error}); the file is damaged") from error

    def pack(self) -> bytes:
        """As bytes of the header."""
        places = (KINDS, self.kind, 0), (FUSIONS, self.fusion, 2), (MODULATIONS, self.modulation, 3)
        flags = sum(names.index(name) << bit for names, name, bit in (*places, (DTYPES, self.dtype, 4)))
        numbers = *(getattr(self, name) for name in _WHOLE), self.expansion, self.base, len(self.scenes)
        scenes = (number for scene in self.scenes for number in scene)
        start = bytes([flags, self.embed_bits, len(self.strides), *self.strides])
        return start + b"".join(map(varint.encode, (*numbers, *scenes)))

    @classmethod
    def parse(cls, header: Header) -> "Layout":
        """The inverse.

        Raises:
          UserError: if the header is not one of this family's, or of a later version.
        """
        if (header.head_parts, header.parts) != (HEAD_PARTS, PARTS):
            raise UserError(f"its parts are {', '.join((*header.head_parts, *header.parts))}, not w, e; it is damaged")
        if any(header.bundle):
            raise UserError(f"its header names a bundle, and files of family {FAMILY} bring their model; it is damaged")
        content = header.family_header
        try:
            found, end = cls._read(content)
        except (IndexError, varint.VarintError) as error:
            raise UserError(f"its {FAMILY} header is shorter than its fields; the file is damaged") from error
        if end != len(content) or found.pack() != content:
            raise UserError(f"its {FAMILY} header is {content[:8].hex()}..., which this program cannot read; update it")
        if sum(scene.frames for scene in found.scenes) != header.frames or not all(s.frames for s in found.scenes):
            raise UserError(f"its scenes do not have its {header.frames} frames; the file is damaged")
        if not 1 <= found.embed_bits <= MOST_EMBED_BITS:
            raise UserError(f"its embeddings have {found.embed_bits} bits; expected 1 to {MOST_EMBED_BITS}")
        return found

    @classmethod
    def _read(cls, content: bytes) -> "tuple[Layout, int]":
        flags, embed_bits, stages = content[:3] if len(content) >= 3 else (0, 0, 255)
        if flags & 3 == 3 or flags >> 5 or stages > MOST_STRIDES:
            raise IndexError("no header of this version")
        strides, offset, numbers = tuple(content[3 : 3 + stages]), 3 + stages, list[int]()
        wanted = len(_WHOLE) + 3
        while len(numbers) < wanted:
            number, offset = varint.decode(content, offset, _MAX_BYTES)
            numbers.append(number)
            if len(numbers) == len(_WHOLE) + 3:
                wanted += len(SceneLayout._fields) * number
        expansion, base, count, *rest = numbers[len(_WHOLE) :]
        known: dict[str, Any] = dict(zip(_WHOLE, numbers, strict=False)) | {"expansion": expansion, "base": base}
        scenes = tuple(SceneLayout(*rest[3 * at : 3 * at + 3]) for at in range(count))
        names = KINDS[flags & 3], FUSIONS[flags >> 2 & 1], MODULATIONS[flags >> 3 & 1], DTYPES[flags >> 4]
        return cls(*names, embed_bits=embed_bits, strides=strides, **known, scenes=scenes), offset

    def describe(self) -> dict[str, Any]:
        """As JSON values."""
        own = self._asdict() | {"expansion": self.expansion / _EXPANSIONS, "base": self.base / _BASES}
        scenes, embed_bits = [scene._asdict() for scene in own.pop("scenes")], own.pop("embed_bits")
        return {"network": own | {"strides": list(self.strides)}, "embed_bits": embed_bits, "scenes": scenes}
