"""The OpenKBP challenge's scores in numpy, from their definition in words: tools/openkbp/dose_score.h.

python3 tests/openkbp_reference.py PATIENTS PREDICTIONS prints {"dose_score": ..., "dvh_score": ...} of the patients
(folders pt_N as distributed) for which there is PREDICTIONS/pt_N/dose.csv.  Nothing here is shared with the C++ code.
"""
import json
import os
import sys

import numpy as np

OARS = ["Brainstem", "SpinalCord", "RightParotid", "LeftParotid", "Esophagus", "Larynx", "Mandible"]
TARGETS = ["PTV56", "PTV63", "PTV70"]
VOXELS = 128**3


def sparse(path):
    """The rows of a file as (indices, values); the values of a mask are all 1."""
    index, value = [], []
    with open(path) as lines:
        next(lines)
        for line in lines:
            i, v = line.rstrip("\n").split(",")
            index.append(int(i))
            value.append(float(v) if v else 1.0)
    return np.array(index, dtype=np.int64), np.array(value)


def dense(path):
    index, value = sparse(path)
    volume = np.zeros(VOXELS)
    volume[index] = value
    return volume


def figures(folder, dose, voxel_mm3):
    """The DVH figures of a dose, by (structure, name); a structure without file has none."""
    out = {}
    for name in OARS + TARGETS:
        path = os.path.join(folder, name + ".csv")
        if not os.path.exists(path):
            continue
        inside = dose[sparse(path)[0]]
        if name in OARS:
            tenth_cc = np.maximum(1, np.round(100 / voxel_mm3))
            out[name, "D_0.1_cc"] = np.percentile(inside, max(0, 100 - 100 * tenth_cc / len(inside)))
            out[name, "mean"] = inside.mean()
        else:
            for figure, p in (("D_99", 1), ("D_95", 5), ("D_1", 99)):
                out[name, figure] = np.percentile(inside, p)
    return out


def main(patients, predictions):
    dose_errors, dvh_errors = [], []
    for name in sorted(os.listdir(patients)):
        folder, predicted = os.path.join(patients, name), os.path.join(predictions, name, "dose.csv")
        if not os.path.exists(predicted):
            continue
        truth, answer = dense(os.path.join(folder, "dose.csv")), dense(predicted)
        voxel_mm3 = np.prod(np.loadtxt(os.path.join(folder, "voxel_dimensions.csv")))
        possible = len(sparse(os.path.join(folder, "possible_dose_mask.csv"))[0])
        dose_errors.append(np.abs(truth - answer).sum() / possible)
        a, b = figures(folder, truth, voxel_mm3), figures(folder, answer, voxel_mm3)
        dvh_errors += [abs(a[key] - b[key]) for key in a]
    print(json.dumps({"patients": len(dose_errors), "dose_score": np.mean(dose_errors), "dvh_score": np.mean(dvh_errors)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
