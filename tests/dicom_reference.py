"""What `convert dicom` makes of real files, against pydicom and an independent rasteriser.

dicom_reference.py CONVERT DATA WORK: one line "ok", "FAILED" or "skipped" per check.  Needs pydicom and numpy; Pillow for
masks, and what pydicom needs for JPEG (gdcm or pylibjpeg) for such files.
"""
import copy
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pydicom
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

warnings.filterwarnings("ignore")
convert, data, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])


def say(good, what):
    print(("ok: " if good else "FAILED: ") + what, flush=True)


def run(source, *more):
    out = work / "out.npz"
    done = subprocess.run([convert, "dicom", "--in", str(source), "--out", str(out), *more], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    with np.load(out) as arrays:
        return {name: arrays[name] for name in arrays.files}


def geometry(ds, frame=None):
    """Position, row and column cosines, spacing (row, column), slope and intercept of a frame."""
    def of(group, name):
        for place in ([] if frame is None else [frame, ds.SharedFunctionalGroupsSequence[0]]):
            if group in place and name in place[group][0]:
                return place[group][0][name].value
        return ds[name].value if name in ds else None
    position = np.array(of("PlanePositionSequence", "ImagePositionPatient"), float)
    cosines = np.array(of("PlaneOrientationSequence", "ImageOrientationPatient"), float)
    spacing = np.array(of("PixelMeasuresSequence", "PixelSpacing"), float)
    slope = of("PixelValueTransformationSequence", "RescaleSlope")
    intercept = of("PixelValueTransformationSequence", "RescaleIntercept")
    return position, cosines[:3], cosines[3:], spacing, float(slope or 1), float(intercept or 0)


def volume_of(datasets):
    """Values [slice, row, column] and the affine (LPS+ turned to RAS+) of frames sorted along their normal."""
    slices = []
    for ds in datasets:
        pixels = ds.pixel_array
        frames = ds.get("PerFrameFunctionalGroupsSequence")
        for n in range(int(ds.get("NumberOfFrames", 1))):
            g = geometry(ds, frames[n] if frames else None)
            plane = pixels[n] if pixels.ndim == 3 else pixels
            slices.append((float(g[0] @ np.cross(g[1], g[2])), plane * g[4] + g[5], g))
    slices.sort(key=lambda s: s[0])
    first, last = slices[0][2], slices[-1][2]
    thickness = float(datasets[0].get("SpacingBetweenSlices") or datasets[0].get("SliceThickness") or 1)
    step = (last[0] - first[0]) / (len(slices) - 1) if len(slices) > 1 else np.cross(first[1], first[2]) * thickness
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = first[1] * first[3][1], first[2] * first[3][0], step, first[0]
    affine[:2] *= -1
    return np.stack([s[1] for s in slices]), affine


def check_scan(source, datasets, what):
    try:
        values, affine = volume_of(datasets)
    except Exception as problem:  # pydicom without a decoder
        print(f"skipped: {what}: pydicom cannot decode it: {str(problem).splitlines()[0]}")
        return
    got = run(source)
    same = got["ct"].shape == values.shape and np.array_equal(got["ct"].astype(np.float32), values.astype(np.float32))
    say(same, f"{what}: {values.shape} values equal pydicom's, {values.min():g} to {values.max():g}")
    say(np.allclose(got["affine"], affine, rtol=1e-9, atol=1e-9), f"{what}: affine")


def images():
    for path in sorted([*(data / "dicom").rglob("*"), *(data / "formats/dicom").glob("*")]):
        if path.is_file() and path.suffix == ".dcm":
            ds = pydicom.dcmread(path, force=True)
            if ds.get("Modality") in ("CT", "MR"):
                yield path, ds


def made_scan(folder, position, spacing, shape, frame_of_reference):
    """A CT of zeros, deflated, on a grid of our choice; names say nothing of the order."""
    template = pydicom.dcmread(data / "formats/dicom/pydicom_CT_small.dcm")
    folder.mkdir(parents=True)
    for k in range(shape[0]):
        ds = copy.deepcopy(template)
        ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.FrameOfReferenceUID = frame_of_reference
        ds.ImagePositionPatient = [float(f"{v:.6f}") for v in (position[0], position[1], position[2] + k * spacing[2])]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.Rows, ds.Columns = [spacing[1], spacing[0]], shape[1], shape[2]
        ds.PixelData = bytes(2 * shape[1] * shape[2])
        del ds[0x00280120]
        ds.save_as(folder / f"{(37 * k) % 1009}.dcm")


def drawn(points, height, width, fine):
    """Two masks, by Pillow's polygons drawn `fine` times as large and read at the voxels' centres: where a centre lies
    within the polygon, and where it is too near to the outline for Pillow to tell (it draws outlines a dot wide)."""
    from PIL import Image, ImageDraw
    low = np.floor(points.min(0)).astype(int) - 1
    size = np.ceil(points.max(0)).astype(int) + 2 - low
    corners = [tuple(p) for p in (points - low) * fine]
    area, line = (Image.new("1", tuple(int(v) for v in size * fine)) for _ in range(2))
    ImageDraw.Draw(area).polygon(corners, fill=1)
    ImageDraw.Draw(line).line(corners + corners[:1], fill=1, width=5)
    masks = []
    for picture in (area, line):
        small = np.array(picture)[::fine, ::fine]
        mask = np.zeros((height, width), bool)
        y0, x0 = max(low[1], 0), max(low[0], 0)
        part = small[y0 - low[1]:height - low[1], x0 - low[0]:width - low[0]]
        mask[y0:y0 + part.shape[0], x0:x0 + part.shape[1]] = part
        masks.append(mask)
    return masks


def check_structures():
    try:
        import PIL  # noqa: F401
    except ImportError:
        print("skipped: structures: no Pillow here")
        return
    path = data / "formats/dicom/dicompyler_rtss.dcm"
    ct = pydicom.dcmread(data / "formats/dicom/dicompyler_ct.0.dcm")
    rtss = pydicom.dcmread(path)
    heights = [float(c.ContourData[2]) for r in rtss.ROIContourSequence for c in r.get("ContourSequence", [])]
    spacing = (float(ct.PixelSpacing[1]), float(ct.PixelSpacing[0]), 3.0)
    position = (*map(float, ct.ImagePositionPatient[:2]), min(heights))
    shape = (round((max(heights) - min(heights)) / 3) + 1, 512, 512)
    folder = work / "structures"
    made_scan(folder, position, spacing, shape, ct.FrameOfReferenceUID)
    (folder / "rtss.dcm").write_bytes(path.read_bytes())
    got = run(folder)
    contours = {int(r.ReferencedROINumber): r.get("ContourSequence", []) for r in rtss.ROIContourSequence}
    for item in rtss.StructureSetROISequence:
        expected, unsure = np.zeros(shape, bool), np.zeros(shape, bool)
        for contour in contours.get(int(item.ROINumber), []):
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            k = round((points[0, 2] - position[2]) / spacing[2])
            points = (points[:, :2] - position[:2]) / spacing[:2]
            area, line = drawn(points, 512, 512, 8 if np.ptp(points, axis=0).max() > 64 else 64)
            expected[k] ^= area
            unsure[k] |= line
        name = item.ROIName.replace(" ", "_")
        if not expected.any():
            say(name not in got, f"structure {item.ROIName}: has no voxel, and no mask")
            continue
        mask = got[name].astype(bool)
        dice = 2 * (mask & expected).sum() / (mask.sum() + expected.sum())
        wrong = ((mask ^ expected) & ~unsure).sum()
        say(dice >= 0.98 and wrong == 0, f"structure {item.ROIName}: {mask.sum()} voxels, Dice {dice:.5f}; "
            f"{wrong} differ among those not within 1/3 voxel of an outline")


def trilinear(dose, index):
    """At fractional (x, y, z) indices [..., 3] of dose [z, y, x]; 0 outside."""
    top = np.array(dose.shape[::-1]) - 1
    inside = ((index >= -1e-6) & (index <= top + 1e-6)).all(-1)
    index = np.clip(index, 0, top)
    low = np.minimum(index.astype(int), top - 1)
    f = index - low
    total = np.zeros(index.shape[:-1])
    for corner in np.ndindex(2, 2, 2):
        c = np.array(corner)
        weight = np.where(c, f, 1 - f).prod(-1)
        x, y, z = (low + c)[..., 0], (low + c)[..., 1], (low + c)[..., 2]
        total += weight * dose[z, y, x]
    return np.where(inside, total, 0)


def check_dose(name):
    ds = pydicom.dcmread(data / "formats/dicom" / name)
    gy = ds.pixel_array * float(ds.DoseGridScaling)
    origin = np.array(ds.ImagePositionPatient, float)
    step = np.array([*map(float, ds.PixelSpacing[::-1]), float(ds.GridFrameOffsetVector[1])])
    for what, position, spacing, shape in (("its own grid", origin, step, gy.shape),
                                           ("another grid", origin - (7, 4, 3), np.array([2.5, 3.5, 3]), (27, 33, 45))):
        folder = work / f"{name}-{what.split()[0]}"
        made_scan(folder, position, spacing, shape, ds.FrameOfReferenceUID)
        ds.save_as(folder / "dose.dcm")
        try:
            run(folder)
            say(False, f"{name}: a RELATIVE dose is refused")
        except RuntimeError as refusal:
            say("expected GY" in str(refusal), f"{name}: a RELATIVE dose is refused")
        absolute = copy.deepcopy(ds)
        absolute.DoseUnits = "GY"
        absolute.save_as(folder / "dose.dcm")
        got = run(folder)["dose"]
        k, j, i = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
        expected = trilinear(gy, (np.stack([i, j, k], -1) * spacing + position - origin) / step)
        off = np.abs(got - expected).max() / expected.max()
        say(got.any() and off < 1e-6, f"{name} on {what}: up to {expected.max():.4g} Gy, largest difference {off:.1e} of that")
        if what == "its own grid":
            say(np.array_equal(got, gy.astype(np.float32)), f"{name}: equals pydicom's numbers times DoseGridScaling")


for path, ds in images():
    check_scan(path, [ds], path.name)
for patient in sorted((data / "dicom/covid-ct-md").iterdir()):
    files = [pydicom.dcmread(p) for p in sorted(patient.glob("*.dcm")) if not p.name.startswith("uncompressed")]
    if len(files) > 1:
        check_scan(patient, files, f"{patient.name}/, {len(files)} files")
check_structures()
for dose in ("pydicom_rtdose.dcm", "pydicom_rtdose_rle.dcm"):
    check_dose(dose)
