"""metrics_peer.py RUN PREDICTIONS DATA: a run's figures of its test set against scikit-learn and SciPy.

Computed anew from the predictions in RUN/cases_test.csv: accuracy, sensitivity, specificity, F1, ROC AUC, average
precision, Brier score and calibration error, of classes that exclude each other and of yes and no.  From masks in
PREDICTIONS and in the dataset's folder DATA, given for a segmentation of pictures: Dice and distances between surfaces.
Prints a line of what was compared; the exit status is 1 where a figure is off by more than 1e-9 (of masks: 1e-6)."""
import csv
import glob
import json
import sys

import numpy as np
from scipy import ndimage
from sklearn import metrics

compared, wrong = 0, 0


def same(name, ours, theirs, allowed=1e-9):
    global compared, wrong
    ours = float("nan") if ours in (None, "") else float(ours)
    compared += 1
    if not (abs(ours - theirs) <= allowed or (np.isnan(ours) and np.isnan(theirs))):
        wrong += 1
        print(f"{name}: {ours}, expected {theirs}")


def defined(value, condition):
    return value() if condition else np.nan


def calibration_error(truth, probability):
    place = np.minimum((probability * 15).astype(int), 14)
    return sum(abs(probability[place == b].sum() - truth[place == b].sum()) for b in range(15)) / len(truth)


def yes_or_no(truth, answer, score):
    """Figures of one class: truth and answer are booleans; a larger score is rather a yes."""
    both = truth.any() and not truth.all()
    return {
        "sensitivity": defined(lambda: metrics.recall_score(truth, answer), truth.any()),
        "specificity": defined(lambda: metrics.recall_score(~truth, ~answer), not truth.all()),
        "f1": defined(lambda: metrics.f1_score(truth, answer, zero_division=0), truth.any() or answer.any()),
        "auc": defined(lambda: metrics.roc_auc_score(truth, score), both),
        "auprc": defined(lambda: metrics.average_precision_score(truth, score), truth.any()),
    }


def check_classes(task, figures, column):
    names = [key.split(".", 2)[2] for key in column if key.startswith(f"{task}.log_p.")]
    order = [key.split(".", 1)[1] for key in figures if key.startswith("sensitivity.")]
    assert sorted(names) == sorted(order), (names, order)
    p = np.exp(np.stack([column[f"{task}.log_p.{name}"] for name in order], 1))
    truth, answer = column[f"{task}.truth"].astype(int), column[f"{task}.predicted"].astype(int)
    macro = {}
    for c, name in enumerate(order):
        each = yes_or_no(truth == c, answer == c, p[:, c])
        each["brier"] = metrics.mean_squared_error(truth == c, p[:, c])
        each["ece"] = calibration_error(truth == c, p[:, c])
        for figure, value in each.items():
            same(f"{task} {figure}.{name}", figures.get(f"{figure}.{name}"), value)
            if not np.isnan(value):
                macro.setdefault(figure, []).append(value)
    macro = {figure: np.mean(values) for figure, values in macro.items()}
    macro["brier"] = np.mean(((p - np.eye(len(order))[truth]) ** 2).sum(1))
    macro["ece"] = calibration_error((truth == answer).astype(int), p[np.arange(len(p)), answer])
    macro["accuracy"] = metrics.accuracy_score(truth, answer)
    macro["balanced_accuracy"] = metrics.recall_score(truth, answer, average="macro", labels=np.unique(truth))
    for figure, value in macro.items():
        same(f"{task} {figure}", figures[figure], value)


def check_binary(task, figures, column, threshold):
    truth, logit = column[f"{task}.truth"] > 0.5, column[f"{task}.logit"]
    p = 1 / (1 + np.exp(-logit))
    each = yes_or_no(truth, logit > threshold, logit)  # at the threshold chosen on the validation set
    each["brier"] = metrics.brier_score_loss(truth, p)
    each["ece"] = calibration_error(truth, p)
    each["accuracy"] = metrics.accuracy_score(truth, logit > 0)
    each["balanced_accuracy"] = np.nanmean([yes_or_no(truth, logit > 0, logit)[k] for k in ("sensitivity", "specificity")])
    for figure, value in each.items():
        same(f"{task} {figure}", figures[figure], value)


def check_masks(task, ids, column, predictions, data):
    from PIL import Image

    def mask(path):  # "L" applies a palette
        return np.array(Image.open(path).convert("L")) > 127

    def surface(m):
        return m & ~ndimage.binary_erosion(m)

    for row, case in enumerate(ids):
        found = glob.glob(f"{data}/**/{case}_segmentation.png", recursive=True)
        p, t = mask(f"{predictions}/{case}_{task}.png"), mask(found[0])
        ours = {key.split(".", 1)[1]: values[row] for key, values in column.items() if key.startswith(task + ".")}
        if not p.any() or not t.any():
            continue  # a rule, not a distance: held in unit tests
        sp, st = surface(p), surface(t)
        there, back = ndimage.distance_transform_edt(~st)[sp], ndimage.distance_transform_edt(~sp)[st]
        all_of = np.concatenate([there, back])
        expected = {
            "hd95": max(np.percentile(there, 95), np.percentile(back, 95)), "assd": all_of.mean(),
            "nsd": (all_of <= 1).mean(), "volume_error": abs(int(p.sum()) - int(t.sum())) / t.sum(),
            "dice": metrics.f1_score(t.ravel(), p.ravel()), "iou": metrics.jaccard_score(t.ravel(), p.ravel()),
        }
        for figure, value in expected.items():
            same(f"{case} {figure}", ours[figure], value, 1e-6)


run, predictions, data = (sys.argv[1:] + ["", ""])[:3]
result = json.load(open(f"{run}/result.json"))
rows = list(csv.DictReader(open(f"{run}/cases_test.csv")))
column = {key: np.array([float(r[key]) if r[key] else np.nan for r in rows]) for key in rows[0] if key not in ("id", "group")}
for task, figures in result["test"].items():
    labelled = ~np.isnan(column.get(f"{task}.truth", np.zeros(len(rows))))
    if f"{task}.predicted" in column:
        check_classes(task, figures, {key: values[labelled] for key, values in column.items()})
    elif f"{task}.logit" in column:
        check_binary(task, figures, {key: values[labelled] for key, values in column.items()}, result["thresholds"][task][0])
    elif predictions:
        check_masks(task, [r["id"] for r in rows], column, predictions, data)
print(f"{compared} figures of {len(rows)} cases")
sys.exit(wrong > 0)
