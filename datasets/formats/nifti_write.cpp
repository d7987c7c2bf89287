// NIfTI writing.
#include <algorithm>
#include <cmath>
#include <optional>

#include "datasets/formats/nifti.h"
#include "datasets/formats/nifti_header.h"
#include "datasets/formats/voxels.h"
#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

int code_of(ScalarType type) {
  static constexpr int kCodes[] = {256, 2, 4, 512, 8, 768, 1024, 1280, 16, 64};  // in the order of ScalarType
  return kCodes[static_cast<int>(type)];
}

std::vector<std::int64_t> sizes_to_write(const Volume& v) {
  std::vector<std::int64_t> sizes{v.width(), v.height(), v.depth()};
  std::int64_t rest = 1;  // the file's own axes after the third, if they still fit
  for (std::size_t axis = 3; axis < v.file_shape.size(); ++axis) rest *= v.file_shape[axis];
  if (v.file_shape.size() > 3 && v.file_shape.size() <= 7 && rest == v.channels())
    sizes.insert(sizes.end(), v.file_shape.begin() + 3, v.file_shape.end());
  else if (v.channels() > 1)
    sizes.push_back(v.channels());
  else if (v.file_shape.size() == 2 && v.depth() == 1)
    sizes.pop_back();
  return sizes;
}

// (b, c, d) of the unit quaternion of a rotation; the largest of a, b, c, d is found first, from the diagonal.
Vec3 quaternion(const Mat3& r) {
  const double trace = r[0][0] + r[1][1] + r[2][2];
  std::array<double, 4> q;
  if (trace > 0) {
    const double a = 0.5 * std::sqrt(1 + trace);
    q = {a, (r[2][1] - r[1][2]) / (4 * a), (r[0][2] - r[2][0]) / (4 * a), (r[1][0] - r[0][1]) / (4 * a)};
  } else {
    std::size_t x = 0;
    for (std::size_t i = 1; i < 3; ++i)
      if (r[i][i] > r[x][x]) x = i;
    const std::size_t y = (x + 1) % 3, z = (x + 2) % 3;
    const double big = 0.5 * std::sqrt(std::max(0.0, 1 + r[x][x] - r[y][y] - r[z][z]));
    q[0] = (r[z][y] - r[y][z]) / (4 * big);
    q[1 + x] = big;
    q[1 + y] = (r[x][y] + r[y][x]) / (4 * big);
    q[1 + z] = (r[x][z] + r[z][x]) / (4 * big);
  }
  const double sign = q[0] < 0 ? -1 : 1;
  return {sign * q[1], sign * q[2], sign * q[3]};
}

// qform can hold rotation, mirror and steps, but no shear.
void set_qform(const Affine& affine, NiftiHeader* h) {
  Mat3 r = affine.direction();
  for (std::size_t a = 0; a < 3; ++a)
    for (std::size_t b = a; b < 3; ++b) {
      const double product = r[0][a] * r[0][b] + r[1][a] * r[1][b] + r[2][a] * r[2][b];
      if (std::abs(product - (a == b ? 1 : 0)) > 1e-5) return;
    }
  h->pixdim[0] = affine.determinant() < 0 ? -1 : 1;
  for (auto& row : r) row[2] *= h->pixdim[0];
  h->qform_code = h->sform_code;
  h->quatern = quaternion(r);
  h->qoffset = affine.origin();
}

NiftiHeader header_for(const Volume& v) {
  constexpr int kAligned = 2, kMillimetres = 2;
  NiftiHeader h;
  const std::vector<std::int64_t> sizes = sizes_to_write(v);
  h.dim.fill(1);
  h.dim[0] = static_cast<std::int64_t>(sizes.size());
  std::copy(sizes.begin(), sizes.end(), h.dim.begin() + 1);
  h.version = *std::max_element(sizes.begin(), sizes.end()) > 32767 ? 2 : 1;
  h.magic = h.version == 1 ? "n+1" : "n+2";
  h.datatype = code_of(v.stored);
  h.bitpix = static_cast<int>(8 * bytes_of(v.stored));
  h.vox_offset = h.version == 1 ? 352 : 544;
  h.scl_slope = v.slope;
  h.scl_inter = v.intercept;
  h.xyzt_units = kMillimetres;
  h.pixdim.fill(1);
  const Vec3 spacing = v.spacing();
  std::copy(spacing.begin(), spacing.end(), h.pixdim.begin() + 1);
  if (!v.unit.empty()) h.descrip = ("unit: " + v.unit).substr(0, 79);
  h.sform_code = kAligned;
  h.srow = v.affine.m;
  set_qform(v.affine, &h);
  return h;
}

}  // namespace

void write_nifti(const std::string& path, const Volume& volume) {
  const std::optional<NiftiPairName> pair = nifti_pair_name(path);
  NiftiHeader h = header_for(volume);
  if (pair) {
    h.magic[1] = 'i';
    h.vox_offset = 0;
  }
  // NIfTI-1 keeps slope and intercept as float: stored numbers must be computed with the values that a reader will
  // find.
  VoxelFormat format{volume.stored, false, true, h.scl_slope, h.scl_inter};
  if (h.version == 1) {
    format.slope = static_cast<float>(h.scl_slope);
    format.intercept = static_cast<float>(h.scl_inter);
  }
  const auto write_header = [&](const Sink& sink) {
    const std::string header = h.version == 1 ? pack_nifti1(h) : pack_nifti2(h);
    sink(header.data(), header.size());
  };
  const auto save = [&](const std::string& file, const auto& produce) {
    write_file(file, [&](const auto& write) {
      pack(path.ends_with(".gz") ? Packing::Gzip : Packing::None, 6, write, produce);
    });
  };
  if (pair) {  // the header last: without it the voxels do not count as a volume
    save(pair->stem + ".img" + pair->packing, [&](const Sink& sink) { write_voxels(volume, format, path, sink); });
    save(pair->stem + ".hdr" + pair->packing, write_header);
    return;
  }
  save(path, [&](const Sink& sink) {
    write_header(sink);
    write_voxels(volume, format, path, sink);
  });
}

}  // namespace medusa::datasets
