"""Code written for SamPredictor: only the constructor differs."""

import numpy as np
import skimage

from m2n2v2 import Predictor

image = skimage.data.coffee()

predictor = Predictor.from_preset("offline")
predictor.set_image(image)

masks, scores, logits = predictor.predict(
    point_coords=np.array([[300, 180]]),
    point_labels=np.array([1]),
    multimask_output=True,
)
best = logits[np.argmax(scores)]

masks, scores, _ = predictor.predict(
    point_coords=np.array([[300, 180], [420, 200]]),
    point_labels=np.array([1, 1]),
    mask_input=best[None, :, :],
    multimask_output=False,
)
print(f"{masks[0].sum()} of {masks[0].size} pixels, score {scores[0]:.2f}")
