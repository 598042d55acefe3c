"""What a bundle of this family holds: configuration, the transform's weights, the prior in integers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from vqvae_jax.codec.bundle import NAMED, Bundle, WeightType, make_bundle
from vqvae_jax.codec.tensors import any_tensor, on_device, pack_tree, unpack_tree
from vqvae_jax.config import from_dict, to_dict
from vqvae_jax.errors import UserError
from vqvae_jax.ntc.codec.integer_prior import IntegerPrior
from vqvae_jax.ntc.codec.layout import FAMILY
from vqvae_jax.ntc.codec.prior_arrays import PriorArrays, check_arrays
from vqvae_jax.ntc.codec.shapes import transform_shapes
from vqvae_jax.ntc.config import NtcConfig
from vqvae_jax.ntc.fixed_point import HIDDEN_BITS
from vqvae_jax.ntc.rounding import layer_unit, whole
from vqvae_jax.training.state import PyTree

#: Chance of a zero, in 2**-16, above which a latent is not coded.
SKIP = round(0.98 * 65536)


class Weights(NamedTuple):
    """A model's parts as the codec uses them."""

    config: NtcConfig
    transform: PyTree  # float32
    prior: PriorArrays
    skip: int  # see `SKIP`


def pack_weights(
    name: str, config: NtcConfig, params: PyTree, origin: Mapping[str, Any], weights: WeightType, skip: int = SKIP
) -> Bundle:
    """The bundle of a model."""
    tensors = pack_tree(params["transform"], weights)
    tensors |= {f"prior/{field}": value for field, value in integers(params["prior"])._asdict().items()}
    fields = {"model": to_dict(config), "skip": skip}
    return make_bundle(name, FAMILY, NAMED, fields, tensors, origin, weights)


def unpack_weights(bundle: Bundle) -> Weights:
    """The model that a bundle holds.

    Raises:
      UserError: if its configuration is none of this family, or a tensor does not fit it; names the field or tensor.
    """
    if set(bundle.config) != {"model", "skip"} or type(bundle.config["skip"]) is not int:
        raise UserError(f"its configuration is no {FAMILY} model's")
    config = from_dict(NtcConfig, bundle.config["model"], "model")
    transform = on_device(unpack_tree(bundle.tensors, transform_shapes(config)))
    prior = PriorArrays(*(any_tensor(bundle.tensors, f"prior/{field}") for field in PriorArrays._fields))
    check_arrays(prior)
    if prior.now.shape[-2] != config.latents or len(prior.first_bias) != len(config.lambdas):
        raise UserError(f"tensor prior/now is of {prior.now.shape[-2]} latents and {len(prior.first_bias)} lambdas")
    return Weights(config, transform, prior, bundle.config["skip"])


def start(bundle: Bundle) -> tuple[PyTree, dict[str, Any]]:
    """Weights to go on training from.

    Raises:
      UserError: as `unpack_weights`.
    """
    weights = unpack_weights(bundle)
    return {"transform": weights.transform, "prior": floats(weights.prior)}, {}


def integers(prior: PyTree) -> PriorArrays:
    """The trained prior as it counts: the whole numbers that `ntc.prior` rounds its weights to."""
    first = jnp.maximum(layer_unit(prior["past"]), layer_unit(prior["now"]))
    middle, out = layer_unit(prior["middle"]), layer_unit(prior["out"])
    fine = 1 << HIDDEN_BITS

    def weights(name: str, unit: Any) -> np.ndarray:
        return np.asarray(whole(prior[name], unit)).astype(np.int8)

    def biases(name: str, unit: Any) -> np.ndarray:
        return np.floor(np.asarray(prior[name] / unit) + 0.5).astype(np.int32)

    arrays = PriorArrays(
        past=weights("past", first)[0],
        now=weights("now", first)[0],
        first_bias=biases("first_bias", first),
        steps=biases("steps", first),
        middle=weights("middle", middle)[0, 0, 0],
        middle_bias=biases("middle_bias", middle / fine),
        out=weights("out", out)[0, 0, 0],
        out_bias=biases("out_bias", out / fine),
        exponents=np.round(np.log2(np.asarray([first, middle, out]))).astype(np.int8),
    )
    IntegerPrior(arrays)  # raises where a sum may be inexact
    return arrays


def floats(arrays: PriorArrays) -> PyTree:
    """The inverse of `integers`: weights to go on training from."""
    first, middle, out = np.exp2(arrays.exponents.astype(np.float32))
    fine = 1 << HIDDEN_BITS
    scaled = {
        "past": arrays.past[None] * first,
        "now": arrays.now[None] * first,
        "first_bias": arrays.first_bias * first,
        "steps": arrays.steps * first,
        "middle": arrays.middle[None, None, None] * middle,
        "middle_bias": arrays.middle_bias * (middle / fine),
        "out": arrays.out[None, None, None] * out,
        "out_bias": arrays.out_bias * (out / fine),
    }
    return {name: jnp.asarray(value, jnp.float32) for name, value in scaled.items()}
