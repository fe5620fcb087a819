"""Published weights by name, without a network: what is in the cache, what is not, and what is damaged."""

import hashlib
import socket
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest
import safetensors.torch
import torch

from pixelwise import backbones
from pixelwise.backbones import published, published_state, resnet18, vgg16
from pixelwise.backbones.published import PUBLISHED, published_file
from pixelwise.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network."""

    def unplugged(*_: object, **__: object) -> None:
        raise URLError("no network in tests")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(urllib.request, "urlopen", unplugged)
    monkeypatch.setattr(torch.hub, "urlopen", unplugged)
    monkeypatch.setattr(socket, "create_connection", unplugged)
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def stem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a file of small weights for resnet18, "published" in a folder."""
    server = tmp_path / "server"
    server.mkdir()
    file = server / "w.pth"
    torch.manual_seed(1)
    torch.save(resnet18(width=2, num_classes=3).state_dict(), file)
    stem = f"resnet18-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}"
    file.rename(server / f"{stem}.pth")
    monkeypatch.setattr(published, "SOURCE", server.as_uri())
    monkeypatch.setitem(PUBLISHED, "resnet18", {"imagenet": stem})
    return stem


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were asked for; file:// is the only network there is."""
    asked: list[str] = []
    opener = urllib.request.build_opener(urllib.request.FileHandler)

    def opened(request: urllib.request.Request) -> object:
        asked.append(request.full_url)
        return opener.open(request)

    monkeypatch.setattr(torch.hub, "urlopen", opened)
    return asked


@pytest.mark.parametrize("by_stem", [True, False])
def test_a_name_is_downloaded_once_and_loaded(cache: Path, stem: str, plugged: list[str], by_stem: bool):
    network = resnet18(weights=stem if by_stem else "imagenet", width=2, num_classes=3)
    torch.manual_seed(1)
    same = resnet18(width=2, num_classes=3)
    assert torch.equal(network.layer4[1].conv2.weight, same.layer4[1].conv2.weight)
    assert [path.name for path in cache.iterdir()] == [f"{stem}.pth"]
    published_state("resnet18", "imagenet")
    assert plugged == [f"{published.SOURCE}/{stem}.pth"]


def test_a_file_in_the_cache_needs_no_network(cache: Path, stem: str):
    cache.mkdir(parents=True)
    server = cache.parents[2] / "server"
    (cache / f"{stem}.pth").write_bytes((server / f"{stem}.pth").read_bytes())
    assert published_file(stem) == cache / f"{stem}.pth"


def test_a_damaged_file_in_the_cache_is_not_read(cache: Path, stem: str):
    cache.mkdir(parents=True)
    path = cache / f"{stem}.pth"
    path.write_bytes(b"damaged")
    wanted, got = stem[-8:], hashlib.sha256(b"damaged").hexdigest()[:8]
    with pytest.raises(InputError) as refusal:
        resnet18(weights="imagenet")
    assert str(refusal.value) == (
        f"wanted a file whose SHA-256 starts with {wanted}, got {path} with {got}\n"
        f"hint: delete it and download {published.SOURCE}/{stem}.pth again: it is damaged, or not the published file"
    )


def test_a_download_with_another_hash_is_not_kept(
    cache: Path, stem: str, plugged: list[str], monkeypatch: pytest.MonkeyPatch
):
    server = cache.parents[2] / "server"
    (server / f"{stem}.pth").rename(server / "resnet18-00000000.pth")
    monkeypatch.setitem(PUBLISHED, "resnet18", {"imagenet": "resnet18-00000000"})
    with pytest.raises(InputError, match="invalid hash value"):
        resnet18(weights="imagenet")
    assert len(plugged) == 1
    assert list(cache.iterdir()) == []


def test_without_a_network_the_file_and_its_folder_are_named(cache: Path):
    with pytest.raises(InputError) as refusal:
        vgg16(weights="imagenet", width=1, hidden=1)
    url = "https://download.pytorch.org/models/vgg16-397923af.pth"
    assert str(refusal.value) == (
        f"wanted the published weights vgg16-397923af.pth, got no file {cache / 'vgg16-397923af.pth'}, and no download "
        f"of {url} (URLError: <urlopen error no network in tests>)\n"
        f"hint: on a machine with a network download {url}, and put it into {cache}"
    )
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_made_is_named(cache: Path):
    cache.parents[1].write_text("a file where the folder should be")
    with pytest.raises(InputError, match="wanted the published weights resnet18-f37072fd"):
        published_state("resnet18", "imagenet")


@pytest.mark.parametrize("weights", ["imagenet-v2", "resnet50-0676ba61", "IMAGENET", "", "../resnet18-f37072fd"])
def test_unknown_names_are_met_with_the_known_ones(cache: Path, weights: str):
    with pytest.raises(InputError) as refusal:
        resnet18(weights=weights, width=1)
    assert str(refusal.value) == (
        "wanted weights of resnet18: a file (.safetensors, .pth, .pt) or one of "
        f'"imagenet" (resnet18-f37072fd), got "{weights}"\n'
        "hint: pass one of these names, or a pathlib.Path to a file of any other name"
    )
    assert not cache.exists()


def test_an_architecture_without_published_weights_says_so():
    with pytest.raises(InputError, match="or one of no published names"):
        published_state("unheard_of", "imagenet")


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_weights_may_be_a_file(tmp_path: Path, as_text: bool, ending: str):
    path = tmp_path / f"mine{ending}"
    saved = resnet18(width=2, num_classes=3)
    if ending == ".pth":
        torch.save(saved.state_dict(), path)
    else:
        safetensors.torch.save_file(saved.state_dict(), path)
    network = resnet18(weights=str(path) if as_text else path, width=2, num_classes=3)
    assert torch.equal(network.fc.weight, saved.fc.weight)


@pytest.mark.parametrize("name", [name for name in PUBLISHED if not name.startswith("fcn")])
def test_every_backbone_asks_for_its_own_file(name: str):
    with pytest.raises(InputError, match=f"models/{PUBLISHED[name]['imagenet']}.pth"):
        getattr(backbones, name)(weights="imagenet", width=1, **({"hidden": 1} if "vgg" in name else {}))


def test_every_file_is_named_after_its_hash():
    for names in PUBLISHED.values():
        for stem in names.values():
            assert len(stem.rpartition("-")[2]) == 8
            assert set(stem.rpartition("-")[2]) <= set("0123456789abcdef")
