"""The whole path in a few minutes: video files -> clips -> training -> checkpoint -> evaluation -> HTML report.

At last one of the videos goes through the model of the package, which was trained for hours: to a file and back.

    python -m experiments.demo [--videos DIR] [--out DIR]

It starts the same programs that you would, prints their command lines, and leaves everything in a new folder.
"""

import itertools
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from experiments.demo_videos import make_demo_videos
from experiments.report import ReportCommand, report
from experiments.runs.program import Programs
from vqvae_jax.command_line import parse
from vqvae_jax.config import check
from vqvae_jax.errors import UserError, run_command, say
from vqvae_jax.files import NewFolders
from vqvae_jax.stopping import stoppable


@dataclass(frozen=True)
class DemoCommand:
    """Runs the whole path on two CPU cores in a few minutes and prints where the report is."""

    videos: Path | None = None
    """Your folder of video files; by default, videos are made from scikit-image's photographs."""
    out: Path = Path("demo")
    """Every run of the demo gets a new folder in here."""
    steps: int | None = None
    """Training steps; default: those of experiments/configs/demo.py."""

    def __post_init__(self) -> None:
        check(self.steps is None or self.steps >= 1, "steps", self.steps, "a whole number of at least 1")


def demo(command: DemoCommand) -> Path:
    """Runs the demo; returns the report's path.

    Raises:
      UserError: if the folder of videos does not exist.
      SystemExit: if one of the programs failed.
    """
    from vqvae_jax.losses.vgg_weights import ENVIRONMENT, find_vgg_weights

    began = time.monotonic()
    if command.videos is not None and not command.videos.is_dir():
        raise UserError(f"--videos {command.videos}: no such folder")
    notes = [
        "Trained for a few minutes only: this shows that every part works, not how good the model gets.",
        "No VGG-16 weights were found, so the perceptual loss and the perceptual distance are left out. "
        f"${ENVIRONMENT} names a file of weights."
        if find_vgg_weights() is None
        else "Trained without the perceptual loss, which would take longer than the rest together.",
    ]
    stamp = command.out / time.strftime("%Y%m%d-%H%M%S")
    names = itertools.chain([stamp], (stamp.with_name(f"{stamp.name}-{number}") for number in itertools.count(2)))
    folders = NewFolders()
    try:
        try:
            folder = next(name for name in names if not name.exists())
            folders.make(folder, f"--out {command.out}")
        except OSError as error:
            raise UserError(f"--out {command.out}: cannot be written ({error.strerror})") from error
        return run_programs(command, folder, notes, began)
    finally:
        folders.remove()  # unless something came of it


def run_programs(command: DemoCommand, folder: Path, notes: list[str], began: float) -> Path:
    """Everything in the demo's own new folder; returns the report's path."""
    programs = Programs()
    videos = command.videos
    if videos is None:
        videos = folder / "videos"
        made = make_demo_videos(videos)
        say(f"{len(made)} videos made from scikit-image's photographs in {videos}")
        notes.append("The videos are camera moves over photographs; no photograph is in two splits.")

    data, run, evaluation, page = (folder / name for name in ("data", "run", "evaluation.json", "report.html"))
    filled, remarks = prepare_data(programs, videos, data)
    notes += remarks
    options = [] if command.steps is None else ["--steps", str(command.steps)]
    if "validation" not in filled:
        options += ["--training.validation-clips", "0"]
        notes.append("Too few groups of videos for a validation split: no validation curve.")
    programs.run("experiments.train", "demo", "--data", data, "--run", run, *options)
    split = next(name for name in ("test", "validation", "train") if name in filled)
    if split != "test":
        seen = ", clips that the model was trained on" if split == "train" else ""
        notes.append(f"Too few groups of videos for a test split: measured on the {split} split{seen}.")
    programs.run(
        "experiments.evaluate", "--run", run, "--data", data, "--split", split, "--steps", "latest", "--out", evaluation
    )
    notes.append(code_one_video(programs, videos, data, split, folder))
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    notes.append(f"From videos to figures in {minutes} min {seconds:02d} s.")
    files = {"run": run, "data": data, "evaluation": evaluation, "out": page}
    programs.note("experiments.report", *(word for name, path in files.items() for word in (f"--{name}", path)))
    report(ReportCommand(**files, notes=tuple(notes), commands=tuple(programs.lines)))
    say(*(f"note: {note}" for note in notes))
    return page.resolve()


def code_one_video(programs: Programs, videos: Path, data: Path, split: str, folder: Path) -> str:
    """The first video of a split to an .msv file with the package's model, and back; returns what to say of it."""
    from vqvae_jax.data.details import read_details
    from vqvae_jax.data.source import read_card
    from vqvae_jax.packaged import DEFAULT

    listed = read_details(data, read_card(data), "videos")
    name = next(video["path"] for video in listed if video["split"] == split)
    coded, back = folder / "coded.msv", folder / "decoded.mp4"
    programs.run("vqvae_jax", "encode", videos / name, coded, "--bundle", DEFAULT, "--verify")
    programs.run("vqvae_jax", "decode", coded, back)
    return (
        f"With {DEFAULT}, the model of the package, {name} is {coded.stat().st_size:,} bytes: {coded.name}, decoded in "
        f"{back.name} beside this page."
    )


def prepare_data(programs: Programs, videos: Path, data: Path) -> tuple[list[str], list[str]]:
    """Clips split by group or, where validation or test would stay empty, by video if that fills them.

    Returns:
      The splits that hold clips, and remarks for the report.
    """
    from vqvae_jax.data.source import read_card

    programs.run("data_prep", "--videos", videos, "--out", data)
    card = read_card(data)
    filled = [name for name, split in card["splits"].items() if split["clips"]]
    most = max(sum(split["videos"] for split in splits.values()) for splits in card["classes"].values())
    if len(filled) == len(card["splits"]) or most < len(card["splits"]):
        return filled, []
    remark = "Too few groups of videos: split by video instead, so videos of one group may be on both sides."
    say(remark)
    shutil.rmtree(data)  # made a moment ago, in the demo's own folder
    programs.lines.pop()
    programs.run("data_prep", "--videos", videos, "--out", data, "--split", "video")
    return [name for name, split in read_card(data)["splits"].items() if split["clips"]], [remark]


def main() -> None:
    command = parse(DemoCommand, "python -m experiments.demo")

    def kept() -> str:
        if not command.out.exists():
            return "nothing was written"
        return f"what was done until then is in {command.out}; the last line above with a $ does its part again"

    with stoppable("demo", kept):
        path = demo(command)
    say("", f"report: {path}")


if __name__ == "__main__":
    run_command("demo", main)
