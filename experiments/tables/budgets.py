"""How much is spent on the tables: sets of named experiments of `experiments/configs/`."""

from typing import Literal, NamedTuple

from experiments import configs
from experiments.tables.paper import Role
from vqvae_jax.msvqvae.experiment import Experiment

BudgetName = Literal["smoke", "short", "paper"]


class Budget(NamedTuple):
    """A set of experiments."""

    name: str
    prefix: str  # of the experiments' names, before the role
    remark: str  # stands above every table
    clips: int = 0  # evaluated clips of a split; 0 for all
    proves: Literal["path", "numbers"] = "numbers"  # "path": that it all works; the numbers mean nothing

    def experiment(self, role: Role) -> Experiment:
        """The named experiment that stands for `role`."""
        return configs.load(self.prefix + role)


BUDGETS = {
    "smoke": Budget(
        "smoke",
        "smoke_",
        "A proof of the path, not of the numbers: models 32 channels wide, 120 steps.",
        clips=16,
        proves="path",
    ),
    "short": Budget(
        "short",
        "short_",
        "A short budget, not the paper's recipe: models a tenth of its size, 600 steps of 4 clips, for two CPU cores.",
    ),
    "paper": Budget("paper", "", "The paper's recipe: its sizes, losses, optimiser, 50 epochs at batch 8."),
}
