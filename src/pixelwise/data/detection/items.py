"""One image of a detection data set, and the list of a folder's images."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pixelwise.data.detection.notes import Notes
from pixelwise.data.detection.objects import Objects
from pixelwise.data.detection.reading import Reading
from pixelwise.data.faults import Fault


@dataclass(frozen=True)
class DetectionItem:
    """One image with its objects, which are read from the annotations when they are asked for.

    `name` is the path under the folder of images and differs between items. `file` is the annotation file, as messages
    call it. `image_id` is what COCO's results call the image: its id in the file, or its number from 1 on.
    """

    name: str
    image: Path
    split: str
    image_id: int | str
    file: str
    read: Callable[[Notes], Reading] = field(repr=False, compare=False)

    @property
    def where(self) -> str:
        """The annotation file in a message, with the image where the file has those of several."""
        return self.file if Path(self.file).stem == Path(self.name).stem else f"{self.file} ({self.name})"

    @property
    def objects(self) -> Objects:
        """The true objects.

        Raises:
            InputError: naming file and object, at the first that cannot be read.
        """
        return self.read(Notes(self.where)).objects

    def reading(self, faults: list[Fault]) -> Reading:
        """The objects that can be read, with their names in the file; what is wrong is added to `faults`.

        Raises:
            InputError: the annotation file as a whole cannot be read, or it needs the image's size and the image
                cannot be read.
        """
        return self.read(Notes(self.where, faults))


@dataclass(frozen=True)
class DetectionListing:
    """All items of a folder, its classes with background first, and the faults found while listing.

    `category_ids` are the files' own numbers of classes 1..K.
    """

    items: tuple[DetectionItem, ...]
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]
    faults: tuple[Fault, ...]
