"""Weights and reductions of the objective L = L_recon + beta L_VQ + gamma L_perc (arXiv 2512.24547)."""

import math
from dataclasses import dataclass
from typing import Literal

from vqvae_jax.config import check, check_choices

# Mean activations of relu1_2, relu2_2, relu3_3 on 512 training frames of UCF101 at 64x64, of the trunk
# vgg16_relu3_3_ssdft.npz (VGG-16 fine-tuned on VOC detection). For another trunk or other video, measure again:
#   python -m benchmarks.vgg_layer_means --videos DIR --vgg-weights FILE
SSDFT_LAYER_MEANS = (0.5425, 0.5921, 0.3985)


@dataclass(frozen=True)
class LossConfig:
    """The objective. The defaults are the paper's weights with our reductions."""

    reconstruction: Literal["l2", "l1"] = "l2"
    """Squared or absolute error on [0, 1], mean over all elements."""
    beta: float = 1.0
    """Weight of L_VQ, the commitment losses summed over levels."""
    commitment: float = 0.25
    """Weight of a level's commitment loss within L_VQ."""
    gamma: float = 0.4
    """Weight of the perceptual loss; 0 trains without it and needs no VGG weights."""
    gamma_rule: Literal["matched", "literal"] = "matched"
    """matched: each layer is divided by its mean activation, and the perceptual gradient is gamma times the
    reconstruction's at the start of training. literal: gamma times the raw layer means, as the paper's text."""
    layer_means: tuple[float, float, float] = SSDFT_LAYER_MEANS
    """Mean activations of relu1_2, relu2_2, relu3_3 on training clips, for the trunk in use."""
    perceptual_frames: int = 0
    """Frames of a clip that a step's perceptual loss looks at, evenly spread, others each step; 0 for all of them."""

    def __post_init__(self) -> None:
        check(self.perceptual_frames >= 0, "loss.perceptual_frames", self.perceptual_frames, "0 or more")
        check_choices(self, "loss")
        for name in ("beta", "commitment", "gamma"):
            value = getattr(self, name)
            check(math.isfinite(value) and value >= 0, f"loss.{name}", value, "a finite number of at least 0")
        positive = len(self.layer_means) == 3 and all(math.isfinite(m) and m > 0 for m in self.layer_means)
        check(positive, "loss.layer_means", self.layer_means, "three finite numbers above 0")

    @property
    def layer_divisors(self) -> tuple[float, float, float]:
        """What each layer's distance is divided by in the training loss: its mean activation, or 1 for `literal`."""
        return self.layer_means if self.gamma_rule == "matched" else (1.0, 1.0, 1.0)
