"""Train step and forward pass of whole models, direct 3-D convolutions against the 2-D form; the aim is 1.7x.

    python -m benchmarks.models [--repeats 3]

`tiny` at 4 clips, `msvqvae` at 1. The step is the real one without perceptual loss: gradient, clipping, Adam and
codebooks. "Memory" is what the compiled program needs for activations, beside its arguments.
"""

from dataclasses import replace

from benchmarks.jax_programs import BATCHES, Clip, Name, experiment_of, first_state, jax_programs, model_of, noise
from benchmarks.report import Result, Row, aim, alternate, benchmark
from vqvae_jax.layers.kinds import Lowering

LOWERINGS: tuple[Lowering, ...] = ("direct", "concat")
WHAT = ["forward", "train step"]


@benchmark
def main(models: tuple[Name, ...] = ("msvqvae", "tiny"), clip: Clip = None, repeats: int = 3) -> Result:
    rows: list[Row] = []
    for name in models:
        model, batch = model_of(name, clip), BATCHES[name]
        experiment, clips = experiment_of(model), noise(model, batch)
        state, programs = first_state(experiment), {}
        for lowering in LOWERINGS:
            lowered = replace(experiment, model=replace(experiment.model, lowering=lowering))
            programs[lowering] = jax_programs(lowered, state, clips, 1, WHAT)
        for what in WHAT:
            seconds = alternate({lowering: programs[lowering][what].call for lowering in LOWERINGS}, repeats)
            memory = {lowering: programs[lowering][what].compiled.temporary_bytes for lowering in LOWERINGS}
            rows.append(
                {"model": name, "clips": batch, "what": what}
                | {f"{lowering} s": seconds[lowering] for lowering in LOWERINGS}
                | {"speed-up": seconds["direct"] / seconds["concat"]}
                | {"clips/s": batch / seconds["concat"]}
                | {f"{lowering} memory MB": memory[lowering] / 1e6 for lowering in LOWERINGS}
            )
    aims = [aim(f"{row['model']} {row['what']}: direct over concat", row["speed-up"], at_least=1.7) for row in rows]
    return {"rows": rows, "aims": aims, "repeats": repeats}


if __name__ == "__main__":
    main()
