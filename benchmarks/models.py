"""Train step and forward pass of whole models, direct 3-D convolutions against the 2-D form, and that in bfloat16.

    python -m benchmarks.models [--repeats 3]

`tiny` at 4 clips, `msvqvae` at 1. The step is the real one without perceptual loss: gradient, clipping, Adam and
codebooks. "Memory" is what the compiled program needs for activations, beside its arguments. "bfloat16" is
`model.dtype=bfloat16` in the 2-D form, which pays on processors with instructions for it. The aim is 1.7x for the form.
"""

from dataclasses import replace
from typing import Any

from benchmarks.jax_programs import BATCHES, Clip, Name, experiment_of, first_state, jax_programs, model_of, noise
from benchmarks.report import Result, Row, aim, alternate, benchmark

#: What each program's model has, by the name in the rows.
VARIANTS: dict[str, dict[str, Any]] = {
    "direct": {"lowering": "direct"},
    "concat": {"lowering": "concat"},
    "bfloat16": {"lowering": "concat", "dtype": "bfloat16"},
}
WHAT = ["forward", "train step"]


@benchmark
def main(models: tuple[Name, ...] = ("msvqvae", "tiny"), clip: Clip = None, repeats: int = 3) -> Result:
    rows: list[Row] = []
    for name in models:
        model, batch = model_of(name, clip), BATCHES[name]
        experiment, clips = experiment_of(model), noise(model, batch)
        state, programs = first_state(experiment), {}
        for variant, options in VARIANTS.items():
            varied = replace(experiment, model=replace(experiment.model, **options))
            programs[variant] = jax_programs(varied, state, clips, 1, WHAT)
        for what in WHAT:
            seconds = alternate({variant: programs[variant][what].call for variant in VARIANTS}, repeats)
            memory = {variant: programs[variant][what].compiled.temporary_bytes for variant in VARIANTS}
            rows.append(
                {"model": name, "clips": batch, "what": what}
                | {f"{variant} s": seconds[variant] for variant in VARIANTS}
                | {"speed-up": seconds["direct"] / seconds["concat"]}
                | {"float32 over bfloat16": seconds["concat"] / seconds["bfloat16"]}
                | {"clips/s": batch / seconds["concat"]}
                | {f"{variant} memory MB": memory[variant] / 1e6 for variant in VARIANTS}
            )
    aims = [aim(f"{row['model']} {row['what']}: direct over concat", row["speed-up"], at_least=1.7) for row in rows]
    return {"rows": rows, "aims": aims, "repeats": repeats}


if __name__ == "__main__":
    main()
