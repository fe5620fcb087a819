"""What people look at: overlays, boxes, flow, sheets and charts. Arrays in, pictures or SVG out."""

from pixelwise.drawing.boxes import draw_boxes as draw_boxes
from pixelwise.drawing.charts import bar_chart as bar_chart
from pixelwise.drawing.charts import line_chart as line_chart
from pixelwise.drawing.charts import matrix_chart as matrix_chart
from pixelwise.drawing.flow import flow_key as flow_key
from pixelwise.drawing.flow import flow_picture as flow_picture
from pixelwise.drawing.flow import largest_motion as largest_motion
from pixelwise.drawing.flow_views import flow_arrows as flow_arrows
from pixelwise.drawing.flow_views import flow_with_key as flow_with_key
from pixelwise.drawing.flow_views import warped_difference as warped_difference
from pixelwise.drawing.heat import heat_picture as heat_picture
from pixelwise.drawing.instances import outline_instances as outline_instances
from pixelwise.drawing.number_text import number_text as number_text
from pixelwise.drawing.overlays import DIFFERENCE_COLOURS as DIFFERENCE_COLOURS
from pixelwise.drawing.overlays import DIFFERENCE_NAMES as DIFFERENCE_NAMES
from pixelwise.drawing.overlays import difference as difference
from pixelwise.drawing.overlays import legend as legend
from pixelwise.drawing.overlays import overlay as overlay
from pixelwise.drawing.overlays import paint as paint
from pixelwise.drawing.palette import class_colours as class_colours
from pixelwise.drawing.pictures import data_uri as data_uri
from pixelwise.drawing.pictures import png_bytes as png_bytes
from pixelwise.drawing.pictures import to_uint8 as to_uint8
from pixelwise.drawing.pictures import write_picture as write_picture
from pixelwise.drawing.sheet import contact_sheet as contact_sheet
