"""The four frames of ml.views on a picture whose pixels tell where they stand: 300 high, 600 wide."""

import pytest
import torch
from torch import Tensor

from ml.views import FRAMES, View

HEIGHT, WIDTH = 300, 600


@pytest.fixture(scope="module")
def grid() -> Tensor:
    """uint8 (3, 300, 600): red is the row / 4, green the column / 4, blue is 255."""
    rows = torch.arange(HEIGHT)[:, None].expand(HEIGHT, WIDTH) / 4
    columns = torch.arange(WIDTH)[None].expand(HEIGHT, WIDTH) / 4
    return torch.stack([rows, columns, torch.full((HEIGHT, WIDTH), 255.0)]).round().to(torch.uint8)


def where(view: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of the picture that a view (norm "unit") shows along its middle, in pixels."""
    side = view.shape[-1]
    return view[0, :, side // 2] * 255 * 4, view[1, side // 2] * 255 * 4


def whole(frame: str, **changes: object) -> View:
    """A view that shows the whole frame."""
    return View(frame, 256, 256, "unit", mirror=False, **changes)  # type: ignore[arg-type]


def assert_ramp(found: Tensor, start: float, step: float) -> None:
    """found (256,) are the coordinates start + step * (k + 1/2) - 1/2, to within their rounding and the edges' blur."""
    expected = start + step * (torch.arange(len(found)) + 0.5) - 0.5
    inner = slice(3, -3)
    assert (found - expected)[inner].abs().max() < 4


def test_warp_squeezes_each_side_by_its_own_scale(grid: Tensor) -> None:
    rows, columns = where(whole("warp").eval(grid)[0])
    assert_ramp(rows, 0, 300 / 256)
    assert_ramp(columns, 0, 600 / 256)


def test_center_crop_keeps_the_middle_square_at_one_scale(grid: Tensor) -> None:
    rows, columns = where(whole("center-crop").eval(grid)[0])
    assert_ramp(rows, 0, 300 / 256)
    assert_ramp(columns, 150, 300 / 256)


def test_padding_shows_everything_between_two_bands_of_zeros(grid: Tensor) -> None:
    shown = whole("padding").eval(grid)[0]
    assert (shown[:, :64] == 0).all() and (shown[:, 192:] == 0).all()
    assert (shown[2, 64:192] > 0.99).all()
    rows, columns = where(shown)
    assert_ramp(rows[64:192], 0, 600 / 256)
    assert_ramp(columns, 0, 600 / 256)


def test_padding_is_zero_after_normalising(grid: Tensor) -> None:
    shown = View("padding", 256, 256, "imagenet").eval(grid)[0]
    assert (shown[:, :64] == 0).all()
    assert (shown[2, 64:192] - (1 - 0.406) / 0.225).abs().max() < 0.05


def test_crop_is_not_resized(grid: Tensor) -> None:
    shown = whole("crop").eval(grid)[0]
    assert torch.equal((shown * 255).round().to(torch.uint8), grid[:, 22:278, 172:428])


def test_crops_in_training_reach_every_corner_at_unit_scale(grid: Tensor) -> None:
    torch.manual_seed(0)
    tops, lefts = [], []
    for _ in range(60):
        rows, columns = where(View("crop", 256, 224, "unit", mirror=False).train(grid))
        assert rows[-1] - rows[0] == pytest.approx(223, abs=4) and columns[-1] - columns[0] == pytest.approx(223, abs=4)
        tops.append(float(rows[0]))
        lefts.append(float(columns[0]))
    assert min(tops) < 12 and max(tops) > 300 - 224 - 12
    assert min(lefts) < 45 and max(lefts) > 600 - 224 - 45


def test_test_crops_differ_stay_inside_and_repeat(grid: Tensor) -> None:
    view = View("crop", 256, 224, "unit", windows=10)
    shown = view.eval(grid)
    assert shown.shape == (10, 3, 224, 224)
    assert len({tuple(one[:2, 0, 0].tolist()) for one in shown}) == 10
    assert torch.equal(shown, view.eval(grid))


def test_a_photograph_smaller_than_the_frame_is_enlarged_for_a_crop(grid: Tensor) -> None:
    rows, columns = where(whole("crop").eval(grid[:, :128, :400])[0])
    assert_ramp(rows, 0, 0.5)
    assert_ramp(columns, (800 - 256) / 2 / 2, 0.5)


def test_a_shrunk_crop_shows_the_same_part_with_fewer_pixels(grid: Tensor) -> None:
    rows, columns = where(View("crop", 64, 64, "unit", shrink=0.25).eval(grid)[0])
    assert_ramp(rows, 22, 4)
    assert_ramp(columns, 172, 4)


@pytest.mark.parametrize("frame", FRAMES)
def test_an_upright_photograph_is_treated_as_a_lying_one(grid: Tensor, frame: str) -> None:
    lying, upright = whole(frame).eval(grid)[0], whole(frame).eval(grid.transpose(1, 2))[0]
    assert torch.allclose(upright.transpose(1, 2), lying, atol=2 / 255)


@pytest.mark.parametrize("frame", FRAMES)
def test_training_windows_differ_and_follow_the_seed(grid: Tensor, frame: str) -> None:
    view = View(frame)
    torch.manual_seed(0)
    first, second = view.train(grid), view.train(grid)
    torch.manual_seed(0)
    assert first.shape == view.shape and not torch.equal(first, second)
    assert torch.equal(view.train(grid), first)


def test_half_the_training_windows_are_mirrored(grid: Tensor) -> None:
    torch.manual_seed(0)
    columns = [where(View("warp", 32, 28).train(grid))[1] for _ in range(200)]
    assert 70 < sum(bool(c[0] > c[-1]) for c in columns) < 130
    columns = [where(View("warp", 32, 28, mirror=False).train(grid))[1] for _ in range(20)]
    assert all(c[0] < c[-1] for c in columns)


def test_ten_test_views_are_corners_and_middle_and_their_mirror_images(grid: Tensor) -> None:
    frame = whole("warp").eval(grid)[0]
    shown = View("warp", 256, 224, "unit", tests="ten").eval(grid)
    assert shown.shape == (10, 3, 224, 224)
    places = [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    for view, (top, left) in zip(shown[:5], places, strict=True):
        assert torch.equal(view, frame[:, top : top + 224, left : left + 224])
    assert torch.equal(shown[5:], shown[[1, 0, 3, 2, 4]].flip(3))  # the mirror image's left is the picture's right


def test_caffes_pixels_are_blue_first_in_0_255_less_the_mean() -> None:
    red = torch.zeros(3, 8, 8, dtype=torch.uint8)
    red[0] = 255
    shown = View("warp", 8, 8, "caffe", bgr=True).eval(red)[0]
    assert shown[:, 4, 4].tolist() == pytest.approx([-104.0, -116.7, 255 - 122.7], abs=1e-3)


def test_torchvisions_pixels_are_red_first_in_standard_deviations() -> None:
    red = torch.zeros(3, 8, 8, dtype=torch.uint8)
    red[0] = 255
    shown = View("warp", 8, 8).eval(red)[0]
    assert shown[:, 4, 4].tolist() == pytest.approx([0.515 / 0.229, -0.456 / 0.224, -0.406 / 0.225], abs=1e-4)


@pytest.mark.parametrize("wrong", [{"frame": "squash"}, {"norm": "none"}, {"tests": "two"}, {"resize": 200}])
def test_it_refuses_a_view_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        View(**wrong)  # type: ignore[arg-type]
