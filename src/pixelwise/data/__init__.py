"""Data in: images of any size, label maps, class tables, folders, and the doctor that examines them."""

from pixelwise.data.border_weights import border_weights as border_weights
from pixelwise.data.classes import ClassTable as ClassTable
from pixelwise.data.classes import infer_classes as infer_classes
from pixelwise.data.classes import read_classes as read_classes
from pixelwise.data.doctor import Diagnosis as Diagnosis
from pixelwise.data.doctor import examine as examine
from pixelwise.data.faults import Fault as Fault
from pixelwise.data.folder import Item as Item
from pixelwise.data.folder import SegmentationFolder as SegmentationFolder
from pixelwise.data.folder import fingerprint as fingerprint
from pixelwise.data.folder import open_folder as open_folder
from pixelwise.data.formats.masks import read_label_map as read_label_map
from pixelwise.data.formats.masks import write_label_map as write_label_map
from pixelwise.data.images import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from pixelwise.data.images import image_size as image_size
from pixelwise.data.images import read_image as read_image
from pixelwise.data.lazy_images import LazyImage as LazyImage
from pixelwise.data.lazy_images import open_image as open_image
