"""MetaImage and NRRD read and written in plain Python, from the formats' descriptions and from nothing of this project:
the witness for volumes_reference.py where SimpleITK is missing (Debian has none)."""
import gzip
import os
import zlib

import numpy as np

META_TYPES = {"MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
              "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4",
              "MET_DOUBLE": "f8"}
NRRD_TYPES = {"signed char": "i1", "int8": "i1", "uchar": "u1", "unsigned char": "u1", "uint8": "u1", "short": "i2",
              "signed short": "i2", "signed short int": "i2", "int16": "i2", "ushort": "u2", "unsigned short": "u2",
              "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "unsigned int": "u4", "uint32": "u4",
              "int64": "i8", "long long int": "i8", "uint64": "u8", "unsigned long long int": "u8", "float": "f4",
              "double": "f8"}


class Plain:
    """Values [..., D, H, W] or, with channels, [..., D, H, W, C]; spacing, origin and direction (columns) in LPS mm."""

    def __init__(self, values, spacing, origin, direction, channels=1):
        self.values, self.channels = values, channels
        self.spacing, self.origin, self.direction = (np.array(v, float) for v in (spacing, origin, direction))


def numbers(text):
    return [float(v) for v in text.split()]


def beside(path, name):
    return os.path.join(os.path.dirname(path), name)


def read(path):
    return (read_nrrd if path.endswith((".nrrd", ".nhdr")) else read_meta)(path)


def read_meta(path):
    with open(path, "rb") as file:
        fields = {}
        while "ElementDataFile" not in fields:
            key, value = file.readline().decode("latin-1").split("=", 1)
            fields[key.strip()] = value.strip()
        name = fields["ElementDataFile"]
        data = file.read() if name == "LOCAL" else open(beside(path, name), "rb").read()

    def of(default, *keys):
        return next((fields[k] for k in keys if k in fields), default)
    n, channels = int(fields["NDims"]), int(of("1", "ElementNumberOfChannels"))
    if of("False", "CompressedData") == "True":
        data = zlib.decompress(data)
    big = of("False", "BinaryDataByteOrderMSB", "ElementByteOrderMSB") == "True"
    values = np.frombuffer(data, (">" if big else "<") + META_TYPES[fields["ElementType"]])
    shape = [int(v) for v in fields["DimSize"].split()][::-1] + ([channels] if channels > 1 else [])
    values = values[-int(np.prod(shape)):].reshape(shape)  # a header of unknown size may come first
    rows = np.array(numbers(of(" ".join(map(str, np.eye(n).ravel())), "TransformMatrix", "Rotation", "Orientation")))
    return Plain(values, numbers(of("1 " * n, "ElementSpacing", "ElementSize")),
                 numbers(of("0 " * n, "Offset", "Position", "Origin")), rows.reshape(n, n).T, channels)


def read_nrrd(path):
    with open(path, "rb") as file:
        fields, line = {}, file.readline()
        while line.strip():
            line = file.readline()
            text = line.decode("latin-1").strip()
            if ": " in text and not text.startswith("#"):
                key, value = text.split(": ", 1)
                fields[key.lower()] = value
            if not line:
                break
        data = open(beside(path, fields["data file"]), "rb").read() if "data file" in fields else file.read()
    kind, encoding = NRRD_TYPES[fields["type"]], fields["encoding"].lower()
    sizes = [int(v) for v in fields["sizes"].split()]
    if encoding in ("ascii", "text", "txt"):
        values = np.array(data.split(), float).astype(kind)
    else:
        data = gzip.decompress(data) if encoding in ("gzip", "gz") else data
        values = np.frombuffer(data, (">" if fields.get("endian") == "big" else "<") + kind)[:int(np.prod(sizes))]
    values = values.reshape(sizes[::-1])
    if "space directions" in fields:
        axes = [None if v == "none" else numbers(v.strip("()").replace(",", " "))
                for v in fields["space directions"].replace(") ", ")|").replace("none ", "none|").split("|")]
    else:
        steps = numbers(fields.get("spacings", "1 " * len(sizes)))
        axes = list(np.diag(steps))
    spatial = [i for i, axis in enumerate(axes) if axis is not None]
    channels = int(np.prod([s for i, s in enumerate(sizes) if i not in spatial]))
    if channels > 1:  # the channels' axis comes last in memory, wherever the file has it
        values = np.moveaxis(values, [len(sizes) - 1 - i for i in range(len(sizes)) if i not in spatial], -1)
    vectors = np.array([axes[i] for i in spatial]).T
    origin = numbers(fields["space origin"].strip("()").replace(",", " ")) if "space origin" in fields else [0] * len(spatial)
    sign = np.ones(len(origin))
    space = fields.get("space", "").lower()
    if space in ("ras", "right-anterior-superior"):
        sign[:2] = -1
    elif space in ("las", "left-anterior-superior"):
        sign[1] = -1
    spacing = np.linalg.norm(vectors, axis=0)
    return Plain(values, spacing, sign * origin, sign[:, None] * vectors / spacing, channels)


def write(path, image, packed=False):
    """A MetaImage or NRRD, by the path's end; .mhd has its numbers in a file beside it."""
    n, channels = len(image.spacing), image.channels
    kind = image.values.dtype.newbyteorder("=").str[1:]
    sizes = list(image.values.shape[:n][::-1])
    data = image.values.astype("<" + kind).tobytes()

    def row(values):
        return " ".join(repr(float(v)) for v in np.ravel(values))
    if path.endswith(".nrrd"):
        name = next(k for k, v in NRRD_TYPES.items() if v == kind)
        vectors = (image.direction * image.spacing).T
        directions = ["(" + ",".join(repr(float(v)) for v in vector) + ")" for vector in vectors]
        head = (f"NRRD0004\ntype: {name}\ndimension: {n + (channels > 1)}\n"
                + ("space: left-posterior-superior\n" if n == 3 else f"space dimension: {n}\n")
                + "sizes: " + " ".join(map(str, [channels] * (channels > 1) + sizes)) + "\n"
                + "space directions: " + " ".join(["none"] * (channels > 1) + directions) + "\n"
                + f"endian: little\nencoding: {'gzip' if packed else 'raw'}\n"
                + "space origin: (" + ",".join(repr(float(v)) for v in image.origin) + ")\n\n")
        parts = [(path, head.encode() + (gzip.compress(data) if packed else data))]
    else:
        name = next(k for k, v in META_TYPES.items() if v == kind)
        data = zlib.compress(data) if packed else data
        local = path.endswith(".mha")
        beside_it = path[:-4] + (".zraw" if packed else ".raw")
        head = (f"ObjectType = Image\nNDims = {n}\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
                + f"CompressedData = {packed}\n" + (f"CompressedDataSize = {len(data)}\n" if packed else "")
                + f"TransformMatrix = {row(image.direction.T)}\nOffset = {row(image.origin)}\n"
                + f"ElementSpacing = {row(image.spacing)}\nDimSize = {' '.join(map(str, sizes))}\n"
                + (f"ElementNumberOfChannels = {channels}\n" if channels > 1 else "")
                + f"ElementType = {name}\nElementDataFile = {'LOCAL' if local else os.path.basename(beside_it)}\n")
        parts = [(path, head.encode() + data)] if local else [(path, head.encode()), (beside_it, data)]
    for name, content in parts:
        with open(name, "wb") as file:
            file.write(content)
