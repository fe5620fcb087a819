"""Does the score follow the object, or what happens to stand beside it?"""

from pixelwise.audits.shortcuts.cases import Case, Cases, ModelMasks, cases_from, cut_by_model
from pixelwise.audits.shortcuts.effects import Effects, context_effect, effects
from pixelwise.audits.shortcuts.findings import swap_findings, verdict_on
from pixelwise.audits.shortcuts.looking import Looking, energy_inside, integrated_gradients, looking, occlusion
from pixelwise.audits.shortcuts.notes import nonsense, with_note
from pixelwise.audits.shortcuts.pictures import swap_sheet
from pixelwise.audits.shortcuts.probe import background_probe
from pixelwise.audits.shortcuts.probes import PROBES, Probed, probed
from pixelwise.audits.shortcuts.sight import classifier_sight, detector_sight, segmenter_sight
from pixelwise.audits.shortcuts.swap import ARMS, Swap, background_swap
from pixelwise.audits.shortcuts.typographic import Typographic, note_curve, typographic

__all__ = [
    "ARMS",
    "PROBES",
    "Case",
    "Cases",
    "Effects",
    "Looking",
    "ModelMasks",
    "Probed",
    "Swap",
    "Typographic",
    "background_probe",
    "background_swap",
    "cases_from",
    "classifier_sight",
    "context_effect",
    "cut_by_model",
    "detector_sight",
    "effects",
    "energy_inside",
    "integrated_gradients",
    "looking",
    "nonsense",
    "note_curve",
    "occlusion",
    "probed",
    "segmenter_sight",
    "swap_findings",
    "swap_sheet",
    "typographic",
    "verdict_on",
    "with_note",
]
