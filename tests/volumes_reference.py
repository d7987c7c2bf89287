#!/usr/bin/env python3
"""Reads volumes with nibabel, SimpleITK and numpy and holds `inspect` and `convert volume` against them.  Debian has no
SimpleITK: where it is missing, plain_volumes.py reads and writes MetaImage and NRRD in its place.

Usage: volumes_reference.py BIN [DATA].  Makes files of every type, byte order and orientation itself; of DATA it takes
every file below formats/nifti and formats/mha, and every .nrrd below prostate.  Prints "ok: what" or "FAILED: what".
"""
import gzip
import json
import os
import subprocess
import sys
import tempfile
import warnings

import nibabel as nib
import numpy as np
import plain_volumes

try:
    import SimpleITK as sitk
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
except ImportError:
    sitk = None

warnings.simplefilter("ignore")
BIN = sys.argv[1]
DATA = sys.argv[2] if len(sys.argv) > 2 else ""
OUT = tempfile.TemporaryDirectory()
LARGE = 3_000_000  # voxels: larger files are read and compared, but not written in every format
counts = {"ok": 0, "FAILED": 0}


def report(good, what):
    counts["ok" if good else "FAILED"] += 1
    print(("ok: " if good else "FAILED: ") + what, flush=True)


def call(program, *arguments):
    return subprocess.run([f"{BIN}/{program}", *arguments], capture_output=True, text=True)


def flip(affine):
    return np.diag([-1, -1, 1, 1]) @ affine


class Reference:
    """Voxels [D, H, W, C] as float32, affine RAS+, the sizes and type that inspect should tell."""

    def __init__(self, voxels, affine, shape, dtype):
        self.voxels, self.affine, self.shape, self.dtype = voxels, affine, list(shape), str(dtype)
        self.orientation = "".join(nib.aff2axcodes(affine))


def by_nibabel(path):
    image = nib.load(path)
    dtype = image.get_data_dtype()
    if dtype.kind == "c":
        return "complex"
    if dtype.kind == "V":
        return "RGB"
    data = np.asarray(image.dataobj).astype(np.float64) if image.dataobj.slope == 1 else image.get_fdata()
    data = data.reshape(data.shape[:3] + (1,) * (3 - data.ndim) + (-1,), order="F")
    return Reference(data.transpose(2, 1, 0, 3).astype(np.float32), image.affine, image.shape, dtype.newbyteorder("="))


def read_itk(path):
    """A MetaImage or NRRD, by SimpleITK or without it."""
    if sitk is None:
        return plain_volumes.read(path)
    image = sitk.ReadImage(path)
    n = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(n, n)
    return plain_volumes.Plain(sitk.GetArrayFromImage(image), image.GetSpacing(), image.GetOrigin(), direction,
                               image.GetNumberOfComponentsPerPixel())


def write_itk(path, image, packed=False):
    if sitk is None:
        return plain_volumes.write(path, image, packed)
    made = sitk.GetImageFromArray(image.values, isVector=image.channels > 1)
    made.SetSpacing(image.spacing.tolist())
    made.SetOrigin(image.origin.tolist())
    made.SetDirection(image.direction.ravel().tolist())
    sitk.WriteImage(made, path, packed)


def by_itk(path):
    image = read_itk(path)
    n, channels = len(image.spacing), image.channels
    affine = np.eye(4)
    space = min(n, 3)
    affine[:space, :space] = image.direction[:space, :space] @ np.diag(image.spacing[:space])
    affine[:space, 3] = image.origin[:space]
    data = image.values
    shape = list(data.shape[:n][::-1]) + ([channels] if channels > 1 else [])
    if n == 4:
        data = np.moveaxis(data, 0, -1)
    elif channels == 1:
        data = data[..., None]
    data = data.reshape((1,) * (4 - data.ndim) + data.shape)
    return Reference(data.astype(np.float32), flip(affine), shape, data.dtype.newbyteorder("="))


def same_voxels(a, b):
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=True)


def inspect_agrees(path, reference, check_shape=True):
    done = call("inspect", "--json", path)
    if done.returncode:
        return done.stderr.strip()
    told = json.loads(done.stdout)
    finite = reference.voxels[np.isfinite(reference.voxels)].astype(np.float64)
    wrong = []
    if check_shape and told["shape"] != reference.shape:
        wrong.append(f"shape {told['shape']}, expected {reference.shape}")
    if told["dtype"] != reference.dtype:
        wrong.append(f"dtype {told['dtype']}, expected {reference.dtype}")
    if not np.allclose(told["affine"], reference.affine, rtol=1e-6, atol=1e-5):
        wrong.append(f"affine {told['affine']}, expected {reference.affine.tolist()}")
    if not np.allclose(told["spacing_mm"], nib.affines.voxel_sizes(reference.affine), rtol=1e-6):
        wrong.append(f"spacing {told['spacing_mm']}")
    if told["orientation"] != reference.orientation:
        wrong.append(f"orientation {told['orientation']}, expected {reference.orientation}")
    for key, value in (("min", finite.min()), ("max", finite.max()), ("mean", finite.mean())):
        if not np.isclose(told[key], value, rtol=1e-9, atol=1e-9):
            wrong.append(f"{key} {told[key]}, expected {value}")
    return "; ".join(wrong)


def convert(path, name, *options):
    out = f"{OUT.name}/{name}"
    done = call("convert", "volume", "--in", path, "--out", out, *options)
    return out, done.stderr.strip() if done.returncode else ""


def dump_agrees(path, reference):
    out, error = convert(path, "dump.npy", "--type", "float32")
    if error:
        return error
    data = np.load(out)
    data = data.reshape((1,) * (3 - data.ndim) + data.shape)
    data = data if data.ndim == 4 else data[..., None]
    return "" if same_voxels(data, reference.voxels) else "voxels differ"


def written_agrees(path, reference, end):
    out, error = convert(path, "written" + end)
    if error:
        return error
    if end in (".npy", ".npz"):
        data = np.load(out)
        affine = data["affine"] if end == ".npz" else reference.affine
        data = data["values"] if end == ".npz" else data
        data = data.reshape((1,) * (3 - data.ndim) + data.shape)
        again = Reference((data if data.ndim == 4 else data[..., None]).astype(np.float32), affine, [], "")
    else:
        again = by_itk(out) if end.startswith(".mh") else by_nibabel(out)
    wrong = []
    if not same_voxels(again.voxels, reference.voxels):
        wrong.append("voxels differ")
    if not np.allclose(again.affine, reference.affine, rtol=1e-6, atol=1e-4):
        wrong.append(f"affine {again.affine.tolist()}, expected {reference.affine.tolist()}")
    return "; ".join(wrong)


def ras_agrees(path):
    """convert --orientation RAS against nibabel.as_closest_canonical."""
    out, error = convert(path, "ras.nii", "--orientation", "RAS", "--type", "float32")
    if error:
        return error
    ours, theirs = nib.load(out), nib.as_closest_canonical(nib.load(path))
    good = np.array_equal(ours.get_fdata(), theirs.get_fdata().astype(np.float32), equal_nan=True)
    good = good and np.allclose(ours.affine, theirs.affine, atol=1e-4)
    return "" if good else "differs from as_closest_canonical"


def check(path, reference, what, ras=False, check_shape=True):
    faults = {"inspect": inspect_agrees(path, reference, check_shape), "voxels": dump_agrees(path, reference)}
    if reference.voxels.size <= LARGE:
        for end in (".nii", ".nii.gz", ".hdr", ".img.gz", ".mha", ".mhd", ".npy", ".npz"):
            faults["as " + end] = written_agrees(path, reference, end)
        if ras:
            faults["RAS"] = ras_agrees(path)
    text = "; ".join(f"{key}: {fault}" for key, fault in faults.items() if fault)
    report(not text, f"{what}: {text}" if text else f"{what}: {reference.dtype} {reference.shape}")


def refused(path, word, what):
    done = call("inspect", path)
    good = done.returncode == 2 and word in done.stderr and done.stderr.count("\n") == 1
    report(good, f"{what}: refused: {done.stderr.strip().replace(path, os.path.basename(path))}")


def real_files():
    for folder in ("nifti", "mha"):
        root = f"{DATA}/formats/{folder}"
        for name in sorted(os.listdir(root)):
            path = f"{root}/{name}"
            if name.endswith((".raw", ".zraw")) or not name.endswith((".nii", ".gz", ".hdr", ".mha", ".mhd")):
                continue  # the voxels of a header; texts
            if folder == "mha":
                check(path, by_itk(path), name)
            elif name.endswith(".hdr") and not os.path.exists(path[:-4] + ".img"):
                refused(path, "Analyze" if "analyze" in name else "is one half of a pair", name)
            else:
                reference = by_nibabel(path)
                if isinstance(reference, str):
                    refused(path, reference, name)
                else:
                    check(path, reference, name, ras=True)
    for name in sorted(os.listdir(f"{DATA}/prostate")):
        path = f"{DATA}/prostate/{name}"
        if name.endswith(".nrrd"):
            check(path, by_itk(path), name)


TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


def numbers(code, shape, seed=0):
    """Of the whole range of small types; whole numbers of up to 24 bits, which float holds, of the others."""
    random = np.random.default_rng(seed)
    if code[0] == "f":
        return random.normal(0, 100, shape).astype(np.float32).astype(code)
    info = np.iinfo(code)
    return random.integers(max(info.min, -(1 << 24)), min(info.max, 1 << 24), shape, dtype=np.int64, endpoint=True).astype(code)


def oblique():
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    tip = np.array([[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ tip @ np.diag([0.7, 1.25, 3])
    affine[:3, 3] = [-30, 42.5, 7]
    return affine


def made_nifti():
    path = f"{OUT.name}/made.nii"
    for order in "<>":
        for code in TYPES:
            for kind in (nib.Nifti1Image, nib.Nifti2Image):
                data = numbers(code, (5, 4, 3)).astype(order + code)
                image = kind(data, oblique(), kind.header_class(endianness=order), dtype=data.dtype)
                nib.save(image, path)
                check(path, by_nibabel(path), f"NIfTI-{1 + (kind is nib.Nifti2Image)} {order}{code}")
    for shape in ((7,), (5, 4), (5, 4, 3, 2), (3, 2, 4, 2, 3)):
        nib.save(nib.Nifti1Image(numbers("i2", shape), np.diag([2, 2, 3, 1])), path)
        check(path, by_nibabel(path), f"NIfTI of {len(shape)} axes", check_shape=len(shape) > 1)
    for codes in ("RAS", "LPS", "LAS", "PIR", "ASL", "SRP"):
        ornt = nib.orientations.axcodes2ornt(codes)
        image = nib.Nifti1Image(numbers("i2", (5, 4, 3)), oblique()).as_reoriented(nib.orientations.ornt_transform(
            nib.orientations.axcodes2ornt("RAS"), ornt))
        for form in ("sform", "qform", "neither"):
            image.header.set_sform(image.affine, 1 if form == "sform" else 0)
            image.header.set_qform(image.affine, 1 if form == "qform" else 0)
            image.to_filename(path)
            with open(path, "r+b") as file:  # saving set the codes again
                file.seek(252)
                file.write(np.array([form == "qform", form == "sform"], "<i2").tobytes())
            check(path, by_nibabel(path), f"NIfTI {codes} by {form}", ras=True)
    for slope, inter in ((2.5, -7), (0, 3), (np.nan, 3), (0.01, 1e4), (-1, 0)):
        image = nib.Nifti1Image(numbers("i2", (5, 4, 3)), np.eye(4))
        nib.save(image, path)
        with open(path, "r+b") as file:
            file.seek(112)
            file.write(np.array([slope, inter], "<f4").tobytes())
        check(path, by_nibabel(path), f"NIfTI with slope {slope}, intercept {inter}")
    header = nib.Nifti1Header()
    header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"hello " * 50))
    nib.save(nib.Nifti1Image(numbers("f4", (5, 4, 3)), oblique(), header), path)
    check(path, by_nibabel(path), "NIfTI with an extension")
    for end in (".img", ".img.gz"):
        pair = f"{OUT.name}/pair{end}"
        nib.save(nib.Nifti1Pair(numbers("u2", (5, 4, 3)), oblique()), pair)
        check(pair, by_nibabel(pair), f"NIfTI pair, by the {end}")
        check(pair.replace("img", "hdr"), by_nibabel(pair), f"NIfTI pair, by the {end.replace('img', 'hdr')}")
    nib.save(nib.Nifti1Image(numbers("u1", (5, 4, 3)), oblique()), path)
    with open(path, "rb") as file:
        whole = file.read()
    members = f"{OUT.name}/members.nii.gz"
    with open(members, "wb") as file:  # as bgzip does
        file.write(gzip.compress(whole[:300]) + gzip.compress(whole[300:]))
    check(members, by_nibabel(members), "NIfTI in two gzip members")


def made_itk(end, kinds):
    path = f"{OUT.name}/made{end}"
    affine = flip(oblique())
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    for code in TYPES:
        for packed in (False, True):
            image = plain_volumes.Plain(numbers(code, (3, 4, 5)), spacing, affine[:3, 3], affine[:3, :3] / spacing)
            write_itk(path, image, packed)
            check(path, by_itk(path), f"{kinds} {code}{' packed' if packed else ''}")
    for code in ("u1", "f4"):
        write_itk(path, plain_volumes.Plain(numbers(code, (3, 4, 5, 4)), (1, 2, 3), (0, 0, 0), np.eye(3), 4))
        # NRRD lists the channels first, as they lie in the file.
        check(path, by_itk(path), f"{kinds} of 4 channels, {code}", check_shape=end != ".nrrd")
    write_itk(path, plain_volumes.Plain(numbers("i2", (4, 5)), (1, 1), (3, -4), [[0.8, -0.6], [0.6, 0.8]]))
    check(path, by_itk(path), f"{kinds} of 2 axes")


def made_metaimage():
    path, numbers_be = f"{OUT.name}/big.mha", numbers("i2", (3, 4, 5))
    with open(path, "wb") as file:
        file.write(b"NDims = 3\nDimSize = 5 4 3\nElementSpacing = 1 2 3\nElementByteOrderMSB = True\n"
                   b"ElementType = MET_SHORT\nElementDataFile = LOCAL\n" + numbers_be.astype(">i2").tobytes())
    check(path, by_itk(path), "MetaImage, most significant byte first")


def made_npy():
    path = f"{OUT.name}/made.npy"
    for order in "<>":
        for code in TYPES:
            for layout in "CF":
                data = np.array(numbers(code, (3, 4, 5)).astype(order + code), order=layout)
                np.save(path, data)
                reference = Reference(data.astype(np.float32)[..., None], np.eye(4), data.shape, code)
                fault = dump_agrees(path, reference)
                told = json.loads(call("inspect", "--json", path).stdout)
                if told["shape"] != [3, 4, 5] or told["dtype"] != np.dtype(code).name:
                    fault += f" inspect tells {told}"
                report(not fault, f"npy {order}{code} {layout} {fault}")
    for save in (np.savez, np.savez_compressed):
        archive = f"{OUT.name}/made.npz"
        data = np.asfortranarray(numbers("i2", (3, 4, 5)))
        save(archive, values=data, affine=np.asfortranarray(oblique()))
        reference = Reference(data.astype(np.float32)[..., None], oblique(), data.shape, "int16")
        check(archive, reference, f"npz by {save.__name__}")


def made_nrrd():
    text = f"{OUT.name}/text.nrrd"
    data = numbers("i2", (3, 4, 5))
    with open(text, "w") as file:
        file.write("NRRD0004\ntype: signed short int\ndimension: 3\nsizes: 5 4 3\nencoding: ascii\nspace: RAS\n"
                   "space directions: (2,0,0) (0,3,0) (0,0,4)\nspace origin: (1,2,3)\n\n")
        file.write("\n".join(str(v) for v in data.ravel()) + "\n")
    check(text, by_itk(text), "NRRD as text, RAS")
    detached = f"{OUT.name}/detached.nhdr"
    data.astype(">i2").tofile(f"{OUT.name}/detached.raw")
    with open(detached, "w") as file:
        file.write("NRRD0004\ntype: short\ndimension: 3\nsizes: 5 4 3\nencoding: raw\nendian: big\nspacings: 1 2 3\n"
                   "data file: detached.raw\n")
    check(detached, by_itk(detached), "NRRD, detached, big endian, spacings")


def triangle_matrix(n_old, n_new, first, step):
    """[new, old]: a triangle as wide as the coarser voxel about  first + n step,  which is kept within the volume."""
    width = max(1.0, step)
    at = np.clip(first + np.arange(n_new) * step, 0, n_old - 1)
    weights = np.maximum(0, 1 - np.abs(np.arange(n_old)[None] - at[:, None]) / width)
    return weights / weights.sum(1, keepdims=True)


def smooth(shape, seed):
    """Noise that is alike in neighbours, so that a wrong place shows and interpolation has something to blend."""
    data = np.random.default_rng(seed).normal(0, 400, shape)
    for axis in range(3):
        data = data + np.roll(data, 1, axis)
    return data.astype(np.float32)


def resampled():
    """convert --spacing against SimpleITK where voxels get smaller, against matrices where they get larger."""
    path = f"{OUT.name}/grid.nii.gz"
    for number, (affine, spacing) in enumerate((
            (np.diag([1.5, 2, 3, 1]), (1, 1, 1)), (oblique(), (0.5, 0.9, 1.1)), (oblique(), (1.6, 2, 4)),
            (oblique() @ np.diag([-1, 1, -1, 1]), (0.4, 3, 2)), (np.diag([1, 1, 1, 1]), (2, 2, 2)))):
        data = smooth((21, 18, 11), number)
        nib.save(nib.Nifti1Image(data, affine), path)
        old = nib.affines.voxel_sizes(affine)
        out, fault = convert(path, "resampled.nii.gz", "--spacing", ",".join(map(str, spacing)))
        if fault:
            report(False, f"--spacing: {fault}")
            continue
        ours = nib.load(out)
        got = ours.get_fdata()
        size = [max(1, int(np.floor(n * s / t + 0.5 + 1e-6))) for n, s, t in zip(data.shape, old, spacing)]
        grid = affine @ np.diag([t / s for s, t in zip(old, spacing)] + [1])  # the same axes, and the same middle
        middle = affine @ np.append((np.array(data.shape) - 1) / 2, 1)
        grid[:3, 3] = 0
        grid[:3, 3] = (middle - grid @ np.append((np.array(size) - 1) / 2, 0))[:3]
        wrong = "" if list(got.shape) == size else f"size {got.shape}, expected {size}"
        wrong += "" if np.allclose(ours.affine, grid, atol=1e-4) else f" affine {ours.affine.tolist()}, expected {grid.tolist()}"
        report(not wrong, f"--spacing {spacing} from {old.round(3).tolist()}: grid {wrong}")
        if wrong:
            continue
        first = (np.linalg.inv(affine) @ grid)[:3, 3]
        expected = data.astype(np.float64)
        for axis in range(3):
            m = triangle_matrix(data.shape[axis], size[axis], first[axis], spacing[axis] / old[axis])
            expected = np.moveaxis(np.tensordot(m, expected, (1, axis)), 0, axis)
        report(np.allclose(got, expected, atol=2e-3), f"--spacing {spacing}: values, by matrices")
        if sitk is not None and all(t <= s for s, t in zip(old, spacing)):
            image = sitk.GetImageFromArray(data.T)
            lps = flip(affine)
            image.SetSpacing(old)
            image.SetOrigin(lps[:3, 3])
            image.SetDirection((lps[:3, :3] / old).ravel())
            like = flip(grid)
            theirs = sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, like[:3, 3],
                                   spacing, (like[:3, :3] / spacing).ravel(), -9999.0, sitk.sitkFloat32, True)
            report(np.allclose(got, sitk.GetArrayFromImage(theirs).T, atol=0.05), f"--spacing {spacing}: values, by SimpleITK")
    labels_resampled()


def labels_resampled():
    path = f"{OUT.name}/labels.nii.gz"
    random = np.random.default_rng(5)
    data = np.kron(random.integers(0, 4, (7, 6, 5)), np.ones((3, 3, 3))).astype(np.uint8)
    data[random.random(data.shape) < 0.1] = 9
    for spacing in ((0.7, 0.8, 0.9), (2.2, 1.7, 3.1)):
        nib.save(nib.Nifti1Image(data, np.diag([1, 1.5, 2, 1])), path)
        out, fault = convert(path, "resampled.nii.gz", "--spacing", ",".join(map(str, spacing)), "--labels")
        got = nib.load(out).get_fdata() if not fault else None
        shares = []
        for label in np.unique(data):
            share = (data == label).astype(np.float64)
            for axis in range(3):
                n, step = data.shape[axis], spacing[axis] / (1, 1.5, 2)[axis]
                new = max(1, int(np.floor(n / step + 0.5 + 1e-6)))
                m = triangle_matrix(n, new, ((n - 1) - (new - 1) * step) / 2, step)
                share = np.moveaxis(np.tensordot(m, share, (1, axis)), 0, axis)
            shares.append(share)
        shares = np.array(shares)
        expected = np.unique(data)[shares.argmax(0)]
        ordered = np.sort(shares, 0)
        clear = ordered[-1] - ordered[-2] > 1e-9
        report(not fault and got.shape == expected.shape and np.array_equal(got[clear], expected[clear]),
               f"--labels --spacing {spacing}: {clear.mean():.3f} of the voxels are no ties {fault}")


def cut():
    """--size and --window against numpy."""
    path = f"{OUT.name}/size.nii.gz"
    data = smooth((12, 9, 10), 9)
    nib.save(nib.Nifti1Image(data, oblique()), path)
    out, fault = convert(path, "size.nii.gz", "--size", "8,13,10", "--outside", "-1000", "--window", "-1100,300")
    if not fault:
        image = nib.load(out)
        expected = np.full((8, 13, 10), -1000, np.float32)
        expected[:, 2:11] = data[2:10]
        expected = np.clip((expected + 1100) / 1400, 0, 1)
        affine = oblique()
        affine[:3, 3] += affine[:3, :3] @ [2, -2, 0]
        fault = "" if np.allclose(image.get_fdata(), expected, atol=1e-6) else "values differ"
        fault += "" if np.allclose(image.affine, affine, atol=1e-4) else f" affine {image.affine.tolist()}"
    report(not fault, f"--size, --outside, --window {fault}")


resampled()
cut()
made_nifti()
made_itk(".mha", "MetaImage")
made_itk(".mhd", "MetaImage, detached")
made_itk(".nrrd", "NRRD")
made_metaimage()
made_npy()
made_nrrd()
if DATA:
    real_files()
sys.exit(counts["FAILED"] > 0)
