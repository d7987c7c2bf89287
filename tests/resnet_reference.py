#!/usr/bin/python3
"""ResNet features by PyTorch, to hold the encoders resnet18, resnet34 and resnet50 to.

  resnet_reference.py make DIR       writes the cases DIR/<name>/{case.json,weights.safetensors,io.safetensors}
  resnet_reference.py compare DIR    holds DIR/<name>/out.safetensors, written by `replay`, against them

The network is written from the paper's table 1 with the names of torchvision's models, whose weights it would take.
Everything is computed in double precision from weights and inputs that single precision holds exactly.
"""
import json
import os
import struct
import sys

import numpy as np

BLOCKS = {"resnet18": (False, (2, 2, 2, 2)), "resnet34": (False, (3, 4, 6, 3)), "resnet50": (True, (3, 4, 6, 3))}
FULL = [64, 128, 256, 512]
# name: backbone, widths, batch and size, with gradients (of narrow ones: they are what takes long).  At the deepest level
# batch norm sees a dozen values or more: from fewer, a variance may come out so small that rounding decides.
CASES = {
    "resnet18": ("resnet18", FULL, [2, 96, 128], False),
    "resnet50": ("resnet50", FULL, [2, 96, 128], False),
    "resnet18-narrow": ("resnet18", [4, 5, 6, 7], [4, 96, 64], True),
    "resnet34-narrow": ("resnet34", [4, 8, 5, 16], [4, 64, 96], True),
    "resnet50-narrow": ("resnet50", [3, 4, 5, 6], [4, 96, 64], True),
    "resnet18-volumes": ("resnet18", [4, 5, 6, 7], [3, 64, 32, 64], True),
    "resnet50-volumes": ("resnet50", [4, 3, 6, 5], [3, 64, 64, 32], True),
}
MARGIN = 2e-6  # no ReLU or maximum closer than that to a jump of its gradient, or single precision cannot decide


# ---- safetensors

def save(path, tensors):
    header, data = {}, b""
    for name, value in tensors.items():
        value = np.ascontiguousarray(value)
        kind = {"float32": "F32", "float64": "F64", "int64": "I64"}[str(value.dtype)]
        header[name] = {"dtype": kind, "shape": list(value.shape),
                        "data_offsets": [len(data), len(data) + value.nbytes]}
        data += value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def load(path):
    with open(path, "rb") as f:
        size, = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(size)), f.read()
    header.pop("__metadata__", None)
    kinds = {"F32": np.float32, "F64": np.float64, "I64": np.int64}
    return {name: np.frombuffer(data[e["data_offsets"][0]:e["data_offsets"][1]], kinds[e["dtype"]]).reshape(e["shape"])
            for name, e in header.items()}


# ---- the network and its results

def make(folder):
    import torch
    from torch import nn
    from torch.nn import functional as F

    jumps = []  # distances of what ReLUs and maxima read from where their gradients jump

    def relu(x):
        jumps.append(x.detach().abs().min().item())
        return F.relu(x)

    def layers(rank):
        return (nn.Conv2d, nn.BatchNorm2d) if rank == 2 else (nn.Conv3d, nn.BatchNorm3d)

    class Block(nn.Module):
        def __init__(self, rank, deep, cin, planes, stride):
            super().__init__()
            conv, norm = layers(rank)
            cout = planes * (4 if deep else 1)
            # kernel, output channels, stride
            plan = [(1, planes, 1), (3, planes, stride), (1, cout, 1)] if deep else [(3, planes, stride), (3, planes, 1)]
            self.depth = len(plan)
            c = cin
            for i, (k, width, s) in enumerate(plan, 1):
                setattr(self, f"conv{i}", conv(c, width, k, stride=s, padding=k // 2, bias=False))
                setattr(self, f"bn{i}", norm(width))
                c = width
            self.downsample = None
            if stride != 1 or cin != cout:
                self.downsample = nn.Sequential(conv(cin, cout, 1, stride=stride, bias=False), norm(cout))

        def forward(self, x):
            y = x
            for i in range(1, self.depth + 1):
                y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
                if i < self.depth:
                    y = relu(y)
            return relu(y + (x if self.downsample is None else self.downsample(x)))

    class ResNet(nn.Module):
        def __init__(self, backbone, rank, widths, cin):
            super().__init__()
            conv, norm = layers(rank)
            deep, blocks = BLOCKS[backbone]
            self.conv1, self.bn1 = conv(cin, widths[0], 7, stride=2, padding=3, bias=False), norm(widths[0])
            c = widths[0]
            for j, planes in enumerate(widths):
                layer = []
                for b in range(blocks[j]):
                    layer.append(Block(rank, deep, c, planes, 2 if j > 0 and b == 0 else 1))
                    c = planes * (4 if deep else 1)
                setattr(self, f"layer{j + 1}", nn.Sequential(*layer))
            self.fc = nn.Linear(c, 10)  # nobody asks for it: it is there to be ignored

        def forward(self, x):
            x = relu(self.bn1(self.conv1(x)))
            pool = F.max_pool2d if x.dim() == 4 else F.max_pool3d
            x = pool(x, 3, stride=2, padding=1)
            u, p = [], []
            for j in range(4):
                layer = getattr(self, f"layer{j + 1}")
                u.append(layer[:-1](x))
                x = layer[-1](u[-1])
                p.append(x)
            return {**{f"u.{j}": t for j, t in enumerate(u)}, **{f"p.{j}": t for j, t in enumerate(p)}}

    def array(t):
        return t.detach().numpy()

    for name, (backbone, widths, size, gradients) in CASES.items():
        rank = len(size) - 1
        torch.manual_seed(len(name))
        net = ResNet(backbone, rank, widths, 3)
        for key, t in [*net.named_parameters(), *net.named_buffers()]:
            if t.dim() == 1 and t.is_floating_point():  # of norms: another value for each, so that a mix-up shows
                low, high = (0.5, 1.5) if key.endswith(("weight", "var")) else (-0.3, 0.3)
                if key.endswith("bn3.weight" if BLOCKS[backbone][0] else "bn2.weight"):
                    low, high = 0.1, 0.4  # branches that add a little, or rounding grows from block to block
                t.data.uniform_(low, high)
        weights = {k: array(v).copy() for k, v in net.state_dict().items()}
        net.double()
        state = {k: v.clone() for k, v in net.state_dict().items()}
        for _ in range(20):
            x = torch.randn(size[0], 3, *size[1:]).double().requires_grad_(gradients)
            net.load_state_dict(state)
            with torch.no_grad():
                io = {"eval." + k: array(v) for k, v in net.eval()(x).items()}
            jumps.clear()
            y = net.train()(x)
            if min(jumps) > MARGIN or not gradients:
                break
        io["x"] = array(x).astype(np.float32)
        io.update({k: array(v) for k, v in y.items()})
        io.update({"after." + k: array(b) for k, b in net.named_buffers() if b.is_floating_point()})
        if gradients:
            dy = {k: torch.randn(v.shape).double() for k, v in y.items()}
            sum((v * dy[k]).sum() for k, v in y.items()).backward()
            io.update({"dy." + k: array(v).astype(np.float32) for k, v in dy.items()})
            io["grad.x"] = array(x.grad)
            io.update({"grad." + k: array(p.grad) for k, p in net.named_parameters() if not k.startswith("fc.")})
        case = os.path.join(folder, name)
        os.makedirs(case)
        save(case + "/weights.safetensors", weights)
        save(case + "/io.safetensors", io)
        with open(case + "/case.json", "w") as f:
            json.dump({"kind": "encoder", "backbone": backbone, "rank": rank, "in_channels": 3, "widths": widths}, f)


# ---- comparison

def compare(folder):
    """A line for every case; an error is relative to the tensor's largest value, at least 1e-3 of its group's."""
    for name in CASES:
        try:
            got = load(f"{folder}/{name}/out.safetensors")
        except OSError as error:
            print(f"FAILED: {name}: {error}")
            continue
        tolerance = 1e-9 if any(v.dtype == np.float64 for v in got.values()) else 1e-4
        want = {k: v for k, v in load(f"{folder}/{name}/io.safetensors").items() if k != "x" and not k.startswith("dy.")}
        largest, bad, worst = {}, [], 0
        for k, v in want.items():
            largest[k.split(".")[0]] = max(largest.get(k.split(".")[0], 0), np.abs(v).max())
        for k, v in want.items():
            if k not in got or got[k].shape != v.shape:
                bad.append(f"{k} is {'missing' if k not in got else got[k].shape}")
                continue
            error = np.abs(got[k] - v).max() / max(np.abs(v).max(), 1e-3 * largest[k.split(".")[0]])
            worst = max(worst, error)
            if not error <= tolerance:
                bad.append(f"{k} is off by {error:.1e}")
        if bad:
            print(f"FAILED: {name}: {len(bad)} of {len(want)} tensors: {'; '.join(bad[:5])}")
        else:
            print(f"ok: {name} agrees with PyTorch within {tolerance:g}: {len(want)} tensors, worst {worst:.1e}")


if __name__ == "__main__":
    {"make": make, "compare": compare}[sys.argv[1]](sys.argv[2])
