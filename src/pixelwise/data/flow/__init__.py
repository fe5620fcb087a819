"""Image pairs with true motion: folders of the field's data sets, their doctor, and augmentation that moves flow."""

from pixelwise.data.flow.augmentation import FlowAugmentation as FlowAugmentation
from pixelwise.data.flow.augmentation import augment_pair as augment_pair
from pixelwise.data.flow.augmentation import flow_augmentation as flow_augmentation
from pixelwise.data.flow.flow_doctor import FlowDiagnosis as FlowDiagnosis
from pixelwise.data.flow.flow_doctor import examine_flow as examine_flow
from pixelwise.data.flow.folder import FlowFolder as FlowFolder
from pixelwise.data.flow.folder import open_flow as open_flow
from pixelwise.data.flow.items import FlowItem as FlowItem
from pixelwise.data.flow.pair import FlowPair as FlowPair
from pixelwise.data.flow.reading import read_flow as read_flow
from pixelwise.data.flow.reading import read_frames as read_frames
from pixelwise.data.flow.reading import read_pair as read_pair
from pixelwise.data.flow.relative import Relative as Relative
