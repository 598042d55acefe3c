"""What a family says, so that one loop trains them all, one validation and one evaluation job measure them all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from jax import Array

from vqvae_jax.training.state import PyTree, TrainState

Triple = tuple[int, int, int]
Purpose = Literal["training", "planning", "reconstructing"]  # of a task


class StepMetrics(NamedTuple):
    """What a step reports; stays on the device until it is logged."""

    scalars: dict[str, Array]  # [] float32: `loss`, `psnr` (dB), any other term by name; means over the log's window
    totals: dict[str, Array]  # [] float32: logged as sums over the window, such as revived codes
    histograms: dict[str, Array]  # [K] float32 counts, summed over the window, see `Task.health`
    finite: Array  # [] bool: loss and gradient


class Reconstruction(NamedTuple):
    """Clips as a decoder would show them, and what the family wants to know of each."""

    frames: Array  # [B, T, H, W, 3] uint8
    without: dict[str, Array]  # [B, T, H, W, 3] uint8, by the part of the code that is left out
    measures: dict[str, Array]  # [B, ...] per clip; one number a clip is logged by validation under its name


class Estimates(NamedTuple):
    """What is known of a clip set's size without writing files, and how the code is used."""

    bpp: dict[str, float]  # bits per pixel by the estimate's name: "formula", "entropy", "likelihood"
    diagnostics: dict[str, Any]  # JSON values by name; only the family and its reader know what is in them


@dataclass(frozen=True)
class Cost:
    """Costs of one model for one clip. A family may add fields."""

    parameters: int
    """Scalars that gradients move."""
    encoder_macs: int
    """Multiply-accumulates, pixels to symbols, for one clip."""
    decoder_macs: int
    """The same from symbols to pixels."""

    @property
    def forward_macs(self) -> int:
        """Of one clip on its way through training, forward: each operation counted once."""
        return self.encoder_macs + self.decoder_macs

    @property
    def summary(self) -> str:
        """A few words for the head of a training log."""
        return f"{self.parameters:,} parameters"


class Start(NamedTuple):
    """What one run hands on to another, as nested dictionaries."""

    params: PyTree  # the moving average, where the run kept one
    extras: dict[str, PyTree]


class Frozen(NamedTuple):
    """A network that training uses and never changes."""

    digest: str
    provenance: str


#: One update by the gradient of the global batch. Of the state, this device's share of the batch, a key that is the
#: run's, and `Task.constants`; runs per device inside `mapping.AXIS`. A batch is clips (uint8); of a numbered stage
#: those and their record numbers ([B] int32).
Step = Callable[[TrainState, Any, Array, PyTree], tuple[TrainState, StepMetrics]]


class Stage(NamedTuple):
    """A part of a training with a program of its own, which is compiled when the part begins.

    The state's structure is that of all parts; what steps report may differ.
    """

    step: Step
    name: str = ""
    first: int = 0  # steps done when it begins
    frames: int | None = None  # of a clip, from its start, that a step sees; all by default
    forward_macs: Callable[[Triple], int] | None = None  # of such a clip; what `Task.cost` says by default
    numbered: bool = False  # whether a step sees the clips' record numbers too


class Task(Protocol):
    """A model and how it is trained. All functions of arrays are pure."""

    stages: tuple[Stage, ...]  # in order, the first at step 0; most trainings have one

    constants: PyTree  # frozen networks, an argument of `step`: the compiler would copy and fold constants
    frozen: Mapping[str, Frozen]  # what they are, by name: noted in the run (NAME.json) and compared when it is resumed
    carried: tuple[str, ...]  # names of the extras that a warm start takes over
    growing: tuple[str, ...]  # prefixes of names of weights that a warm start may lack; they begin at zero then
    renewed: tuple[str, ...]  # prefixes of names of weights that a warm start does not take over: zeros in `Start`
    frames: int  # of a clip, from its start, that validation looks at

    def check_clips(self, clip_shape: Triple, where: str) -> None:
        """Raises a `UserError` that begins with `where` unless clips of (frames, height, width) fit the model."""
        ...

    def init(self, key: Array, first_BTHWC: Array, start: Start | None) -> TrainState:
        """The state before step 0.

        Args:
          key: the same key and batch give the same state on any number of devices.
          first_BTHWC: the first *global* batch, uint8.
          start: of another run or a bundle, known to fit; none starts afresh.
        """
        ...

    def abstract(self) -> TrainState:
        """Structure, shapes and types of the state, without computing one: what checkpoints are checked against."""
        ...

    def health(self, histograms: dict[str, Array]) -> dict[str, Array]:
        """Scalars that are logged of a window's histograms."""
        ...

    def learning_rate(self, step: int) -> float:
        """Of the update that makes step number `step` + 1."""
        ...

    def reconstruct(self, params: PyTree, extras: dict[str, PyTree], clips_BTHWC: Array) -> Reconstruction:
        """uint8 clips through the model as it is used: no dropout, no noise, 8-bit frames."""
        ...

    def summarise(self, measures: Mapping[str, Any], clip_shape: Triple) -> Estimates:
        """What `reconstruct` measured on all clips, [N, ...] on the host, in figures."""
        ...

    def best(self, figures: Mapping[str, float]) -> float:
        """What ranks checkpoints, greater is better, from validation's figures (`psnr` in dB, means of measures)."""
        ...

    def cost(self, clip_shape: Triple) -> Cost:
        """Parameters and multiply-accumulates for a clip of (frames, height, width)."""
        ...

    def notes(self, state: TrainState) -> list[str]:
        """Lines about the state for the head of the log."""
        ...
