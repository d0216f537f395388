"""Our additions to the paper's walk, each a setting: what the photograph says about a click.

`weighed` is `Settings.scale_evidence`, `steadied` is `Settings.steady_scales` and `refined` is
`Settings.refinement`. What each is worth: docs/decisions/offline-attention.md.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from m2n2v2.arrays import Image, Mask
from m2n2v2.method.values import ImageState, Prompt, Segmentation
from m2n2v2.method.walk import merged
from m2n2v2.photograph.base import Photograph
from m2n2v2.photograph.refinement import refined
from m2n2v2.photograph.scale_evidence import middle, weighed

STEADY = 0.7
"""Earlier prompts are scored again unless the new click is, by this factor, less in the middle of
the change then (`Settings.steady_scales`)."""


@dataclass(frozen=True)
class PhotographTerms:
    """What one photograph adds to the walk (`values.Additions`).

    Attributes:
        guide: the photograph at working size.
    """

    guide: Image

    @cached_property
    def photograph(self) -> Photograph:
        """What the photograph was measured to be, when it was first asked for."""
        return Photograph.of(self.guide)

    def weighed(self, state: ImageState, prompt: Prompt, before: Mask) -> Prompt:
        """The prompt with a few of its candidates to choose from, weighed by our evidence.

        Args:
            before: the mask that it corrects, at working size.
        """
        if not state.settings.scale_evidence:
            return prompt
        known, positive = prompt.map, prompt.click.positive
        choices = weighed(
            known.values, known.candidates, known.point, positive, before, self.photograph
        )
        return replace(prompt, choices=choices)

    def steadied(
        self, state: ImageState, previous: Segmentation, result: Segmentation
    ) -> Segmentation:
        """`result`, or what it is with the earlier prompts at their earlier scales.

        The latter where the new click lies clearly deeper in the middle of the change then, or
        where the change would exceed its limit.
        """
        scales = (*previous.scales, result.scales[-1])
        if not state.settings.steady_scales or scales == result.scales:
            return result
        steady = merged(state, result.prompts, scales, result.base)
        newest = result.prompts[-1]
        if abs(result.claimed - previous.claimed) > newest.limit:
            return steady
        before, point = previous.working_mask, newest.map.point
        moved = middle(before, result.working_mask, point)
        return result if moved >= STEADY * middle(before, steady.working_mask, point) else steady

    def refined(self, state: ImageState, result: Segmentation) -> Segmentation:
        """The segmentation with its outline drawn to the photograph's edges.

        A mask that was given to be corrected is left as it is.
        """
        reach = state.settings.refinement
        if not reach or result.base is not None:
            return result
        heard = [prompt for prompt in result.prompts if not prompt.overruled]
        points = [prompt.map.point for prompt in heard]
        labels = [prompt.click.positive for prompt in heard]
        margin = refined(result.margin, self.photograph, points, labels, reach)
        return replace(result, margin=margin, unrefined=result.margin)
