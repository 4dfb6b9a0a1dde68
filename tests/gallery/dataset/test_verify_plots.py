"""Where the lines of the data set's plots lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.dataset import plots
from gallery.templatetags import figures


def mood(slug, curve):
    return {"slug": slug, "name": slug.title(), "objects": {"curve": curve}}


def test_curves_fill_the_plot_and_names_do_not_touch():
    curve = [[1, 1.0], [50, 30.0], [100, 40.0]]
    report = {"equal_n": 50, "moods": [mood(slug, curve) for slug in ("happy", "sad", "fear")]}
    found = plots.curves(report)
    assert {(line.x, line.y) for line in found.lines} == {(290.0, 10.0)}
    places = sorted(line.name_y for line in found.lines)
    assert places == [10.0, 21.5, 33.0]
    assert found.equal_x == 34 + 256 / 2
    assert [tick.text for tick in found.x_ticks] == ["0", "20", "40", "60", "80", "100"]


def test_no_curve_without_two_photographs():
    assert plots.curves({"equal_n": 0, "moods": [mood("happy", []), mood("sad", [[1, 1.0]])]}) is None


@given(st.floats(0.1, 1e6))
def test_ticks_are_few_round_and_within(most):
    found = plots.steps(most)
    assert found[0] == 0 and found[-1] <= most
    assert len(found) <= 7
    assert most < 2 or len(found) >= 3


def test_strips_and_boxes_lie_on_a_hundred():
    strip = plots.strip({"low": 0.25, "value": 0.5, "high": 1.0, "n": 4}, others=0.1)
    assert (strip.low, strip.value, strip.high, strip.others, strip.strangers) == (25, 50, 100, 10, None)
    box = plots.box({"5": 1.0, "25": 2.5, "50": 4.0, "75": 5.5, "95": 7.0})
    assert (box.least, box.lower, box.median, box.upper, box.most) == (0, 25, 50, 75, 100)


def test_years_stand_in_their_place_and_the_highest_fills():
    rows = [{"year": 2007, "n": 5}, {"year": 2010, "n": 20}]
    bars = plots.years(rows, [{"year": 2005}, *rows])
    assert [(bar.x, bar.y, bar.height) for bar in bars] == [(2, 30, 10), (5, 0, 40)]


def test_shades_go_by_the_row():
    assert [plots.heat(count, [1, 3, 6]) for count in (1, 3, 6)] == [1, 3, 6]
    assert plots.heat(0, [0, 0]) == 0


def test_pieces_stand_side_by_side():
    found = plots.pieces([6, 2, 1, 1, 0])
    assert [(piece.x, piece.width, piece.shade) for piece in found] == [
        (0, 60, 0), (60, 20, 1), (80, 10, 2), (90, 10, 3), (100, 0, 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"value": 0.5082, "low": 0.4184, "high": 0.598, "n": 9}, ".51 (.42 to .60)"),
        ({"value": -0.05, "low": -1.0, "high": 1.0, "n": 9}, "−.05 (−1.00 to 1.00)"),
        (None, "–"),
    ],
)
def test_coefficients_are_told_without_a_leading_nought(value, text):
    assert figures.coefficient(value) == text


def test_shares_are_told_with_their_interval():
    assert figures.figure({"value": 0.6, "low": 0.52, "high": 0.67, "n": 9}) == "60\u00a0% (52–67)"
    assert figures.figure({"value": 0.0, "low": 0.0, "high": 1.0, "n": 0}) == "–"
    assert figures.of(1, [1, 2]) == "33" and figures.of(0, [0, 0]) == "–"
    assert figures.thousands(None) == "–" and figures.thousands(12345) == "12,345"
