#include "datasets/dicom/series.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr double kSame = 0.01;       // mm: closer than that is the same position
constexpr double kUneven = 0.1;      // of the step: more is not the same step
constexpr double kRounding = 0.101;  // mm: what positions rounded to a tenth of a mm do to a step ...
constexpr double kMostUneven = 0.3;  // ... of thin slices
constexpr double kTilt = 0.2;        // degrees
constexpr std::int64_t kMostMissing = 1000;

double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Vec3 minus(const Vec3& a, const Vec3& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
double length(const Vec3& a) { return std::sqrt(dot(a, a)); }

struct Placed {
  DicomSlice slice;
  double at = 0;  // mm along the normal
};

const DicomFrame& frame_of(const std::vector<DicomHeader>& headers, const DicomSlice& s) {
  return headers[s.file].frames[s.frame];
}

std::string name_of(const std::vector<DicomHeader>& headers, const DicomSlice& s) {
  const DicomHeader& h = headers[s.file];
  return h.frames.size() == 1 ? h.path : fmt::format("{} (frame {})", h.path, s.frame + 1);
}

// All frames must have the same grid, at different positions.
void check_alike(const std::vector<DicomHeader>& headers) {
  const DicomHeader& first = headers[0];
  const DicomPlane& a = first.frames[0].plane;
  for (const DicomHeader& h : headers) {
    MEDUSA_CHECK_INPUT(h.rows == first.rows && h.columns == first.columns,
                       "{}: has {} x {} pixels, and {} of the same series has {} x {}", h.path, h.rows, h.columns,
                       first.path, first.rows, first.columns);
    for (const DicomFrame& f : h.frames) {
      const DicomPlane& b = f.plane;
      MEDUSA_CHECK_INPUT(std::abs(a.row_spacing - b.row_spacing) <= 1e-3 * a.row_spacing &&
                             std::abs(a.column_spacing - b.column_spacing) <= 1e-3 * a.column_spacing,
                         "{}: has a pixel spacing of {} x {} mm, and {} of the same series has {} x {}", h.path,
                         b.row_spacing, b.column_spacing, first.path, a.row_spacing, a.column_spacing);
      MEDUSA_CHECK_INPUT(length(minus(a.row, b.row)) < 1e-3 && length(minus(a.column, b.column)) < 1e-3,
                         "{}: has a different orientation from {} of the same series", h.path, first.path);
    }
  }
}

std::vector<Placed> sorted(const std::vector<DicomHeader>& headers) {
  std::vector<Placed> placed;
  const Vec3 normal = headers[0].frames[0].plane.normal();
  for (std::size_t h = 0; h < headers.size(); ++h)
    for (std::size_t f = 0; f < headers[h].frames.size(); ++f)
      placed.push_back({{h, f, false}, dot(headers[h].frames[f].plane.position, normal)});
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.at < b.at; });
  return placed;
}

// Moves slices at the same position as the one before to `doubles`.
std::vector<Placed> without_doubles(const std::vector<Placed>& placed, DicomStack& stack) {
  std::vector<Placed> kept;
  for (const Placed& p : placed) {
    if (kept.empty() || p.at - kept.back().at > kSame) {
      kept.push_back(p);
      continue;
    }
    stack.doubles.push_back(p.slice);
    stack.of.push_back(kept.size() - 1);
  }
  return kept;
}

double median_step(const std::vector<Placed>& placed) {
  std::vector<double> steps;
  for (std::size_t i = 1; i < placed.size(); ++i) steps.push_back(placed[i].at - placed[i - 1].at);
  std::nth_element(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>((steps.size() - 1) / 2), steps.end());
  return steps[(steps.size() - 1) / 2];
}

// Inserts a placeholder for each missing slice and updates `of`.
std::vector<Placed> with_missing(const std::vector<DicomHeader>& headers, const std::vector<Placed>& placed,
                                 bool fill_gaps, DicomStack& stack) {
  const double step = median_step(placed);
  std::vector<Placed> all{placed[0]};
  std::vector<std::size_t> moved{0};
  for (std::size_t i = 1; i < placed.size(); ++i) {
    const double gap = placed[i].at - placed[i - 1].at, steps = gap / step;
    const double whole = std::round(steps);
    const std::string between =
        fmt::format("{} and {}", name_of(headers, placed[i - 1].slice), name_of(headers, placed[i].slice));
    MEDUSA_CHECK_INPUT(
        whole >= 1 && std::abs(steps - whole) <= std::max(kUneven, std::min(kMostUneven, kRounding / step)),
        "{}: lie {:.4g} mm apart, and most slices {:.4g} mm: the spacing is uneven", between, gap, step);
    const auto missing = static_cast<std::int64_t>(std::min(whole - 1, 1e9));
    if (missing > 0) {
      const std::string what = fmt::format("{} slice{} missing between {} ({:.4g} mm apart, the others {:.4g})",
                                           missing, missing == 1 ? " is" : "s are", between, gap, step);
      MEDUSA_CHECK_INPUT(fill_gaps && missing <= kMostMissing, "{}{}", what,
                         fill_gaps ? "" : "; --fill-gaps makes them from their neighbours");
      stack.notes.push_back(what + ": made from their neighbours");
    }
    for (std::int64_t m = 1; m <= missing; ++m)
      all.push_back({{0, 0, true}, placed[i - 1].at + gap * static_cast<double>(m) / whole});
    moved.push_back(all.size());
    all.push_back(placed[i]);
  }
  for (std::size_t& of : stack.of) of = moved[of];
  return all;
}

// From slice to slice, mm, LPS+.
Vec3 step_between(const std::vector<DicomHeader>& headers, const std::vector<Placed>& all, DicomStack& stack) {
  const DicomFrame& first = frame_of(headers, all[0].slice);
  if (all.size() == 1) {
    if (!(first.thickness > 0)) stack.notes.push_back("a single slice without a thickness: 1 mm is assumed");
    Vec3 step = first.plane.normal();
    for (double& v : step) v *= first.thickness > 0 ? first.thickness : 1;
    return step;
  }
  Vec3 step = minus(frame_of(headers, all.back().slice).plane.position, first.plane.position);
  for (double& v : step) v /= static_cast<double>(all.size() - 1);
  return step;
}

// Each slice must lie on the line from the first to the last.
void check_line(const std::vector<DicomHeader>& headers, const std::vector<Placed>& all, const Vec3& step) {
  const Vec3& origin = frame_of(headers, all[0].slice).plane.position;
  const double tolerance = std::max(0.1, kUneven * length(step));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].slice.missing) continue;
    const Vec3& p = frame_of(headers, all[i].slice).plane.position;
    Vec3 off;
    for (std::size_t c = 0; c < 3; ++c) off[c] = p[c] - origin[c] - static_cast<double>(i) * step[c];
    MEDUSA_CHECK_INPUT(length(off) <= tolerance, "{}: lies {:.3g} mm off the line of the other slices",
                       name_of(headers, all[i].slice), length(off));
  }
}

void note_tilt(const Vec3& step, const Vec3& normal, DicomStack& stack) {
  const double cosine = std::min(1.0, std::abs(dot(step, normal)) / length(step));
  const double degrees = std::acos(cosine) * 180 / std::acos(-1.0);
  if (degrees < kTilt) return;
  stack.notes.push_back(fmt::format(
      "the gantry was tilted by {:.1f} degrees: the volume's axes are not perpendicular (its affine is sheared)",
      degrees));
}

}  // namespace

DicomStack stack_dicom(const std::vector<DicomHeader>& headers, bool fill_gaps) {
  DicomStack stack;
  check_alike(headers);
  std::vector<Placed> all = without_doubles(sorted(headers), stack);
  if (all.size() > 1) all = with_missing(headers, all, fill_gaps, stack);
  const Vec3 step = step_between(headers, all, stack);
  check_line(headers, all, step);
  const DicomPlane& plane = frame_of(headers, all[0].slice).plane;
  note_tilt(step, plane.normal(), stack);
  Affine lps;
  for (std::size_t c = 0; c < 3; ++c)
    lps.m[c] = {plane.row[c] * plane.column_spacing, plane.column[c] * plane.row_spacing, step[c], plane.position[c]};
  stack.affine = flip_xy(lps);
  for (const Placed& p : all) stack.slices.push_back(p.slice);
  return stack;
}

}  // namespace medusa::datasets
