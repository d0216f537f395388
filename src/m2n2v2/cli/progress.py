"""Progress bars, on standard error and only where a person looks."""

from typing import Self

from tqdm.auto import tqdm

from m2n2v2.preparation import STAGES


class StageBar:
    """A bar over the stages of one preparation; call it with each stage as it begins."""

    def __init__(self) -> None:
        self._bar = tqdm(
            total=len(STAGES),
            desc="preparing",
            bar_format="{desc} |{bar:20}| {n_fmt}/{total_fmt} {postfix} [{elapsed}]",
            leave=False,
            disable=None,
        )

    def __call__(self, stage: str) -> None:
        if stage in STAGES:  # else how far the last one is
            self._bar.n = STAGES.index(stage)
        self._bar.set_postfix_str(stage, refresh=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.close()
