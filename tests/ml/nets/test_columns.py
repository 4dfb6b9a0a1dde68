"""The columns: what each sees and does not see, what it learns alone, and how the join weighs them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab
from torch import Tensor, nn
from torchvision.transforms.v2 import functional as tv

from ml import losses
from ml.data.photographs import ATTRIBUTES, Photographs
from ml.nets import catalog
from ml.nets import columns_targets as targets
from ml.nets.columns import COLUMNS, FREE, TAUGHT, Arguments, Columns, Join, histogram
from ml.nets.columns_views import ColourView, CompositionView, LightView, SharpnessView, lab, lightness
from ml.nets.ram import Ram
from ml.recipes import TRAINING

SMALL = {"width": 0.25, "embedding": 16, "joint": 32, "patch": 32, "semantic_side": 32, "attention_side": 32}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def small(task: str = "score", classes: int = 2, free: bool = False, **changes: object) -> Columns:
    return Columns(Arguments(task, "free" if free else "auto", rollouts=2, **(SMALL | changes)), classes)  # type: ignore[arg-type]


def scene(seed: int, height: int = 120, width: int = 160) -> Tensor:
    """Soft colours with some detail, uint8 (3, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 8, generator=generator) * 60 + 90
    soft = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")[0]
    detail = torch.randn(1, height, width, generator=generator) * 12
    return (soft + detail).round().clamp(0, 255).byte()


def batch(net: Columns, n: int) -> tuple[Tensor, ...]:
    images = [scene(seed) for seed in range(n)]
    return tuple(torch.stack([view.eval(image)[0] for image in images]) for view in net.views)


def known(n: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(9)
    return {
        "score": torch.rand(n, generator=generator),
        "label": torch.arange(n) % 2,
        "high": torch.arange(n) % 2,
        "distribution": torch.softmax(torch.randn(n, 10, generator=generator), 1),
        "attributes": torch.rand(n, 11, generator=generator) * 2 - 1,
    }


def photographs(n: int, attributes: bool) -> Photographs:
    told = known(n)
    return Photographs(
        "made up",
        [Path(f"{k}.jpg") for k in range(n)],
        np.array([str(k) for k in range(n)]),
        score=told["score"].double().numpy(),
        attributes=told["attributes"].double().numpy() if attributes else None,
    )


def looked(net: Columns, inputs: tuple[Tensor, ...], attributes: bool) -> Columns:
    n = len(inputs[0])
    net.look(photographs(n, attributes), np.arange(n), lambda: iter([inputs]))
    return net


# ---------------------------------------------------------------- sizes


def test_it_has_its_golden_sizes() -> None:
    net = Columns(Arguments(), 2)
    sizes = {name: sum(p.numel() for p in column.parameters()) for name, column in net.columns.items()}
    assert sizes == {
        "colour": 64_800, "light": 31_680, "sharpness": 68_608, "composition": 322_992, "semantic": 347_072,
        "attention": 493_829,
    }  # fmt: skip
    assert sum(p.numel() for p in net.join.parameters()) == 384 * 128 + 128
    learns = sum(p.numel() for p in net.parameters() if p.requires_grad)
    assert learns == 6_050_279 - 4_652_008  # all but the backbone
    shapes = [(3, 64, 64), (1, 64, 64), (5, 96, 96), (4, 64, 64), (3, 224, 224), (3, 100, 100)]
    assert [view.shape for view in net.views] == shapes
    for view, shape in zip(net.views, shapes, strict=True):
        assert view.train(scene(0)).shape == shape
        assert view.eval(scene(0)).shape == (1, *shape)


def test_every_column_says_64_numbers_of_mean_0_and_spread_1() -> None:
    net = Columns(Arguments(semantic_side=32), 2).eval()
    inputs = batch(net, 2)
    for name, seen in zip(COLUMNS[:4], inputs, strict=False):
        word = net.columns[name](seen)
        assert word.shape == (2, 64)
        assert torch.allclose(word.mean(1), torch.zeros(2), atol=1e-5)


# ---------------------------------------------------------------- what each sees


def test_lab_is_cielab() -> None:
    image = scene(1)
    expected = rgb2lab(image.permute(1, 2, 0).numpy())
    assert np.allclose(lab(image.float() / 255).permute(1, 2, 0).numpy(), expected, atol=0.05)
    assert np.allclose(lightness(image)[0].numpy() * 100, expected[..., 0], atol=0.25)


def other_hues(image: Tensor, turn: float) -> Tensor:
    """Hues turned at constant lightness; of the 8-bit colours near each result, one of exactly the old lightness."""
    before = lightness(image)[0]
    planes = rgb2lab(image.permute(1, 2, 0).numpy())
    a, b = planes[..., 1].copy(), planes[..., 2].copy()
    planes[..., 1], planes[..., 2] = a * np.cos(turn) - b * np.sin(turn), a * np.sin(turn) + b * np.cos(turn)
    turned = torch.from_numpy(np.round(lab2rgb(planes) * 255)).permute(2, 0, 1).int()
    steps = torch.cartesian_prod(*[torch.arange(-2, 3)] * 3)
    found = turned.clone()
    left = lightness(turned.clamp(0, 255).byte())[0] != before
    for step in steps[steps.abs().sum(1).argsort()]:
        near = (turned + step[:, None, None]).clamp(0, 255)
        fits = left & (lightness(near.byte())[0] == before)
        found, left = torch.where(fits, near, found), left & ~fits
    assert not left.any()
    return found.byte()


def test_other_hues_of_equal_lightness_change_colour_and_neither_light_nor_sharpness() -> None:
    image = scene(2)
    turned = other_hues(image, 2.0)
    assert float((turned.int() - image.int()).abs().float().mean()) > 5  # a visible change
    assert torch.equal(LightView().eval(image), LightView().eval(turned))
    assert torch.equal(SharpnessView(32).eval(image), SharpnessView(32).eval(turned))
    colour = small().columns["colour"]
    words = [colour(ColourView().eval(each)) for each in (image, turned)]
    assert float((words[0] - words[1]).detach().norm()) > 0.1


def test_blur_at_native_resolution_moves_sharpness_most() -> None:
    net = Columns(Arguments(semantic_side=32), 2).eval()
    image = scene(3, 800, 1000)
    blurred = tv.gaussian_blur(image, [9, 9], [2.0, 2.0])
    moved = {}
    for name, view in zip(COLUMNS[:4], net.views, strict=False):
        first, second = (net.columns[name](view.eval(each)).detach() for each in (image, blurred))
        moved[name] = float((first - second).norm())
    others = max(moved[name] for name in ("colour", "light"))
    assert moved["sharpness"] > 3 * others, moved


def test_a_shifted_subject_moves_composition_and_not_the_histograms() -> None:
    image = torch.full((3, 256, 256), 90, dtype=torch.uint8)
    image[:, 64:128, 32:96] = torch.tensor([200, 150, 60], dtype=torch.uint8)[:, None, None]
    shifted = image.roll(96, 2)
    net = small().eval()
    for view, bins in ((ColourView(), 8), (LightView(), 64)):
        first, second = (histogram(view.eval(each), bins) for each in (image, shifted))
        assert torch.allclose(first, second, atol=1e-5)
    words = [net.columns["composition"](CompositionView().eval(each)).detach() for each in (image, shifted)]
    assert float((words[0] - words[1]).norm()) > 0.5


def test_sharpness_sees_the_middle_and_the_places_of_most_edges_pixel_by_pixel() -> None:
    image = torch.full((3, 384, 480), 100, dtype=torch.uint8)
    image[:, 20:60, 400:440] = (torch.rand(40, 40) * 255).byte()
    seen = SharpnessView().eval(image)[0]
    whole = lightness(image)[0]
    assert torch.equal(seen[0], whole[144:240, 192:288])
    assert torch.equal(seen[1], whole[0:96, 384:480])  # on a grid of 48 the first patch that holds all of it
    assert SharpnessView().eval(scene(0, 40, 200)).shape == (1, 5, 96, 96)  # smaller than a patch


def test_composition_sees_where_something_stands_out() -> None:
    image = (60 + 10 * torch.rand(128, 128)).byte().expand(3, -1, -1).clone()
    image[:, 80:104, 24:48] = 220
    saliency, edges, x, y = CompositionView().eval(image)[0]
    row, column = divmod(int(saliency.argmax()), 64)
    assert 38 <= row <= 54 and 10 <= column <= 26  # at the square
    assert float(edges[:30].max()) < 0.05 < 0.2 < float(edges[36:56, 8:28].max())
    assert x[0, 0] == -1 == y[0, 0] and x[0, -1] == 1 == y[-1, 0]


def test_a_histogram_counts_pixels() -> None:
    light = torch.zeros(1, 1, 4, 4)
    light[..., :2] = 0.999
    light[0, 0, 0, 0] = 1.0  # the last bin holds its upper edge
    counted = histogram(light, 64)[0] ** 2
    assert float(counted[0]) == pytest.approx(0.5) and float(counted[63]) == pytest.approx(0.5)
    assert histogram(ColourView().eval(scene(0)), 8).square().sum().item() == pytest.approx(1)


# ---------------------------------------------------------------- targets without labels


def test_colourfulness_is_that_of_hasler_and_suesstrunk() -> None:
    colours = torch.rand(2, 3, 8, 8) * 2 - 1
    a, b = (colours[0, k].numpy().ravel() * 110 for k in (1, 2))
    expected = np.sqrt(a.var() + b.var()) + 0.37 * np.hypot(a.mean(), b.mean())
    assert float(targets.colourfulness(colours)[0]) * 100 == pytest.approx(expected, rel=1e-4)
    assert float(targets.colourfulness(torch.zeros(1, 3, 8, 8))[0]) == 0


def test_one_hue_is_in_harmony_and_all_hues_are_not() -> None:
    turn = torch.arange(64) * (2 * np.pi / 64)
    one, many = (
        torch.stack([torch.zeros(64), radius * hue.cos(), radius * hue.sin()]).view(1, 3, 8, 8)
        for radius, hue in ((0.5, torch.full((64,), 1.0)), (0.5, turn))
    )
    assert float(targets.hue_distance(one)) < 0.01 < 0.3 < float(targets.hue_distance(many))
    gray = targets.hue_distance(torch.zeros(1, 3, 8, 8))
    assert bool(torch.isfinite(gray).all())


def test_blur_is_gaussian_and_each_photograph_has_its_own() -> None:
    patches = torch.rand(2, 3, 32, 32)
    blurred = targets.blur(patches, torch.tensor([0.05, 2.0]))
    assert torch.allclose(blurred[0], patches[0], atol=1e-5)
    assert torch.allclose(blurred[1], tv.gaussian_blur(patches[1], [19, 19], [2.0, 2.0]), atol=1e-4)


def test_compression_loses_what_jpeg_loses() -> None:
    import io

    from PIL import Image

    light = (scene(4, 96, 96)[1].float() / 255)[None, None]
    for quality in (10, 50, 90):
        ours = targets.compressed(light, torch.tensor([float(quality)]))[0, 0]
        file = io.BytesIO()
        Image.fromarray((light[0, 0] * 255).round().byte().numpy()).save(file, "JPEG", quality=quality)
        theirs = torch.from_numpy(np.array(Image.open(file))).float() / 255
        assert float((ours - theirs).abs().mean()) < 0.003, quality


def test_changes_are_those_of_the_seed_and_their_truths_are_what_was_done() -> None:
    patches, light, planes = torch.rand(4, 5, 32, 32), torch.rand(4, 1, 64, 64), torch.rand(4, 4, 64, 64)
    for change, of in ((targets.worsened, patches), (targets.relit, light), (targets.part_of, planes)):
        first, second = (change(of, torch.Generator().manual_seed(3)) for _ in range(2))
        assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))
        assert first[0].shape == of.shape
        assert float(first[1].abs().max()) <= 1 + 1e-6
    lit, shift = targets.relit(light, torch.Generator().manual_seed(3))
    by_hand = (light[1] ** (2 ** shift[1, 0]) * 2 ** shift[1, 1]).clamp(0, 1)
    assert torch.allclose(lit[1], by_hand, atol=1e-5)


def test_a_part_is_cut_where_its_truth_says() -> None:
    along = (torch.arange(64).float() * 2 + 1) / 64 - 1  # centres of pixels
    planes = torch.zeros(3, 4, 64, 64)
    planes[:, 0], planes[:, 1] = along.expand(64, 64), along.expand(64, 64).T
    cut, truth = targets.part_of(planes, torch.Generator().manual_seed(0))
    assert torch.allclose(cut[:, 0].mean((1, 2)), truth[:, 0] * 0.25, atol=1e-2)
    assert torch.allclose(cut[:, 1].mean((1, 2)), truth[:, 1] * 0.25, atol=1e-2)
    assert torch.equal(cut[:, 2:], planes[:, 2:])


# ---------------------------------------------------------------- stages


@pytest.mark.parametrize("attributes", [True, False])
def test_each_column_learns_alone_then_the_join_then_all(attributes: bool) -> None:
    net = small()
    inputs, told = batch(net, 12), known(12)
    looked(net, inputs, attributes)
    assert net.by_attributes == attributes
    frozen = {name: value.clone() for name, value in net.state_dict().items() if name.startswith("backbone")}
    used, unused = ("taught", "free") if attributes else ("free", "taught")
    specialists = {"columns", used}
    for stage, learning in (("columns", specialists), ("join", set()), ("all", specialists)):
        net.enter(stage, 0)
        net.train()
        optimiser = torch.optim.SGD(net.parameter_groups(0.1, 0.0), 0.1)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        sum(net.losses(net(*inputs), told).values()).backward()
        dead = [name for name, p in net.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.any())]
        assert dead == [], stage
        optimiser.step()
        optimiser.zero_grad()
        moved = {name.split(".")[0] for name, value in net.state_dict().items() if not torch.equal(value, before[name])}
        assert moved == learning | {"attention_end", "join", "heads"}, stage
        assert unused not in moved
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in frozen.items())
    assert not net.backbone.training


def test_the_join_teaches_columns_in_the_last_stage_alone() -> None:
    net = small()
    inputs, told = batch(net, 4), known(4)
    looked(net, inputs, True)
    weight = net.columns["colour"].end[0].weight
    reached = {}
    for stage in ("columns", "all"):
        net.enter(stage, 0)
        score = net.train().losses(net(*inputs), told)["score"]
        gradient = torch.autograd.grad(score, weight, allow_unused=True)[0]
        reached[stage] = gradient is not None and bool(gradient.any())
    assert reached == {"columns": False, "all": True}


def test_frozen_columns_say_the_same_while_the_join_learns() -> None:
    net = small()
    net.enter("join", 0)
    net.train()
    assert net.join.training and not net.columns["attention"].training
    assert TRAINING["columns"].stages == ("columns:15", "join:10", "all:10:0.1")


def test_its_losses_are_those_of_its_parts_at_their_weights() -> None:
    net = small()
    inputs, told = batch(net, 6), known(6)
    looked(net, inputs, True)
    net.enter("all", 0)
    said = net.train()(*inputs)
    terms = net.losses(said, told)
    mean, deviation = net.scores
    error = (said["logits"][:, 0] - told["score"]) / deviation
    assert float(terms["score"].detach()) == pytest.approx(float((error**2).mean().detach()) / 2, rel=1e-4)
    assert float(mean) == pytest.approx(float(told["score"].mean()))
    other = losses.of_task("distribution", said["head distribution"], told)
    assert float(terms["distribution"].detach()) == pytest.approx(0.3 * float(other.detach()), rel=1e-4)
    places = [ATTRIBUTES.index(name) for name in TAUGHT["sharpness"]]
    own = nn.functional.huber_loss(said["sharpness own"], told["attributes"][:, places])
    assert float(terms["own sharpness"].detach()) == pytest.approx(0.3 * float(own.detach()), rel=1e-4)
    net.enter("columns", 0)
    assert float(net.losses(said, told)["own sharpness"].detach()) == pytest.approx(float(own.detach()), rel=1e-4)


def test_unknown_attributes_and_scores_teach_nothing() -> None:
    net = small()
    inputs, told = batch(net, 4), known(4)
    looked(net, inputs, True)
    blank = {
        name: torch.full_like(value, -1 if value.dtype == torch.int64 else float("nan")) for name, value in told.items()
    }
    terms = net.train().losses(net(*inputs), blank)
    assert {float(term.detach()) for term in terms.values()} == {0.0}


def test_attributes_are_split_among_the_columns_and_each_has_its_own_place() -> None:
    named = [attribute for attributes in TAUGHT.values() for attribute in attributes]
    assert sorted(named) == sorted(ATTRIBUTES)


def test_photographs_are_put_into_ten_clusters_of_what_they_show() -> None:
    net = small(free=True)
    inputs = batch(net, 12)
    looked(net, inputs, True)
    assert not net.by_attributes  # asked not to use them
    clean = {"semantic": net._embedded(inputs[4]), "colour": inputs[0], "light": inputs[1]}
    clean |= {"sharpness": inputs[2], "composition": inputs[3]}
    nearest = net.made(clean)["semantic"][1]
    assert set(nearest.tolist()) == set(range(10))
    again = looked(small(free=True), inputs, True)
    assert torch.equal(net.clusters, again.clusters)


# ---------------------------------------------------------------- answers


@pytest.mark.parametrize(
    ("task", "classes", "width"), [("score", 2, 1), ("distribution", 2, 10), ("binary", 2, 2), ("emotion", 6, 6)]
)
def test_it_answers_its_task(task: str, classes: int, width: int) -> None:
    net = catalog.build("columns", Arguments(task, rollouts=2, **SMALL), classes).eval()
    assert isinstance(net, Columns)
    said = net(*batch(net, 2))
    assert said["logits"].shape == (2, width)
    attention = net.columns["attention"]
    assert isinstance(attention, Ram) and attention.classes == classes


def test_tested_it_always_says_the_same_also_after_saving_and_loading() -> None:
    net = small()
    inputs = batch(net, 3)
    looked(net, inputs, False).eval()
    first = net(*inputs)["logits"]
    torch.manual_seed(7)
    assert torch.equal(first, net(*inputs)["logits"])
    again = small().eval()
    again.load_state_dict(net.state_dict())
    assert torch.equal(first, again(*inputs)["logits"])
    net.train()
    assert not torch.equal(net(*inputs)["logits"], net(*inputs)["logits"])


def test_whole_columns_are_dropped_and_the_others_scaled_up() -> None:
    join = Join(6, 4, 8).train()
    join.body = nn.Identity()
    found = join(torch.ones(500, 6, 4), torch.ones(500, 6)).view(500, 6, 4)
    assert torch.equal(found[..., 0], found[..., 3])
    assert torch.allclose(found[..., 0].sum(1), torch.full((500,), 6.0), atol=1e-4)
    assert float((found[..., 0] == 0).float().mean()) == pytest.approx(0.2, abs=0.03)
    one = torch.zeros(500, 6)
    one[:, 2] = 1
    assert torch.equal(join(torch.ones(500, 6, 4), one).view(500, 6, 4)[:, 2, 0], torch.full((500,), 6.0))  # never none


def test_leaving_a_column_out_changes_the_answer_for_a_table() -> None:
    net = small().eval()
    inputs = batch(net, 2)
    whole = net(*inputs)["logits"]
    for name in COLUMNS:
        with net.without(name):
            assert not torch.allclose(net(*inputs)["logits"], whole)
    assert torch.equal(net(*inputs)["logits"], whole)
    with pytest.raises(ValueError, match="some, but not all"), net.without(*COLUMNS):
        pass


@pytest.mark.parametrize("attributes", [True, False])
def test_what_the_columns_learnt_can_be_looked_at(attributes: bool) -> None:
    net = small()
    inputs, told = batch(net, 4), known(4)
    looked(net, inputs, attributes).eval()
    found = net.own_targets(inputs, told)
    assert len(found) == sum(map(len, (TAUGHT if attributes else FREE).values()))
    if attributes:
        assert torch.equal(found["composition Symmetry"][1], told["attributes"][:, ATTRIBUTES.index("Symmetry")])
    again = net.own_targets(inputs, told)
    assert all(torch.equal(a, b) for name in found for a, b in zip(found[name], again[name], strict=True))


def test_the_columns_learn_their_own_targets_without_labels() -> None:
    net = small(free=True)
    inputs = batch(net, 24)
    looked(net, inputs, False)
    net.enter("columns", 0)
    optimiser = torch.optim.Adam(net.parameter_groups(3e-3, 0.0), 3e-3)
    own = []
    for _ in range(25):
        terms = net.train().losses(net(*inputs), known(24))
        optimiser.zero_grad()
        sum(terms.values()).backward()
        optimiser.step()
        own.append({name: float(term.detach()) for name, term in terms.items() if name.startswith("own")})
    for name in ("colour", "light", "sharpness", "composition", "semantic"):
        early, late = (np.mean([row[f"own {name}"] for row in part]) for part in (own[:5], own[-5:]))
        assert late < early, name


def test_it_overfits_32_pictures() -> None:
    net = small("binary")
    inputs, told = batch(net, 32), known(32)
    looked(net, inputs, True)
    net.enter("all", 0)
    net._embedded = (lambda kept: lambda semantic: kept)(net._embedded(inputs[4]))  # type: ignore[method-assign]
    optimiser = torch.optim.Adam(net.parameter_groups(5e-3, 0.0), 5e-3)
    reached = 0.0
    for step in range(150):
        net.train()
        optimiser.zero_grad()
        sum(net.losses(net(*inputs), told).values()).backward()
        optimiser.step()
        if step % 10 == 9:
            reached = float((net.eval()(*inputs)["logits"].argmax(1) == told["label"]).float().mean())
            if reached > 0.99:
                break
    assert reached > 0.99


def test_it_refuses_targets_that_there_are_not() -> None:
    with pytest.raises(ValueError, match="auto or free"):
        Columns(Arguments(targets="both"), 2)
