import numpy as np
import pytest

from vqvae_jax.metrics.bd_rate import RateCurve, bd_psnr, bd_rate, rate_at_quality

RATE = np.array([0.1, 0.2, 0.4, 0.8])
PSNR = np.array([25.0, 28.0, 30.5, 32.0])
# The example of the package's own documentation: x265 at two presets.
X265_ANCHOR = RateCurve([9487.76, 4593.60, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851])
X265_TEST = RateCurve([9787.80, 4469.00, 2451.52, 1356.24], [40.121, 38.651, 36.970, 34.987])


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_a_curve_of_a_multiple_of_the_rate_has_that_bd_rate(factor):
    delta = bd_rate(RateCurve(RATE, PSNR), RateCurve(RATE * factor, PSNR))
    assert delta.value == pytest.approx(100 * (factor - 1), abs=1e-9)
    assert delta.overlap == 1.0 and delta.reason is None


def test_a_curve_higher_by_a_constant_has_that_bd_psnr():
    assert bd_psnr(RateCurve(RATE, PSNR), RateCurve(RATE, PSNR + 1.5)).value == pytest.approx(1.5, abs=1e-9)


def test_straight_lines_in_log_rate_have_their_closed_form_whatever_the_number_and_order_of_points():
    # Both gain 3 dB per doubling; the test codec is 1 dB better, so it needs 2^(-1/3) of the rate.
    other = np.array([0.8, 0.11, 0.5, 0.3, 0.2])
    delta = bd_rate(RateCurve(RATE, 30 + 3 * np.log2(RATE)), RateCurve(other, 31 + 3 * np.log2(other)))
    assert delta.value == pytest.approx(100 * (2 ** (-1 / 3) - 1), abs=1e-9)
    low, high = 31 + 3 * np.log2(0.11), 30 + 3 * np.log2(0.8)
    assert delta.overlap == pytest.approx((high - low) / (31 + 3 * np.log2(0.8) - (30 + 3 * np.log2(0.1))))


def test_the_packages_own_example_is_reproduced_and_agrees_with_numerical_integration():
    package = pytest.importorskip("bjontegaard", reason="compared against it")
    expected = package.bd_rate(*X265_ANCHOR, *X265_TEST, method="pchip")
    assert bd_rate(X265_ANCHOR, X265_TEST).value == pytest.approx(expected, abs=1e-12)
    assert bd_psnr(X265_ANCHOR, X265_TEST).value == pytest.approx(
        package.bd_psnr(*X265_ANCHOR, *X265_TEST, method="pchip"), abs=1e-12
    )
    qualities = np.linspace(34.987, 40.037, 4001)
    logs = [[np.log10(rate_at_quality(curve, q).rate) for q in qualities] for curve in (X265_ANCHOR, X265_TEST)]
    brute = 100 * (10 ** np.mean(np.subtract(logs[1], logs[0])) - 1)
    assert brute == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "test, reason",
    [
        (RateCurve(RATE[:3], PSNR[:3]), "3 points"),
        (RateCurve(RATE, PSNR + 20), "no quality that both"),
        (RateCurve(RATE, [25.0, 28.0, 27.0, 32.0]), "does not rise"),
        (RateCurve([0.1, 0.2, 0.2, 0.8], PSNR), "does not rise"),
        (RateCurve([0.0, 0.2, 0.4, 0.8], PSNR), "does not rise"),
    ],
)
def test_where_there_is_no_bd_rate_there_is_a_reason(test, reason):
    delta = bd_rate(RateCurve(RATE, PSNR), test)
    assert delta.value is None and delta.overlap is None and reason in delta.reason


def test_a_curve_that_shares_little_with_the_anchor_has_its_overlap_and_no_bd_rate():
    wide = bd_rate(RateCurve(RATE, PSNR), RateCurve(RATE, PSNR + 4))  # 3 of 11 dB
    assert wide.value is not None and wide.overlap == pytest.approx(3 / 11)
    narrow = bd_rate(RateCurve(RATE, PSNR), RateCurve(RATE, PSNR + 5))  # 2 of 12 dB
    assert narrow.value is None and narrow.overlap == pytest.approx(2 / 12) and "less than 25%" in narrow.reason


def test_rate_at_quality_is_exact_at_points_geometric_on_lines_and_absent_outside():
    line = RateCurve(RATE, 10 * np.log2(RATE))
    for rate, quality in zip(*line, strict=True):
        assert rate_at_quality(line, quality).rate == pytest.approx(rate)
    assert rate_at_quality(line, 10 * np.log2(0.3)).rate == pytest.approx(0.3)
    high, low = rate_at_quality(line, line.quality[-1] + 0.01), rate_at_quality(line, line.quality[0] - 0.01)
    assert (high.rate, high.below, high.above) == (None, None, 0.8) and "above its highest" in high.reason
    assert (low.rate, low.below, low.above) == (None, 0.1, None) and "below its lowest" in low.reason
    assert rate_at_quality(RateCurve(RATE[:1], PSNR[:1]), PSNR[0]).rate is None


def test_between_points_the_rate_stays_between_theirs_even_at_a_sharp_bend():
    curve = RateCurve([0.1, 0.101, 0.9, 1.0], [20.0, 30.0, 30.1, 40.0])
    for low in range(3):
        for q in np.linspace(curve.quality[low], curve.quality[low + 1], 20):
            assert curve.rate[low] - 1e-9 <= rate_at_quality(curve, q).rate <= curve.rate[low + 1] + 1e-9
