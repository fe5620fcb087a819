"""What MODEL may be: four kinds of models, and refusals that say why. Nothing in a file is executed."""

import io
import json
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pixelwise.errors import InputError
from pixelwise.inference import load
from pixelwise.inference.exported_program import found_fault, open_program
from pixelwise.inference.model_source import open_model
from pixelwise.models import UNet

NETS = """
import torch
from torch import nn

def classifier():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout(), nn.Flatten(), nn.Linear(2, 2))

def needs(one):
    return nn.Identity()

def weights():
    return {}

def fails():
    raise ZeroDivisionError("over nothing")
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current folder; its name is new each time, because imported modules stay."""
    name = f"nets_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))  # which the command adds the current folder to
    return name


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported classifier for any number of patches of 9 pixels."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 2)).eval()
    path = tmp_path_factory.mktemp("program") / "net.pt2"
    images = torch.rand(2, 1, 9, 9)
    exported = torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(exported, path)
    torch.save((images, network(images).detach()), path.with_suffix(".pairs"))
    return path


def refusal(text: str) -> str:
    with pytest.raises(InputError) as refused:
        open_model(text)
    return str(refused.value)


def test_a_run_folder_gives_the_trained_network(trained_run: Path):
    network = open_model(str(trained_run))
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        # The predictor's weights lie in another order, so that sums are rounded elsewhere.
        torch.testing.assert_close(network(image), load(trained_run).model(image), rtol=0, atol=1e-4)
    assert not network.training


def test_a_name_of_the_catalog_gives_the_same_untrained_network_each_time():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, second = open_model("unet"), open_model("unet")
    assert isinstance(first, UNet)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_function_in_the_current_folder_is_called(nets: str):
    network = open_model(f"{nets}:classifier")
    assert network(torch.zeros(5, 1, 3, 3)).shape == (5, 2)
    assert not network.training


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("needs", "TypeError: needs() missing 1 required positional argument: 'one'"),
        ("weights", "got a dict\nhint: return the network itself"),
        ("fails", "ZeroDivisionError: over nothing in "),
        ("nothing", "got none\nhint: it offers classifier, needs, weights, fails"),
    ],
)
def test_functions_that_give_no_network_are_refused(nets: str, function: str, text: str):
    assert text in refusal(f"{nets}:{function}")


def test_a_module_that_is_missing_or_broken_is_named(nets: str, tmp_path: Path):
    assert "No module named 'no_such_module'" in refusal("no_such_module:f")
    broken = nets.replace("nets", "broken")
    (tmp_path / f"{broken}.py").write_text("import torch\n1 / 0\n")
    assert f"ZeroDivisionError: division by zero in {tmp_path / broken}.py:2" in refusal(f"{broken}:f")


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "last.ckpt", "net.pkl", "pytorch_model.bin"])
def test_pickles_are_refused_with_the_reason_and_not_opened(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(pickle.dumps({}))
    text = refusal(str(tmp_path / name))
    assert "a pickle, which can hold any code" in text
    assert "hint: write a function that builds the network" in text


def test_anything_else_lists_what_a_model_may_be(tmp_path: Path):
    text = refusal("unnet")
    assert text.startswith("wanted a run folder, a name of the catalog (unet, unet_paper, unet_resnet18, ")
    assert "), package.module:function, or a .pt2 file, got unnet" in text
    assert "run.json" in refusal(str(tmp_path))


def test_an_exported_program_gives_its_scores(program: Path):
    images, scores = torch.load(program.with_suffix(".pairs"))
    network = open_model(str(program))
    torch.testing.assert_close(network(images), scores)
    assert network.eval().train() is network
    torch.testing.assert_close(network(images[:1]), scores[:1])


def test_missing_and_damaged_programs_are_named(program: Path, tmp_path: Path):
    assert "which does not exist" in refusal("missing.pt2")
    for content in (b"", b"words", program.read_bytes()[:2000]):
        (tmp_path / "bad.pt2").write_bytes(content)
        assert f"an exported program in {tmp_path / 'bad.pt2'}" in refusal(str(tmp_path / "bad.pt2"))


class Mark:
    """A pickle of this writes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def rewritten(program: Path, target: Path, changed: dict[str, bytes]) -> Path:
    """A copy of an archive with some entries of another content, or new ones."""
    with zipfile.ZipFile(program) as source, zipfile.ZipFile(target, "w") as copy:
        root = source.namelist()[0].partition("/")[0]
        entries = {name.partition("/")[2]: source.read(name) for name in source.namelist()}
        for name, content in (entries | changed).items():
            copy.writestr(f"{root}/{name}", content)
    return target


def entry(program: Path, name: str) -> str:
    with zipfile.ZipFile(program) as source:
        root = source.namelist()[0].partition("/")[0]
        return source.read(f"{root}/{name}").decode()


def hostile(program: Path, mark: Path) -> dict[str, dict[str, bytes]]:
    """Archives that would run code when torch.export.load reads them, by what the refusal says."""
    payload, samples = pickle.dumps(Mark(mark)), io.BytesIO()
    torch.save((Mark(mark),), samples)
    model = entry(program, "models/model.json")
    weights = entry(program, "data/weights/model_weights_config.json")
    guess = f"__import__('pathlib').Path('{mark}').touch()"
    return {
        "sample inputs that are no plain tensors": {"data/sample_inputs/model.pt": samples.getvalue()},
        "the pickle weight_0": {
            "data/weights/model_weights_config.json": weights.replace(
                '"use_pickle": false', '"use_pickle": true', 1
            ).encode(),
            "data/weights/weight_0": payload,
        },
        "the entry data/constants/opaque_obj_0": {"data/constants/opaque_obj_0": payload},
        "the entry data/weights/model.pt": {"data/weights/model.pt": payload},
        "the entry data/aotinductor/model/net.so": {"data/aotinductor/model/net.so": payload},
        "the size __import__": {
            "models/model.json": json.dumps(
                json.loads(model) | {"range_constraints": {guess: {"min_val": 0, "max_val": 9}}}
            ).encode()
        },
        "the size Symbol": {
            "models/model.json": model.replace("Symbol('s", f"Symbol('x') + {guess} + Symbol('s").encode()
        },
        "the operator torch.os.system": {
            "models/model.json": model.replace("torch.ops.aten.relu.default", "torch.os.system").encode()
        },
    }


def test_programs_that_would_run_code_are_refused_and_it_does_not_run(program: Path, tmp_path: Path):
    mark = tmp_path / "ran"
    for number, (text, changed) in enumerate(hostile(program, mark).items()):
        path = rewritten(program, tmp_path / f"{number}.pt2", changed)
        with pytest.raises(InputError) as refused:
            open_program(path)
        assert f"{path} with {text}" in str(refused.value)
        assert "which could run code when it is read" in str(refused.value)
        assert not mark.exists()


def test_the_copy_itself_is_no_fault(program: Path, tmp_path: Path):
    assert open_program(rewritten(program, tmp_path / "same.pt2", {}))(torch.zeros(3, 1, 9, 9)).shape == (3, 2)
    with zipfile.ZipFile(program) as source:
        assert found_fault({name.partition("/")[2]: source.read(name) for name in source.namelist()}) == ""
