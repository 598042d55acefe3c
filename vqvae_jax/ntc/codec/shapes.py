"""Shapes of the transform's weights by name, written down: a bundle is checked without tracing the model."""

from vqvae_jax.ntc.config import PATCH, SLICES, UNIT, NtcConfig
from vqvae_jax.ntc.motion import HINTS

_FRAMES = UNIT // SLICES


def transform_shapes(config: NtcConfig) -> dict[str, tuple[int, ...]]:
    """What `coding.init_params` makes for "transform", by path."""
    c = config
    fine, wide, coarse = c.width, SLICES * c.width, c.coarse_width
    pixels, knots = _FRAMES * PATCH * PATCH * 3, len(c.lambdas)  # values of a slice's patch
    known = wide + PATCH * PATCH * 3  # what the context is made of: features, last frame
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(name: str, inputs: int, outputs: int, side: int = 1, bias: bool = True) -> None:
        shapes[f"{name}/kernel"] = (1, side, side, inputs, outputs)
        if bias:
            shapes[f"{name}/bias"] = (outputs,)

    def stack(name: str, depth: int, width: int, slices: int) -> None:
        for index in range(depth):
            conv(f"{name}/block_{index}/space", width, width, 3)
            conv(f"{name}/block_{index}/mix", slices * width, slices * width)

    conv("patches", pixels, fine)
    if c.hints != "none":
        conv("hinted", _FRAMES * HINTS, fine, bias=False)
    stack("analysis", c.analysis_blocks, fine, SLICES)
    conv("encoder_context", fine, wide, bias=False)
    stack("encoder", c.encoder_blocks, fine, SLICES)
    conv("down", 4 * wide, coarse)
    stack("coarse_encoder", c.coarse_blocks, coarse, 1)
    conv("latent", coarse, c.latents)
    conv("latent_in", c.latents, coarse)
    stack("coarse_decoder", c.coarse_blocks, coarse, 1)
    conv("up", coarse, 4 * wide)
    conv("decoder_context", fine, wide, bias=False)
    stack("decoder", c.decoder_blocks, fine, SLICES)
    if c.motion:
        conv("flow", wide, 2 * UNIT)
        conv("change", fine, pixels)
    conv("predicted", pixels, fine, bias=False)
    stack("refine", c.refine_blocks, fine, SLICES)
    conv("head", fine, pixels)
    shapes["bound/scale"] = (fine,)
    conv("context_skip", known, fine)
    conv("context_in", known, fine, 3)
    conv("context_out", fine, fine, 3)
    conv("context_down", 4 * fine, coarse)
    tables = {"rate_encoder": coarse, "rate_coarse": coarse, "rate_fine": wide}
    tables |= {"gains": c.latents, "inverse_gains": c.latents}
    return shapes | {"nothing": (SLICES, fine)} | {name: (knots, width) for name, width in tables.items()}
