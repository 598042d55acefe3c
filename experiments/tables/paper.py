"""What the paper prints (arXiv 2512.24547, section 4), and which of our named experiments stands in which row."""

from typing import Literal, NamedTuple

from experiments import configs
from vqvae_jax.msvqvae.experiment import Experiment

Role = Literal["msvqvae", "vqvae2", "vqvae3d", "msvqvae_k512"]
ROLES: tuple[Role, ...] = ("msvqvae", "vqvae2", "vqvae3d", "msvqvae_k512")


class PaperRow(NamedTuple):
    """A model's row."""

    label: str  # as printed
    role: Role
    psnr: float  # dB
    ssim: float
    params_m: float | None = None  # millions
    compression_ratio: float | None = None  # of what is not stated
    reduction_percent: float | None = None


class PaperTable(NamedTuple):
    """A table of the paper."""

    number: int
    title: str
    split: Literal["test", "validation"]
    clips: int | None  # number of clips that the paper measured on
    rows: tuple[PaperRow, ...]


TABLES = {
    1: PaperTable(
        1,
        "Aggregate performance across UCF101 test clips",
        "test",
        10_775,
        (PaperRow("MS-VQ-VAE", "msvqvae", 25.96, 0.8375, compression_ratio=0.48, reduction_percent=51.8),),
    ),
    2: PaperTable(
        2,
        "Quantitative comparison of VQ variants on UCF101 (validation)",
        "validation",
        10_698,
        (
            PaperRow("VQ-VAE (3D, single level)", "vqvae3d", 24.91, 0.8673, 16.2),
            PaperRow("VQ-VAE-2 (video, no perceptual)", "vqvae2", 25.13, 0.8744, 18.5),
            PaperRow("MS-VQ-VAE (ours, + perceptual)", "msvqvae", 26.32, 0.8921, 18.5),
            PaperRow("w/ 512 embeddings (ours)", "msvqvae_k512", 25.58, 0.8802, 18.5),
        ),
    ),
    3: PaperTable(
        3,
        "Ablation study results (UCF101 validation set)",
        "validation",
        10_698,
        (
            PaperRow("Single-Level VQ", "vqvae3d", 24.82, 0.8647),
            PaperRow("No Perceptual Loss", "vqvae2", 22.77, 0.8112),
            PaperRow("512 Embeddings", "msvqvae_k512", 24.45, 0.8543),
            PaperRow("MS VQ-VAE (2-Level, γ=0.4, 1024 emb)", "msvqvae", 26.32, 0.8921),
        ),
    ),
}

#: Figure 2: columns after the original.
FIGURE_COLUMNS: tuple[tuple[str, Role], ...] = (("VQ-VAE", "vqvae3d"), ("VQ-VAE-2", "vqvae2"), ("MS-VQ-VAE", "msvqvae"))

#: The paper's data: 13,320 videos, 71,240 clips, of which 49,767 to train on.
CLIPS, TRAINING_CLIPS = 71_240, 49_767


def roles_of(tables: tuple[int, ...]) -> list[Role]:
    """The models that some tables need, the paper's own first."""
    wanted = {row.role for number in tables for row in TABLES[number].rows}
    return [role for role in ROLES if role in wanted]


class Budget(NamedTuple):
    """How much is spent on the tables: a set of named experiments of `experiments/configs/`."""

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
