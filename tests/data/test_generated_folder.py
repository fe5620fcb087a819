"""Splits of generated folders; how folders are claimed is tested with the generators."""

from pixelwise.data.generated_folder import split_of


def test_splits_have_their_shares_and_depend_on_the_seed() -> None:
    splits = split_of(200, seed=0, version=1)
    assert [splits.count(name) for name in ("train", "val", "test")] == [140, 30, 30]
    assert splits == split_of(200, seed=0, version=1) != split_of(200, seed=1, version=1)
    assert split_of(1, seed=0, version=1) == ["train"]
