"""Joint augmentation: `augment(sample, augmentation, generator)` moves all that is known of an image."""

from pixelwise.data.transforms.augmentation import Augmentation as Augmentation
from pixelwise.data.transforms.augmentation import augment as augment
from pixelwise.data.transforms.augmentation import light as light
from pixelwise.data.transforms.augmentation import none as none
from pixelwise.data.transforms.augmentation import strong as strong
from pixelwise.data.transforms.background import backgrounds_of as backgrounds_of
from pixelwise.data.transforms.background import random_background as random_background
from pixelwise.data.transforms.colour import Colour as Colour
from pixelwise.data.transforms.geometry import Geometry as Geometry
from pixelwise.data.transforms.sample import Sample as Sample
