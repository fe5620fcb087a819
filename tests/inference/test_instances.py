"""Objects from probabilities: hand-made pictures with known answers, the truth survives, and what is refused."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor

from pixelwise.data.classes import ClassTable
from pixelwise.data.formats.masks import read_label_map
from pixelwise.data.images import image_size
from pixelwise.data.instance_labels import touching_borders
from pixelwise.errors import InputError
from pixelwise.inference import Predictor, Segmenter
from pixelwise.inference.inputs import find_inputs
from pixelwise.inference.instances import SMALLEST, components, separate
from pixelwise.inference.prediction_files import predict_files
from pixelwise.metrics.instances import average_precision, instance_counts
from pixelwise.results import Segmentation
from references.nuclei_folder import NUCLEI, border_predictor, nuclei

pytest.importorskip("skimage")


def perfect(objects: Tensor, sure: float = 1.0) -> Segmentation:
    """What a segmenter would say that knows the truth, with less than certainty if wanted."""
    ids = torch.from_numpy(NUCLEI.encode(objects.numpy(), "truth")).long()
    planes = torch.nn.functional.one_hot(ids, 3).movedim(-1, 0).float()
    return Segmentation(ids, NUCLEI.names, planes * sure + (1 - sure) / 3)


def of(rows: list[list[list[float]]], classes: tuple[str, ...] = NUCLEI.names) -> Segmentation:
    planes = torch.tensor(rows)
    return Segmentation(planes.argmax(0), classes, planes)


@pytest.mark.parametrize("sure", [1.0, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_touching_objects_are_told_apart(seed: int, sure: float) -> None:
    truth = nuclei(seed)
    assert touching_borders(truth.numpy()).any()
    found = separate(perfect(truth, sure), ["nucleus"], "touching")
    joined = components(perfect(truth, sure), ["nucleus"], "touching")
    assert found.count == len(found.classes) == len(found.scores) == int(found.labels.max())
    assert torch.equal(found.labels > 0, truth > 0)
    assert float(average_precision(instance_counts(found.labels, truth))) > 0.9
    assert joined.count < found.count == len(truth.unique()) - 1


def test_a_valley_is_cut_where_the_border_is_surest() -> None:
    nucleus = [0.9, 0.8, 0.7, 0.2, 0.6, 0.8, 0.9]
    border = [0.0, 0.1, 0.1, 0.7, 0.3, 0.1, 0.0]
    rest = [1 - a - b for a, b in zip(nucleus, border, strict=True)]
    found = separate(of([[rest], [nucleus], [border]]), ["nucleus"], "touching", smallest=1)
    assert found.count == 2
    assert found.labels[0, :3].tolist() == [1, 1, 1]
    assert found.labels[0, 4:].tolist() == [2, 2, 2]
    assert found.labels[0, 3] > 0  # the border belongs to one of its objects
    inside = [torch.tensor(nucleus)[found.labels[0] == each].mean() for each in (1, 2)]
    torch.testing.assert_close(found.scores, torch.stack(inside))
    joined = separate(of([[rest], [nucleus], [border]]), ["nucleus"], "touching", margin=-1, smallest=1)
    assert joined.count == components(of([[rest], [nucleus], [border]]), ["nucleus"], "touching", 1).count == 1


def test_diagonal_neighbours_are_two_objects() -> None:
    nucleus = [[1.0, 0.0], [0.0, 1.0]]
    rest = [[0.0, 1.0], [1.0, 0.0]]
    found = separate(of([rest, nucleus, [[0.0] * 2] * 2]), ["nucleus"], "touching", smallest=1)
    assert found.labels.tolist() == [[1, 0], [0, 2]]


def test_foreground_without_a_seed_is_an_object_of_its_own() -> None:
    nucleus, border = [[1.0, 1.0, 0.0, 0.3, 0.3]], [[0.0, 0.0, 0.0, 0.6, 0.6]]
    rest = [[0.0, 0.0, 1.0, 0.1, 0.1]]
    found = separate(of([rest, nucleus, border]), ["nucleus"], "touching", smallest=1)
    assert found.labels.tolist() == [[1, 1, 0, 2, 2]]
    torch.testing.assert_close(found.scores, torch.tensor([1.0, 0.3]))


def test_small_objects_are_dropped_and_the_others_numbered_without_gaps() -> None:
    truth = torch.zeros(20, 20, dtype=torch.int32)
    truth[0:3, 0:5] = 1  # 15 pixels
    truth[10:14, 10:14] = 2
    found = separate(perfect(truth), ["nucleus"], "touching")
    assert SMALLEST == 16
    assert found.count == 1
    assert torch.equal(found.labels, (truth == 2).int())
    assert separate(perfect(truth), ["nucleus"], "touching", smallest=15).count == 2


def test_two_classes_share_one_border() -> None:
    classes = ("rest", "cell", "edge", "blood")
    rest, edge = [[0.0] * 6], [[0.0, 0.0, 1.0, 0.8, 0.0, 0.0]]
    cell, blood = [[1.0, 1.0, 0.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.2, 1.0, 0.9]]
    found = separate(of([rest, cell, edge, blood], classes), ["cell", "blood"], "edge", smallest=1)
    assert found.classes == ("cell", "blood")
    assert found.labels[0, [0, 1, 4, 5]].tolist() == [1, 1, 2, 2]
    assert bool((found.labels > 0).all())
    # Side by side without a border, they are two objects because they are of two classes.
    cell, blood = [[1.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]
    nothing = [[0.0] * 3]
    apart = separate(of([nothing, cell, nothing, blood], classes), ["cell", "blood"], "edge", smallest=1)
    assert (apart.labels.tolist(), apart.classes) == ([[1, 1, 2]], ("cell", "blood"))


def test_no_object_and_no_pixel() -> None:
    empty = separate(perfect(torch.zeros(5, 6, dtype=torch.int32)), ["nucleus"], "touching")
    assert (empty.count, empty.classes, empty.scores.tolist()) == (0, (), [])
    assert empty.labels.tolist() == [[0] * 6] * 5
    none = Segmentation(torch.zeros(0, 4, dtype=torch.int64), NUCLEI.names, torch.zeros(3, 0, 4))
    assert separate(none, ["nucleus"], "touching").labels.shape == (0, 4)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    image = perfect(torch.zeros(2, 2, dtype=torch.int32))
    with pytest.raises(InputError, match="wanted a segmentation with probabilities, got labels alone"):
        separate(Segmentation(image.labels, image.classes), ["nucleus"], "touching")
    with pytest.raises(InputError, match=r"classes of the model \(background, nucleus, touching\), got 'cell'"):
        separate(image, ["cell"], "touching")
    for names in ([], ["touching"]):
        with pytest.raises(InputError, match="wanted object classes beside the border touching"):
            separate(image, names, "touching")
    monkeypatch.setitem(sys.modules, "skimage.measure", None)
    with pytest.raises(InputError, match=r"hint: pip install 'pixelwise\[instances\]'"):
        separate(image, ["nucleus"], "touching")


def test_predict_writes_the_objects_beside_the_same_label_map(tmp_path: Path) -> None:
    predictor, images = border_predictor(tmp_path)
    out = tmp_path / "out"
    done = list(predict_files(predictor, find_inputs([images]), out))
    for each in done:
        result = predictor.predict(each.source, probabilities=True)
        found = separate(result, ["nucleus"], "touching")
        stored = tifffile.imread(out / f"{each.source.stem}.instances.tif")
        assert stored.dtype == np.uint16
        assert np.array_equal(stored, found.labels.numpy())
        assert each.objects == found.count > 0
        assert image_size(out / f"{each.source.stem}.instances.jpg") == stored.shape
    names = {path.name for path in out.iterdir()}
    assert names == {"predictions.json"} | {
        f"{each.source.stem}{end}"
        for each in done
        for end in (".png", ".overlay.jpg", ".instances.tif", ".instances.jpg")
    }
    plain = ClassTable(NUCLEI.names, ((0, 0), (1, 1), (2, 2)))
    without = predictor_with(predictor, plain)
    list(predict_files(without, find_inputs([images]), tmp_path / "plain"))
    for path in (tmp_path / "plain").glob("*.png"):
        assert path.read_bytes() == (out / path.name).read_bytes()
    assert not list((tmp_path / "plain").glob("*.instances.*"))
    assert all(each.kept for each in predict_files(predictor, find_inputs([images]), out))


def predictor_with(predictor: Predictor, table: ClassTable) -> Predictor:
    return Segmenter(predictor.model, dataclasses.replace(predictor.record, classes=table))


@pytest.mark.data
def test_real_nuclei_survive_their_classes(real_data: Path) -> None:
    labels = sorted((real_data / "dsb2018_nuclei" / "labels").glob("*.png"))[::20]
    counts = {"separated": [], "joined": []}
    for path in labels:
        truth = torch.from_numpy(read_label_map(path).astype(np.int32))
        for name, way in (("separated", separate), ("joined", components)):
            found = way(perfect(truth), ["nucleus"], "touching").labels
            counts[name].append(instance_counts(found, truth))
    separated, joined = (float(average_precision(torch.stack(each)).mean()) for each in counts.values())
    assert separated > 0.97  # 0.994 over all 222 images: docs/guides/dsb2018_nuclei.md
    assert joined < 0.9


def test_without_scikit_image_prediction_stops_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor, images = border_predictor(tmp_path)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(InputError, match=r"pip install 'pixelwise\[instances\]'"):
        next(predict_files(predictor, find_inputs([images]), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_large_picture_of_objects_is_reduced_and_its_map_is_not(tmp_path: Path) -> None:
    predictor, images = border_predictor(tmp_path)
    for path in images.iterdir():
        path.unlink()
    colours = np.zeros((8, 4100, 3), np.uint8)
    colours[..., 0] = 255
    colours[2:6, 100:200] = (0, 255, 0)
    Image.fromarray(colours).save(images / "long.png")
    (done,) = predict_files(predictor, find_inputs([images]), tmp_path / "out")
    assert done.objects == 1
    assert image_size(tmp_path / "out" / "long.instances.jpg") == (3, 1367)
    assert np.array_equal(tifffile.imread(tmp_path / "out" / "long.instances.tif"), colours[..., 1] // 255)


@pytest.mark.slow
def test_more_objects_than_16_bits_count_are_written_with_32(tmp_path: Path) -> None:
    predictor, images = border_predictor(tmp_path)
    for path in images.iterdir():
        path.unlink()
    colours = np.zeros((1280, 1285, 3), np.uint8)
    colours[..., 0] = 255
    inside = (np.arange(1280) % 5 < 4)[:, None] & (np.arange(1285) % 5 < 4)
    colours[inside] = (0, 255, 0)
    Image.fromarray(colours).save(images / "many.png")
    (done,) = predict_files(predictor, find_inputs([images]), tmp_path / "out")
    stored = tifffile.imread(tmp_path / "out" / "many.instances.tif")
    assert (done.objects, stored.dtype, stored.max()) == (256 * 257, np.uint32, 256 * 257)
