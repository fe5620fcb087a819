"""Object annotations: readers of COCO, Pascal VOC and YOLO folders, and the doctor for boxes."""
