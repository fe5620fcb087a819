"""Operations: pure functions on tensors that models, data and metrics share.

Where torchvision has an operation, its name and arguments are the same, and the docstring says what differs.
"""

from pixelwise.ops.all_pairs import all_pairs_correlation, lookup_correlation
from pixelwise.ops.anchors import anchors
from pixelwise.ops.box_coding import decode_boxes, encode_boxes
from pixelwise.ops.box_overlap import box_iou, complete_box_iou, distance_box_iou, generalized_box_iou
from pixelwise.ops.boxes import box_area, box_convert, clip_boxes_to_image, remove_small_boxes
from pixelwise.ops.consistency import flow_confidence
from pixelwise.ops.correlation import correlation
from pixelwise.ops.deform_conv import DeformConv2d, deform_conv2d
from pixelwise.ops.end_point import end_point_error
from pixelwise.ops.masks import mask_iou, masks_to_boxes
from pixelwise.ops.matching import match_boxes
from pixelwise.ops.matlab_resize import resize_matlab
from pixelwise.ops.max_unpool import max_unpool
from pixelwise.ops.nms import batched_nms, nms
from pixelwise.ops.paste import CroppedMasks, paste_masks, paste_masks_full
from pixelwise.ops.ps_roi_align import ps_roi_align
from pixelwise.ops.pyramid import pyramid_levels, pyramid_roi_align
from pixelwise.ops.resize import resize
from pixelwise.ops.roi_align import roi_align
from pixelwise.ops.roi_pool import roi_pool
from pixelwise.ops.run_lengths import Rle, decode_mask, encode_mask, rle_area, rle_boxes, rle_iou
from pixelwise.ops.same_padding import same_padding
from pixelwise.ops.soft_nms import soft_nms
from pixelwise.ops.transposed_conv import bilinear_kernel, transposed_output_size, transposed_shift
from pixelwise.ops.warp import pixel_centres, sample_at, warp
from pixelwise.ops.window import pad_to_multiple, read_window

__all__ = [
    "CroppedMasks",
    "DeformConv2d",
    "Rle",
    "all_pairs_correlation",
    "anchors",
    "batched_nms",
    "bilinear_kernel",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "complete_box_iou",
    "correlation",
    "decode_boxes",
    "decode_mask",
    "deform_conv2d",
    "distance_box_iou",
    "encode_boxes",
    "encode_mask",
    "end_point_error",
    "flow_confidence",
    "generalized_box_iou",
    "lookup_correlation",
    "mask_iou",
    "masks_to_boxes",
    "match_boxes",
    "max_unpool",
    "nms",
    "pad_to_multiple",
    "paste_masks",
    "paste_masks_full",
    "pixel_centres",
    "ps_roi_align",
    "pyramid_levels",
    "pyramid_roi_align",
    "read_window",
    "remove_small_boxes",
    "resize",
    "resize_matlab",
    "rle_area",
    "rle_boxes",
    "rle_iou",
    "roi_align",
    "roi_pool",
    "same_padding",
    "sample_at",
    "soft_nms",
    "transposed_output_size",
    "transposed_shift",
    "warp",
]
