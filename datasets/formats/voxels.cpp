#include "datasets/formats/voxels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "tensor/check.h"

namespace medusa::datasets {
namespace {

constexpr std::int64_t kBlock = 32;
constexpr std::int64_t kPiece = 1 << 16;  // numbers at a time: they stay in the cache between unpacking and converting

template <std::size_t Bytes>
using Unsigned = std::conditional_t<
    Bytes == 1, std::uint8_t,
    std::conditional_t<Bytes == 2, std::uint16_t, std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>>>;

template <class T, bool kSwap>
T load(const unsigned char* from) {
  Unsigned<sizeof(T)> bits;
  std::memcpy(&bits, from, sizeof(T));
  if constexpr (kSwap && sizeof(T) == 2) bits = __builtin_bswap16(bits);
  if constexpr (kSwap && sizeof(T) == 4) bits = __builtin_bswap32(bits);
  if constexpr (kSwap && sizeof(T) == 8) bits = __builtin_bswap64(bits);
  return std::bit_cast<T>(bits);
}

// True if `made`, the real made from `number`, is a different number.
template <class T>
bool differs(T number, real made) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(made) != number && number == number;
  } else {
    const double value = static_cast<double>(made);  // a whole number; only those within T may be turned into one
    const double least = static_cast<double>(std::numeric_limits<T>::lowest());
    const double end = 2.0 * static_cast<double>(std::numeric_limits<T>::max() / 2 + 1);
    return !(value >= least && value < end) || static_cast<T>(value) != number;
  }
}

template <class T>
constexpr bool kAlwaysExact = sizeof(T) <= 2 || std::is_same_v<T, float> || std::is_same_v<T, real>;

struct Converter {
  double slope, intercept;
  bool scaled;
  std::int64_t rounded = 0;
  double beyond = 0;  // a value that became infinite

  // Every `step`-th of `to` becomes one of n numbers.
  template <class T, bool kSwap>
  void convert(const unsigned char* from, std::int64_t n, real* to, std::int64_t step) {
    if (!scaled) {
      std::int64_t done = 0;
      if (step == 1)  // blocks of a fixed size become vector instructions
        for (; done + kBlock <= n; done += kBlock)
          for (std::int64_t i = done; i < done + kBlock; ++i)
            to[i] = static_cast<real>(load<T, kSwap>(from + i * sizeof(T)));
      for (std::int64_t i = done; i < n; ++i) to[i * step] = static_cast<real>(load<T, kSwap>(from + i * sizeof(T)));
    } else {
      for (std::int64_t i = 0; i < n; ++i) {
        const double number = static_cast<double>(load<T, kSwap>(from + i * sizeof(T)));
        to[i * step] = static_cast<real>(number * slope + intercept);
      }
    }
    if constexpr (!kAlwaysExact<T>) {
      for (std::int64_t i = 0; i < n; ++i) {
        const T number = load<T, kSwap>(from + i * sizeof(T));
        rounded += !scaled && differs(number, to[i * step]);
        if (std::isinf(to[i * step]) && std::isfinite(static_cast<double>(number)))
          beyond = static_cast<double>(number);
      }
    }
  }
  void convert(const VoxelFormat& format, const unsigned char* from, std::int64_t n, real* to, std::int64_t step) {
    const bool swap = format.big_endian != (std::endian::native == std::endian::big);
    with_type(format.type, [&](auto zero) {
      using T = decltype(zero);
      if (swap)
        convert<T, true>(from, n, to, step);
      else
        convert<T, false>(from, n, to, step);
    });
  }
};

template <class T>
void put(double number, unsigned char* to) {
  auto bits = std::bit_cast<Unsigned<sizeof(T)>>(static_cast<T>(number));
  for (std::size_t b = 0; b < sizeof(T); ++b, bits = static_cast<decltype(bits)>(sizeof(T) > 1 ? bits >> 8 : 0))
    to[b] = static_cast<unsigned char>(bits & 255);
}

// The number of type T to store for a value.
template <class T>
double number_for(double value, const VoxelFormat& format, const std::string& name) {
  const double number = format.slope == 1 && format.intercept == 0 ? value : (value - format.intercept) / format.slope;
  if constexpr (std::is_floating_point_v<T>) {
    return number;
  } else {
    const double whole = std::nearbyint(number);
    MEDUSA_CHECK_INPUT(whole >= lowest(format.type) && whole <= highest(format.type),
                       "{}: value {} does not fit into {}; use another type, such as float32", name, value,
                       datasets::name(format.type));
    return whole;
  }
}

}  // namespace

std::int64_t checked_product(const std::vector<std::int64_t>& sizes, const std::string& name) {
  std::int64_t n = 1;
  for (std::int64_t size : sizes) {
    MEDUSA_CHECK_INPUT(size >= 1, "{}: claims sizes {}, expected 1 or more each", name, fmt::join(sizes, " x "));
    MEDUSA_CHECK_INPUT(size <= Shape::kMaxNumel / n, "{}: claims {} voxels, more than memory could hold", name,
                       fmt::join(sizes, " x "));
    n *= size;
  }
  return n;
}

void read_voxels(ByteStream& stream, const VoxelFormat& format, const Shape& shape, Volume* volume) {
  const std::int64_t numel = shape.numel(), channels = shape[-1];
  const std::size_t size = bytes_of(format.type);
  MEDUSA_CHECK_INPUT(static_cast<std::size_t>(numel) <= stream.most() / size,
                     "{}: ends too early: claims {} voxels of {}, {} bytes, but at most {} are left", stream.name(),
                     fmt::join(std::vector<std::int64_t>{shape[2], shape[1], shape[0], shape[3]}, " x "),
                     name(format.type), static_cast<std::size_t>(numel) * size, stream.most());
  volume->values = Tensor::empty(shape);
  volume->stored = format.type;
  volume->slope = format.slope;
  volume->intercept = format.intercept;
  Converter converter{format.slope, format.intercept, format.slope != 1 || format.intercept != 0};
  real* to = volume->values.mutable_data();
  std::vector<unsigned char> piece(static_cast<std::size_t>(std::min(numel, kPiece)) * size);
  const std::int64_t planes = format.planar ? channels : 1, each = numel / planes;
  for (std::int64_t plane = 0; plane < planes; ++plane)
    for (std::int64_t at = 0; at < each; at += kPiece) {
      const std::int64_t n = std::min(kPiece, each - at);
      stream.read(piece.data(), static_cast<std::size_t>(n) * size, "voxels");
      converter.convert(format, piece.data(), n, to + (planes > 1 ? plane + at * channels : at), planes);
    }
  MEDUSA_CHECK_INPUT(converter.beyond == 0, "{}: value {} is beyond the largest number of this build, {}",
                     stream.name(), converter.beyond, static_cast<double>(std::numeric_limits<real>::max()));
  volume->rounded = converter.rounded;
}

void write_voxels(const Volume& volume, const VoxelFormat& format, const std::string& name, const Sink& sink) {
  const std::int64_t numel = volume.values.numel(), channels = volume.channels();
  const std::int64_t planes = format.planar ? channels : 1, each = planes > 0 ? numel / planes : 0;
  const std::size_t size = bytes_of(format.type);
  const real* from = volume.values.data();
  std::vector<unsigned char> piece(static_cast<std::size_t>(kPiece) * size);
  with_type(format.type, [&](auto zero) {
    using T = decltype(zero);
    for (std::int64_t plane = 0; plane < planes; ++plane)
      for (std::int64_t at = 0; at < each; at += kPiece) {
        const std::int64_t n = std::min(kPiece, each - at);
        const real* start = from + (planes > 1 ? plane + at * channels : at);
        for (std::int64_t i = 0; i < n; ++i)
          put<T>(number_for<T>(static_cast<double>(start[i * planes]), format, name),
                 &piece[static_cast<std::size_t>(i) * size]);
        sink(piece.data(), static_cast<std::size_t>(n) * size);
      }
  });
}

ScalarType unscaled_type(const Volume& volume) {
  if (volume.slope == 1 && volume.intercept == 0) return volume.stored;
  return sizeof(real) == 8 ? ScalarType::Float64 : ScalarType::Float32;
}

std::vector<double> read_doubles(ByteStream& stream, ScalarType type, bool big_endian, std::size_t n) {
  const std::size_t size = bytes_of(type);
  MEDUSA_CHECK_INPUT(n <= stream.most() / size, "{}: ends too early: it cannot hold {} numbers", stream.name(), n);
  std::vector<unsigned char> bytes(n * size);
  stream.read(bytes.data(), bytes.size(), "numbers");
  std::vector<double> values(n);
  const bool swap = big_endian != (std::endian::native == std::endian::big);
  with_type(type, [&](auto zero) {
    using T = decltype(zero);
    for (std::size_t i = 0; i < n; ++i)
      values[i] = static_cast<double>(swap ? load<T, true>(&bytes[i * size]) : load<T, false>(&bytes[i * size]));
  });
  return values;
}

}  // namespace medusa::datasets
