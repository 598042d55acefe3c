"""Everything that defines a fit of this family, in one tree."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from vqvae_jax.config import check, check_choices, is_number
from vqvae_jax.data.config import PipelineConfig
from vqvae_jax.mvc.config import MvcConfig
from vqvae_jax.mvc.losses.consistency import WINDOW, Target
from vqvae_jax.mvc.losses.flow import Guard
from vqvae_jax.mvc.losses.frequency import Norm
from vqvae_jax.mvc.quantise import Axis, Density
from vqvae_jax.training.config import TrainingConfig

FlowSource = Literal["off", "dis", "raft", "zero", "shift"]
FeatureSource = Literal["off", "randconv", "resnet34"]


@dataclass(frozen=True)
class LossConfig:
    """Weights of the terms of equation 13, and what they are made of. The paper has 10, 1, 1, 1, 1."""

    spatial: float = 10.0
    """Lambda, of absolute error and SSIM."""
    frequency: float = 1.0
    """Of FDS."""
    frequency_norm: Norm = "backward"
    """Of the transform; `ortho` does not grow with the picture."""
    flow: float = 1.0
    """Of SFCM, where there is a source of flow."""
    entropy: float = 1.0
    """Of its mask's entropy."""
    flow_source: FlowSource = "off"
    """Where flow comes from: OpenCV's DIS, RAFT (a file of weights), none at all, or one known shift."""
    flow_scale: float = 1.0
    """Pixels to a unit of the predicted flow."""
    flow_shift: tuple[float, float] = (0.0, 0.0)
    """Of flow_source=shift: (dx, dy) from a frame to the next."""
    regularised: bool = True
    """Whether flow is masked (equation 10); without, equation 9."""
    guard: Guard = "none"
    """Against a mask that says that nothing counts, which the paper's terms reward."""
    consistency: float = 0.0
    """Of TCL."""
    target: Target = "gauss"
    """Of its similarities: the paper's, or one that the original frames meet."""
    window: int = WINDOW
    """L, frames before a frame that it is compared with."""
    features: FeatureSource = "randconv"
    """What frames are compared by: fixed random convolutions, or a ResNet-34 (a file of weights)."""
    centred: bool = True
    """Whether what all frames have in common is taken off first; without, all cosines are near 1."""

    def __post_init__(self) -> None:
        check_choices(self, "loss")
        for name in ("spatial", "frequency", "flow", "entropy", "consistency"):
            value = getattr(self, name)
            check(is_number(value) and value >= 0, f"loss.{name}", value, "a number of at least 0")
        check(is_number(self.flow_scale) and self.flow_scale > 0, "loss.flow_scale", self.flow_scale, "above 0")
        check(self.window >= 1, "loss.window", self.window, "a whole number of at least 1")
        named = self.features != "off" or not self.consistency
        check(named, "loss.features", self.features, "randconv or resnet34 with loss.consistency above 0")

    @property
    def follows(self) -> bool:
        """Whether there is an SFCM."""
        return self.flow_source != "off" and self.flow > 0


@dataclass(frozen=True)
class FitConfig:
    """Adam, its schedule, and how the fit ends: with rounded weights, and with weights that are cheap to code."""

    learning_rate: float = 5e-4
    """At most."""
    b1: float = 0.5
    """Decay of Adam's first moment."""
    b2: float = 0.999
    """Decay of its second."""
    schedule: Literal["enerv", "mvc", "scale"] = "enerv"
    """enerv: a tenth to all of it over the first fifth, then a cosine to zero; mvc: 0.9 times as much every ten epochs;
    scale: ninety such falls over any length."""
    weight_bits: int = 8
    """Of a weight."""
    embed_bits: int = 8
    """Of a number of the embedding."""
    axis: Axis = "tensor"
    """What shares a range: a tensor, or each of its outputs."""
    quantised: float = 0.1
    """Share of the fit, from its end, that sees weights and embeddings rounded."""
    rate: float = 0.0
    """Bits per pixel of the weights count so much in the objective; 0 keeps ranges. Above 0, each tensor has a step and
    a density that are learned, and files have as many bits as these say."""
    bpp: float = 0.0
    """Bits per pixel of weights and embeddings that the fit is to end at: `rate` is what its last part begins with, and
    follows the error from there on. 0 leaves it as it is."""
    rate_share: float = 0.4
    """Share of the fit, from its end, that does so."""
    density: Density = "laplace"
    """Of the weights of a tensor."""
    first_bits: int = 7
    """Of a tensor's range, what its step begins at."""
    quantiser_speed: float = 10.0
    """How many times faster steps and densities learn than weights."""

    def __post_init__(self) -> None:
        check_choices(self, "fit")
        check(self.learning_rate > 0, "fit.learning_rate", self.learning_rate, "a number above 0")
        for name in ("b1", "b2"):
            check(0 <= getattr(self, name) < 1, f"fit.{name}", getattr(self, name), "a number in [0, 1)")
        for name in ("weight_bits", "embed_bits", "first_bits"):
            check(2 <= getattr(self, name) <= 12, f"fit.{name}", getattr(self, name), "2 to 12")
        for name in ("quantised", "rate_share"):
            check(0 <= getattr(self, name) <= 1, f"fit.{name}", getattr(self, name), "a number in [0, 1]")
        for name in ("rate", "bpp", "quantiser_speed"):
            check(getattr(self, name) >= 0, f"fit.{name}", getattr(self, name), "a number of at least 0")
        check(not self.bpp or self.rate > 0, "fit.bpp", self.bpp, "0 without fit.rate above 0")
        check(not self.rate or self.axis == "tensor", "fit.axis", self.axis, "tensor with fit.rate above 0")


@dataclass(frozen=True)
class Experiment:
    """The network, its objective, and how it is fitted."""

    family: ClassVar[str] = "mvc"
    name: str = "mvc"
    """Name of the experiment this was made from."""
    model: MvcConfig = field(default_factory=MvcConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    fit: FitConfig = field(default_factory=FitConfig)
    data: PipelineConfig = field(
        default_factory=lambda: PipelineConfig(source="memory", batch_size=1, frames=1, flip=False)
    )
    """A scene's frames are its records, one frame each."""
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(epochs=300, validation_clips=1))

    def __post_init__(self) -> None:
        check(self.data.frames == 1, "data.frames", self.data.frames, "1: a step sees single frames of a scene")
        check(not self.data.flip, "data.flip", self.data.flip, "False: a scene is fitted as it is")
        check(self.data.crop is None, "data.crop", self.data.crop, "none: a scene is fitted as it is")
        batch, frames, parts = self.data.batch_size, self.model.frames, self.training.microbatches
        check(batch <= frames, "data.batch_size", batch, f"at most model.frames={frames}")
        check(batch % parts == 0, "data.batch_size", batch, f"a multiple of training.microbatches={parts}")
