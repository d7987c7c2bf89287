// A case's labels on the grid that the network sees.
#include <algorithm>
#include <cmath>

#include "datasets/cases/reader.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

std::size_t place(std::int64_t i) { return static_cast<std::size_t>(i); }

class LabelReader {
 public:
  explicit LabelReader(CaseReader& reader) : reader_(reader) {}

  Case::Label read(const CaseTarget& target, const CaseLabel& from) {
    Case::Label to;
    to.present = from.present();
    if (!to.present || !target.info.traits().pixel_level) return to;
    if (target.info.traits().channel_mask) {
      for (const std::string& file : from.files)
        reader_.attempt([&] {
          to.maps.push_back(file.empty() ? std::vector<std::uint16_t>(place(reader_.voxels()))
                                         : structure(yes_or_no(file)));
          to.outlined.push_back(!file.empty());  // a mask of zeros says that the structure is not there
        });
      return to;
    }
    std::optional<Volume> mask;  // where labels count, besides inside the volume
    reader_.attempt([&] {
      if (!from.mask.empty()) mask = yes_or_no(from.mask);
    });
    reader_.attempt([&] {
      if (target.info.traits().in_units)
        to.values = amounts(target, from.files[0], mask);
      else
        to.maps = {classes(target, from.files[0])};
      const std::vector<std::uint16_t> counts = mask ? structure(*mask) : whole_numbers(reader_.inside());
      if (std::find(counts.begin(), counts.end(), 0) != counts.end()) to.mask = counts;
    });
    return to;
  }

 private:
  static std::vector<std::uint16_t> whole_numbers(const Volume& v) {
    std::vector<std::uint16_t> out;
    for (std::int64_t i = 0; i < v.values.numel(); ++i) out.push_back(static_cast<std::uint16_t>(v.values.data()[i]));
    return out;
  }

  // One channel of labels.  Three equal channels of a picture count as one.
  Volume labels_of(const std::string& name) {
    Volume v = reader_.load(name);
    if (v.channels() == 1) return v;
    const real* x = v.values.data();
    const std::int64_t channels = v.channels(), colours = std::min<std::int64_t>(channels, channels == 2 ? 1 : 3);
    Volume out = v;
    out.values = Tensor::empty({v.depth(), v.height(), v.width(), 1});
    for (std::int64_t i = 0; i < out.values.numel(); ++i, x += channels) {
      for (std::int64_t c = 1; c < colours; ++c)
        MEDUSA_CHECK_INPUT(x[c] == x[0], "{}: is in colour, expected class numbers", name);
      out.values.mutable_data()[i] = x[0];
    }
    return out;
  }

  // 0 and 1 from a file of 0 and 1, or 0 and 255 (65535 in a picture of 16 bits).
  Volume yes_or_no(const std::string& name) {
    Volume v = labels_of(name);
    Volume out = v;
    out.values = Tensor::empty(v.values.shape());
    for (std::int64_t i = 0; i < v.values.numel(); ++i) {
      const real x = v.values.data()[i];
      const bool most = x == 65535 && v.file_shape.empty();
      MEDUSA_CHECK_INPUT(x == 0 || x == 1 || x == 255 || most, "{}: holds {}, expected 0 and 1 or 0 and 255", name, x);
      out.values.mutable_data()[i] = x == 0 ? real(0) : real(1);
    }
    return out;
  }

  // A structure too small for the coarser grid is set wherever any of it was.
  std::vector<std::uint16_t> structure(const Volume& v) {
    std::vector<std::uint16_t> map = whole_numbers(reader_.fit(v, Content::Labels, 0));
    if (std::find(map.begin(), map.end(), 1) != map.end()) return map;
    const Tensor share = reader_.fit(v, Content::Amounts, 0).values;
    for (std::size_t i = 0; i < map.size(); ++i) map[i] = share.data()[i] > 0 ? 1 : 0;
    return map;
  }

  std::vector<std::uint16_t> classes(const CaseTarget& target, const std::string& name) {
    if (target.info.channels == 1 && target.values.empty()) return structure_like(name);
    const Volume v = labels_of(name);
    Volume out = v;
    out.values = Tensor::empty(v.values.shape());
    const std::vector<double> values = target.class_numbers();
    for (std::int64_t i = 0; i < v.values.numel(); ++i) {
      const auto found = std::find(values.begin(), values.end(), static_cast<double>(v.values.data()[i]));
      MEDUSA_CHECK_INPUT(found != values.end(), "{}: holds {}, expected the numbers of {} classes: {}", name,
                         v.values.data()[i], values.size(), fmt::join(values, ", "));
      out.values.mutable_data()[i] = static_cast<real>(found - values.begin());
    }
    return whole_numbers(reader_.fit(out, Content::Labels, 0));
  }
  std::vector<std::uint16_t> structure_like(const std::string& name) {
    return whole_numbers(reader_.fit(yes_or_no(name), Content::Labels, 0));
  }

  // Where the mask is 0 a value that is NaN or infinite becomes 0: nobody asks for it.
  static Tensor finite_outside(const Tensor& values, const Tensor& mask) {
    const std::int64_t channels = values.numel() / mask.numel();
    Tensor out = values.clone();
    real* v = out.mutable_data();
    for (std::int64_t i = 0; i < values.numel(); ++i)
      if (mask.data()[i / channels] == 0 && !std::isfinite(v[i])) v[i] = 0;
    return out;
  }

  // Amounts: the mean over what counts, so that the edge of a mask is not diluted with what lies outside.
  std::vector<std::vector<real>> amounts(const CaseTarget& target, const std::string& file,
                                         const std::optional<Volume>& mask) {
    Volume v = reader_.load(file);
    const std::int64_t channels = target.info.channels;
    MEDUSA_CHECK_INPUT(v.channels() == channels, "{}: has {} channels, expected {}", file, v.channels(), channels);
    if (mask) v.values = finite_outside(v.values, mask->values);
    check_finite(v, file);
    reader_.note_range(target.info.name, target.info.unit, file, v);
    Volume counted = v;
    Volume share = reader_.inside();
    if (mask) {
      counted.values = v.values.clone();
      for (std::int64_t i = 0; i < v.values.numel(); ++i)
        if (mask->values.data()[i / channels] == 0) counted.values.mutable_data()[i] = 0;
      share = reader_.fit(*mask, Content::Amounts, 0);
    }
    const Tensor sum = reader_.fit(counted, Content::Amounts, 0).values;
    std::vector<std::vector<real>> out(place(channels));
    for (std::int64_t i = 0; i < sum.numel(); ++i) {
      const double weight = static_cast<double>(share.values.data()[i / channels]);
      const double value = weight > 0 ? static_cast<double>(sum.data()[i]) / weight : 0;
      out[place(i % channels)].push_back(static_cast<real>(value / target.info.scale));
    }
    return out;
  }

  CaseReader& reader_;
};

}  // namespace

std::vector<double> CaseTarget::class_numbers() const {
  if (!values.empty()) return values;
  std::vector<double> numbers;
  for (std::int64_t k = 0; k < std::max<std::int64_t>(info.channels, 2); ++k) numbers.push_back(static_cast<double>(k));
  return numbers;
}

bool CaseLabel::present() const {
  return !numbers.empty() || std::any_of(files.begin(), files.end(), [](const std::string& f) { return !f.empty(); });
}

Case::Label read_label(CaseReader& reader, const CaseTarget& target, const CaseLabel& from) {
  return LabelReader(reader).read(target, from);
}

}  // namespace medusa::datasets
