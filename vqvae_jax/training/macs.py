"""Multiply-accumulates of a function, counted, not estimated."""

import math
from typing import Any

import jax


def macs(function: Any, *arguments: Any) -> int:
    """Multiply-accumulates of all convolutions and matrix products that the result depends on.

    Args:
      function: of arrays; not run.
      arguments: pytrees of arrays or `jax.ShapeDtypeStruct`.
    """
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    # An encoder may run inside the whole model; what only the reconstruction needs is not the encoder's.
    jaxpr, _ = jax.interpreters.partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return _walk(jaxpr)


def _walk(jaxpr: Any) -> int:
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            out_axis = equation.params["dimension_numbers"].rhs_spec[0]
            total += equation.outvars[0].aval.size * math.prod(kernel) // kernel[out_axis]
        elif equation.primitive.name == "dot_general":
            left = equation.invars[0].aval.shape
            (contracted, _), _ = equation.params["dimension_numbers"]
            total += equation.outvars[0].aval.size * math.prod(left[axis] for axis in contracted)
        times = equation.params["length"] if equation.primitive.name == "scan" else 1
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                total += times * _walk(inner)
    return total
