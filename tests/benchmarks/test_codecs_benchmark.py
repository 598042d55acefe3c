"""The codec benchmark's choice of a rate and its ratios."""

import pytest

from benchmarks.codecs import AV1, PEERS, X265, Sample, at_preset, by_turns, closest_crf, row, unmatched, with_ratios


@pytest.mark.parametrize("wanted", [27.3, 40.0, 12.0, 55.0, 5.0])
def test_the_crf_found_by_bisection_is_the_closest_of_all(wanted):
    def quality(crf):
        return 50.0 - 0.6 * crf - 0.001 * crf**2

    asked = []
    found = closest_crf(lambda crf: asked.append(crf) or quality(crf), wanted, 63)
    assert abs(quality(found) - wanted) == min(abs(quality(crf) - wanted) for crf in range(64))
    assert len(set(asked)) <= 8


def test_start_is_taken_off_and_ratios_are_the_peers_over_ours():
    ours = row("ours", "edge", [Sample(5.0, 4.0, 0.5, 0.25, 100, 26.0)] * 3, 800, None)
    peer = row("x265", "crf 38", [Sample(1.1, 0.2, None, None, 50, 26.2)] * 3, 800, start_s=0.1)
    assert ours["encode s"] == 0.5 and ours["of it encode start s"] == 4.5 and ours["bpp"] == 1.0
    assert peer["encode s"] == pytest.approx(1.0) and peer["decode s"] == pytest.approx(0.1)
    rows = with_ratios([ours, peer])
    assert rows[0]["its / our encode s"] is None
    assert rows[1]["its / our encode s"] == pytest.approx(2.0)
    assert rows[1]["its / our decode s"] == pytest.approx(0.4)
    assert rows[1]["its / our encode process s"] == pytest.approx(0.22)
    assert rows[1]["its / our bits"] == pytest.approx(0.5)
    assert rows[1]["PSNR difference dB"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("theirs", "compared"), [(26.0, True), (26.25, True), (25.71, True), (26.31, False), (20, False)]
)
def test_codecs_more_than_three_tenths_of_a_decibel_apart_are_not_compared(theirs, compared):
    assert (unmatched(theirs, 26.0) is None) == compared


def test_a_preset_changes_nothing_but_itself():
    fast = at_preset(AV1, "-cpu-used", "8")
    assert [pair for pair in zip(AV1.arguments, fast.arguments, strict=True) if len(set(pair)) > 1] == [("2", "8")]
    assert fast.title == "libaom AV1 cpu-used 8" and fast.settings.startswith("cpu-used 8,")
    assert at_preset(X265, "-preset", "veryslow").arguments == X265.arguments
    assert [peer.title for peer in PEERS][:3] == ["x265 veryslow", "x265 medium", "x265 ultrafast"]
    assert all(peer.title.split()[-1] in peer.settings for peer in PEERS)


def test_coders_take_turns_on_each_clip():
    order = []
    coders = {name: lambda number, name=name: order.append((name, number)) for name in ("a", "b")}
    by_turns(coders, clips=2, repeats=2)
    assert order == [("a", 0), ("b", 0), ("a", 1), ("b", 1)] * 2
