"""MVC as one of the families (`vqvae_jax.families.FittedFamily`): files bring their model along."""

from vqvae_jax.deferred import deferred

__getattr__ = deferred(
    "vqvae_jax.mvc",
    {
        "Experiment": ("experiment", "Experiment"),
        "Layout": ("codec.layout", "Layout"),
        "task": ("train", "MvcTask"),
        "cost": ("count", "cost"),
        "carried": ("codec.model", "MvcModel"),
        "fit_video": ("codec.fit", "fit_video"),
    },
)
