"""The six stages of training (Guo et al. 2023, table I): what is seen, what moves, what is rounded."""

from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import NamedTuple

import jax

from vqvae_jax.envc.experiment import Experiment
from vqvae_jax.training.state import PyTree

Moves = Callable[[str, str], bool]  # of a model, "intra" or "inter", and one of its modules

#: Of the I-frame model: fixed from stage 5 on, when its latents are rounded and pass no gradient.
ANALYSIS = frozenset({"g_a", "h_a"})
#: Of the P-frame model: what no latent of a frame depends on, given the frame before.
RESIDUAL_DECODER = frozenset({"r_dec", "recon", "r_hs", "prior_r", "prior_rz", "prior_m", "context_m"})

_MOTION = (
    "m_fuse/",
    "m_enc/",
    "m_dec/",
    "prior_m/",
    "context_m/",
    "predictor/warp/offsets/kernel",
    "predictor/offsets/",
)
#: Prefixes of names of weights that `stages.anew` means.
RENEWED: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "motion": tuple(f"params/inter/{name}" for name in _MOTION),
    "inter": ("params/inter/",),
}


class Phase(NamedTuple):
    """One row of the table, and where it is in a run."""

    name: str
    number: int  # 1 to 6
    first: int  # steps done when it begins
    steps: int
    frames: int  # of a clip
    moves: Moves  # which modules are trained
    given: bool = False  # the first frame is not coded: P frames alone are learnt, from originals
    noise: tuple[bool, bool] = (True, True)  # in place of rounding, for I and for P frames
    straight: bool = False  # where there is noise, decoders see rounded latents and priors alone have it
    modulated: bool = False  # errors of later frames count more


def phases(experiment: Experiment, steps: int) -> tuple[Phase, ...]:
    """Those stages that have a step, in order.

    Args:
      experiment: the run's configuration.
      steps: of the whole run.
    """
    config, moving = experiment.stages, RESIDUAL_DECODER
    if experiment.model.residual == "pixel":  # there `recon` makes the prediction that the residual is coded against
        moving = RESIDUAL_DECODER - {"recon"}
    given = config.behind == "originals"
    sums = list(accumulate(config.shares, initial=0.0))
    ends = [round(steps * done / sums[-1]) for done in sums]

    def phase(name: str, number: int, moves: Moves, **rest: bool | tuple[bool, bool]) -> Phase:
        first, end = list(pairwise(ends))[number - 1]
        rest["straight"] = config.decoders_see == "rounded"
        return Phase(name, number, first, end - first, config.seen[number - 1], moves, **rest)  # type: ignore[arg-type]

    table = (
        phase("1 intra", 1, lambda model, _: model == "intra"),
        # Where the first frame is coded it is rounded, as in files; weights that do not move have no use for noise.
        phase("2 inter", 2, lambda model, _: model == "inter", given=given, noise=(given, True)),
        phase("3 joint", 3, lambda *_: True),
        phase("4 modulated", 4, lambda *_: True, modulated=True),
        phase(
            "5 rounded intra",
            5,
            lambda model, module: model == "inter" or module not in ANALYSIS,
            noise=(False, True),
            modulated=True,
        ),
        phase(
            "6 rounded inter",
            6,
            lambda model, module: model == "inter" and module in moving,
            noise=(False, False),
            modulated=True,
        ),
    )
    return tuple(row for row in table if row.steps)


def split(params: PyTree, moves: Moves) -> tuple[PyTree, PyTree]:
    """Trees shaped as both models' weights, cut into modules that move and modules that do not."""

    def chosen(wanted: bool) -> PyTree:
        return {
            model: {name: tree for name, tree in modules.items() if moves(model, name) == wanted}
            for model, modules in params.items()
        }

    return chosen(True), chosen(False)


def join(moving: PyTree, still: PyTree) -> PyTree:
    """What `split` cut."""
    return {model: moving[model] | still[model] for model in moving}


def taken(whole: PyTree, like: PyTree) -> PyTree:
    """Of a tree the leaves that a smaller one has by the same paths, shaped as it is."""
    found = dict(jax.tree.leaves_with_path(whole))
    return jax.tree.map_with_path(lambda path, _: found[path], like)


def put(whole: PyTree, part: PyTree) -> PyTree:
    """A tree with new leaves where a smaller one has them by the same paths."""
    new = dict(jax.tree.leaves_with_path(part))
    return jax.tree.map_with_path(lambda path, old: new.get(path, old), whole)
