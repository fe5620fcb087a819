"""Detection scores: objects are matched once, and AP, AR, error types and resampling follow from the matches."""

from pixelwise.metrics.detection.confusion import detection_confusion as detection_confusion
from pixelwise.metrics.detection.confusion import image_counts as image_counts
from pixelwise.metrics.detection.confusion import worst_images as worst_images
from pixelwise.metrics.detection.errors import ERROR_KINDS as ERROR_KINDS
from pixelwise.metrics.detection.errors import ERROR_PROTOCOL as ERROR_PROTOCOL
from pixelwise.metrics.detection.errors import DetectionErrors as DetectionErrors
from pixelwise.metrics.detection.errors import detection_errors as detection_errors
from pixelwise.metrics.detection.matching import match_objects as match_objects
from pixelwise.metrics.detection.precision import Curve as Curve
from pixelwise.metrics.detection.precision import class_ap as class_ap
from pixelwise.metrics.detection.precision import class_ar as class_ar
from pixelwise.metrics.detection.precision import precision_recall as precision_recall
from pixelwise.metrics.detection.records import ImageDetections as ImageDetections
from pixelwise.metrics.detection.records import ImageTruth as ImageTruth
from pixelwise.metrics.detection.scores import DetectionScores as DetectionScores
from pixelwise.metrics.detection.scores import coco_scores as coco_scores
from pixelwise.metrics.detection.table import MatchTable as MatchTable
