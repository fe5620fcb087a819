"""Metrics: how good results are. Counts that add up over images first, ratios of them later. One file per task."""

from pixelwise.metrics.boundaries import boundary_counts as boundary_counts
from pixelwise.metrics.boundaries import boundary_f1 as boundary_f1
from pixelwise.metrics.flow import FLOW_GROUPS as FLOW_GROUPS
from pixelwise.metrics.flow import FLOW_MEASURES as FLOW_MEASURES
from pixelwise.metrics.flow import FLOW_SUMS as FLOW_SUMS
from pixelwise.metrics.flow import flow_scores as flow_scores
from pixelwise.metrics.flow import flow_sums as flow_sums
from pixelwise.metrics.flow import named_flow_scores as named_flow_scores
from pixelwise.metrics.instances import IOU_THRESHOLDS as IOU_THRESHOLDS
from pixelwise.metrics.instances import average_precision as average_precision
from pixelwise.metrics.instances import instance_counts as instance_counts
from pixelwise.metrics.instances import instance_precision as instance_precision
from pixelwise.metrics.segmentation import class_accuracy as class_accuracy
from pixelwise.metrics.segmentation import confusion_matrix as confusion_matrix
from pixelwise.metrics.segmentation import dice as dice
from pixelwise.metrics.segmentation import intersection_over_union as intersection_over_union
from pixelwise.metrics.segmentation import mean_iou as mean_iou
from pixelwise.metrics.segmentation import pixel_accuracy as pixel_accuracy
from pixelwise.metrics.upper_bound import stride_upper_bound as stride_upper_bound
