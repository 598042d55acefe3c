"""The plot beside an evaluation."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from vqvae_jax.evaluation.plot import _histogram


def test_clips_are_counted_in_whole_numbers_however_few_there_are():
    figure = Figure()
    FigureCanvasAgg(figure).draw()
    axes = figure.subplots()
    figures = {"clips": {"psnr": [20.0, 21.5, 21.6]}, "mean": {"psnr": 21.0}}
    _histogram(axes, {"model": (figures, "#000000", "-")})
    assert all(tick == int(tick) for tick in axes.get_yticks())
