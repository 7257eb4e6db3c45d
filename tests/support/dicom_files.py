"""DICOM files made with pydicom itself."""

import io
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid


def dicom(
    pixels: np.ndarray, patient: str = "12345", syntax: UID = ExplicitVRLittleEndian, **elements: Any
) -> bytes:
    """A file of uint8, uint16 or int16 pixels: [H, W], [H, W, 3], or of frames where `NumberOfFrames` is given.

    `elements` are set by their keywords last; None removes one.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    instance = generate_uid(entropy_srcs=[patient, pixels.tobytes().hex(), repr(elements)])
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = instance
    dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate = patient, "Doe^Jane", "19700101"
    dataset.InstitutionName, dataset.AccessionNumber = "St. Elsewhere", "A-77"
    frames = elements.pop("NumberOfFrames", None)
    shape = pixels.shape[1:] if frames else pixels.shape
    if frames:
        dataset.NumberOfFrames = frames
    dataset.Rows, dataset.Columns = shape[:2]
    colour = len(shape) == 3
    dataset.SamplesPerPixel = 3 if colour else 1
    if colour:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    bits = 8 * pixels.dtype.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes() + bytes(pixels.nbytes % 2)
    dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    if syntax != ExplicitVRLittleEndian:
        dataset.compress(syntax, generate_instance_uid=False)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
