"""Views: every operation gives what Pillow gives, and every image has draws of its own."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from sklearn.datasets import load_sample_image

from spl.data.digits import read_digits
from spl.training import augment
from step import PILLOW


def photographs():
    picture = Image.fromarray(load_sample_image("flower.jpg"))
    tiles = [
        picture.crop((x, y, x + 96, y + 96)).resize((32, 32)) for x in range(0, 500, 90) for y in range(0, 300, 90)
    ]
    return torch.from_numpy(np.stack([np.asarray(tile).transpose(2, 0, 1) for tile in tiles]))


IMAGES = {
    "photographs": photographs(),
    "digits": torch.from_numpy(read_digits().train_images[:40]),
    "wide and grey": photographs()[:, :1, 3:22],
    "plain": torch.arange(0, 255, 11, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 20, 20),
}


def as_pillow(image):
    return Image.fromarray(image[0].numpy() if len(image) == 1 else image.numpy().transpose(1, 2, 0))


def seen(draw, images, largest=0.5):
    return augment.strong_view(draw, *images.shape[2:], largest)


def as_tensor(image):
    pixels = np.asarray(image)
    return torch.from_numpy(pixels[None].copy() if pixels.ndim == 2 else pixels.transpose(2, 0, 1).copy())


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("number", range(14), ids=lambda number: augment.OPERATIONS[number].name)
def test_every_operation_equals_pillow_s(number, kind):
    images, operation = IMAGES[kind], augment.OPERATIONS[number]
    place = torch.linspace(0, 0.999, len(images), dtype=torch.float64)
    magnitude = operation.low + (operation.high - operation.low) * place
    reference = PILLOW[operation.name]
    expected = torch.stack(
        [as_tensor(reference(as_pillow(one), v)) for one, v in zip(images, magnitude.tolist(), strict=True)]
    )
    chosen, square = np.full((len(images), 1), number), np.zeros((len(images), 3))
    draw = augment.StrongDraw(chosen, place[:, None].numpy(), square)
    difference = (augment.randaugment(images, seen(draw, images)).int() - expected.int()).abs()
    if operation.name == "autocontrast":  # rounds differently, in one of a thousand pixels
        assert difference.max() <= 1
        assert difference.float().mean() < 0.002
    else:
        assert not difference.any()


@pytest.mark.parametrize(("variant", "operations", "probability"), [("torchssl", 3, 1), ("google", 2, 0.5)])
def test_operations_and_magnitudes_are_drawn_uniformly(variant, operations, probability):
    draw = augment.draw_strong(20_000, np.random.default_rng(3), variant=variant)
    assert draw.chosen.shape == (20_000, operations)
    expected = np.full(14, 20_000 * operations * probability / 14)
    expected[augment.NUMBER["identity"]] += 20_000 * operations * (1 - probability)
    assert stats.chisquare(np.bincount(draw.chosen.flatten()), expected).pvalue > 1e-3
    for values in (draw.magnitude.flatten(), *draw.square.T):
        assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_google_decides_about_each_operation_on_its_own():
    draw = augment.draw_strong(20_000, np.random.default_rng(3), variant="google")
    changing = 0.5 * 13 / 14
    expected = [20_000 * p for p in ((1 - changing) ** 2, 2 * changing * (1 - changing), changing**2)]
    times = np.bincount((draw.chosen != augment.NUMBER["identity"]).sum(1))
    assert stats.chisquare(times, expected).pvalue > 1e-3


def test_weak_views_are_drawn_uniformly():
    draw = augment.draw_weak(20_000, np.random.default_rng(3), flip=True, padding=4)
    for shifts in draw.shifts.T:
        assert stats.chisquare(np.bincount(shifts + 4, minlength=9)).pvalue > 1e-3
    assert stats.binomtest(int(draw.mirrored.sum()), 20_000).pvalue > 1e-3
    assert not augment.draw_weak(100, np.random.default_rng(0), flip=False, padding=1).mirrored.any()


def test_a_batch_is_augmented_as_its_images_are_one_by_one():
    images = IMAGES["photographs"]
    draw = augment.draw_strong(len(images), np.random.default_rng(1), variant="torchssl")
    draws = [augment.StrongDraw(*(values[i : i + 1] for values in vars(draw).values())) for i in range(len(images))]
    alone = [augment.randaugment(images[i : i + 1], seen(draw_of_one, images)) for i, draw_of_one in enumerate(draws)]
    assert torch.equal(augment.randaugment(images, seen(draw, images)), torch.cat(alone))


def test_flip_and_crop_equals_numpy_s_reflection_padding():
    images = IMAGES["photographs"]
    draw = augment.draw_weak(len(images), np.random.default_rng(5), flip=True, padding=4)
    got = augment.flip_and_crop(images, augment.weak_view(draw, 32, 32))
    for image, (down, right), mirrored, ours in zip(
        images.numpy(), draw.shifts.tolist(), draw.mirrored, got, strict=True
    ):
        flipped = image[:, :, ::-1] if mirrored else image
        padded = np.pad(flipped, ((0, 0), (4, 4), (4, 4)), mode="reflect")
        assert np.array_equal(padded[:, 4 + down : 36 + down, 4 + right : 36 + right], ours)


def test_cutout_covers_one_square_of_at_most_the_given_part():
    images = torch.full((500, 1, 32, 32), 7, dtype=torch.uint8)
    draw = augment.draw_strong(500, np.random.default_rng(2), variant="google")
    fill = torch.tensor([200], dtype=torch.uint8)
    covered = (augment.cutout(images, seen(draw, images), fill) == 200)[:, 0]
    heights, widths = covered.any(2).sum(1), covered.any(1).sum(1)
    assert torch.equal(covered.sum((1, 2)), heights * widths)
    assert heights.max() <= 17
    assert widths.max() <= 17
    assert (heights.min() >= 1) & (widths.min() >= 1)
    inside = torch.from_numpy(((draw.square[:, 1:] > 0.3) & (draw.square[:, 1:] < 0.7)).all(1))
    assert torch.equal(heights[inside], widths[inside]) or (heights[inside] - widths[inside]).abs().max() <= 1
    assert torch.equal(augment.cutout(images, seen(draw, images, largest=0.0), fill), images)


def test_normalised_training_images_have_mean_0_and_deviation_1():
    images = torch.from_numpy(read_digits().train_images)
    mean, std = images.float().mean((0, 2, 3)), images.float().std((0, 2, 3))
    assert augment.normalise(images, mean, std).mean().item() == pytest.approx(0, abs=1e-4)
    assert augment.normalise(images, mean, std).std().item() == pytest.approx(1, abs=1e-4)
