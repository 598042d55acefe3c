"""Models in files as the evaluation uses them, whatever their family: loaded, coding, decoding, fitted."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from vqvae_jax.codec import decoder, encoder
from vqvae_jax.codec.bundle import Bundle, load_bundle
from vqvae_jax.codec.export import export_bundle
from vqvae_jax.codec.tokenizer import Tokenizer
from vqvae_jax.data.source import ClipSet
from vqvae_jax.families import FIRST
from vqvae_jax.training.snapshot import Snapshot


class Model:
    family = FIRST  # bundles name none yet

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.origin = bundle, bundle.origin
        self.name, self.digest, self.identity = bundle.name, bundle.digest, bundle.identity

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer(self.bundle)


def load_model(path: Path) -> Model:
    return Model(load_bundle(path))


def open_encoder(model: Model, rate_weight: float) -> encoder.Encoder:
    return encoder.Encoder(model.bundle, rate_weight=rate_weight)


def open_decoder(model: Model, path: Path) -> decoder.Decoder:
    return decoder.Decoder(model.bundle, path, model.tokenizer)


def fit_bundle(
    snapshot: Snapshot,
    clips: ClipSet,
    path: Path,
    most_clips: int,
    on_chunk: Callable[[int, int], None],
    on_fit: Callable[[int, int], None],
) -> None:
    export_bundle(snapshot, clips, path, most_clips=most_clips, overwrite=True, on_chunk=on_chunk, on_fit=on_fit)
