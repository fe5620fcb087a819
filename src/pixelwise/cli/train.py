"""pixelwise train: one command for each task."""

from cyclopts import App

from pixelwise.cli.train_detection import detection
from pixelwise.cli.train_flow import flow
from pixelwise.cli.train_segmentation import segmentation

app = App(name="train", help="Train a model on a folder of your own.")
app.command(segmentation)
app.command(detection)
app.command(flow)
