"""Prompts: what a person says about a pixel, a stroke of pixels, or a box."""

from m2n2v2.prompts.boxes import Box as Box
from m2n2v2.prompts.boxes import boxes_from_array as boxes_from_array
from m2n2v2.prompts.clicks import Click as Click
from m2n2v2.prompts.clicks import clicks_from_arrays as clicks_from_arrays
from m2n2v2.prompts.files import prompts_from_json as prompts_from_json
from m2n2v2.prompts.files import prompts_to_json as prompts_to_json
from m2n2v2.prompts.files import steps_from_json as steps_from_json
from m2n2v2.prompts.files import steps_to_json as steps_to_json
from m2n2v2.prompts.scribbles import Scribble as Scribble
from m2n2v2.prompts.sequences import Given as Given
from m2n2v2.prompts.sequences import check_sequence as check_sequence
from m2n2v2.prompts.snaps import SNAP as SNAP
from m2n2v2.prompts.snaps import Snap as Snap
from m2n2v2.prompts.snaps import Step as Step
from m2n2v2.prompts.snaps import check_steps as check_steps
