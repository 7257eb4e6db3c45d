"""What the grey values of a DICOM file mean: rescaling, window, and which end is white."""

from typing import Any

import numpy as np
from PIL import Image

from .values import DeepImage

_GREYS = ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth", "VOILUTFunction")


def grey_image(pixels: np.ndarray, dataset: Any, frame: int) -> Image.Image | DeepImage:
    """An image of MONOCHROME1 or 2: modality transformation first, then the window, as DICOM orders them.

    Args:
        pixels: [H, W] as stored.
        dataset: pydicom's, whose elements say what the values mean.
        frame: which of its frames, from 0.
    """
    from pydicom.pixels.processing import apply_modality_lut

    _take_functional_groups(dataset, frame)
    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    padding = dataset.get("PixelPaddingValue")
    as_stored = (
        not dataset.get("ModalityLUTSequence")
        and dataset.get("RescaleSlope") == 1
        and dataset.get("RescaleIntercept") == 0
    )
    values = pixels if as_stored else apply_modality_lut(pixels, dataset)
    window = _windowed(values, dataset)
    if window is None and values.dtype == np.uint8 and dataset.get("BitsStored") == 8 and values is pixels:
        return Image.fromarray(np.ascontiguousarray(255 - pixels if inverted else pixels))
    return DeepImage(
        values,
        inverted=inverted,
        kind="range" if window is None else "windowed",
        window=window,
        ignored=pixels == padding if isinstance(padding, int) else None,
    )


def _take_functional_groups(dataset: Any, frame: int) -> None:
    """Enhanced files keep rescaling and window in sequences, for all frames or for each."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    each = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for group in (*shared[:1], *each[frame : frame + 1]):
        for sequence in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
            for item in group.get(sequence) or []:
                for name in _GREYS:
                    if name in item:
                        setattr(dataset, name, item[name].value)


def _windowed(values: np.ndarray, dataset: Any) -> np.ndarray | None:
    """Values by the file's first window or table, 0 (its darkest) to 1; None where it has none."""
    from pydicom.pixels.processing import apply_voi, apply_windowing

    table = (dataset.get("VOILUTSequence") or [None])[0]
    if table is not None and "LUTDescriptor" in table and "LUTData" in table:
        whole = values if values.dtype.kind in "iu" else np.rint(values).astype(np.int64)
        return apply_voi(whole, dataset) / float(2 ** int(table.LUTDescriptor[2]) - 1)
    if dataset.get("WindowCenter") is None or dataset.get("WindowWidth") is None:
        return None
    # Where values far below and far above come out: what pydicom makes of black and white.
    dark, light = apply_windowing(np.array([-1e30, 1e30]), dataset)
    return (apply_windowing(values, dataset) - dark) / (light - dark)
