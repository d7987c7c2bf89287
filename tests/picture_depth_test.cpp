// A picture of 8 and of 16 bits, of the same content: the same to a network, and what is said of changed pictures.
#include "datasets/cases/picture_notes.h"
#include "datasets/cases/plan_toml.h"
#include "datasets/cases/scan.h"
#include "datasets/images/head.h"
#include "datasets/images/image.h"
#include "datasets/layouts/registry.h"
#include "tensor/file.h"
#include "tests/folder_fixture.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;
using test::options_for;
using test::TempFolder;

Image picture(std::int64_t channels, int bits) {
  Image image(12, 9, channels);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>((37 * i + i * i / 5) % 251);
    if (bits == 16) image.pixels16.push_back(static_cast<std::uint16_t>(257 * image.pixels[i]));
  }
  return image;
}

// Two cases, the same picture in 8 and in 16 bits; `lines` describe the input.
void write_cases(const TempFolder& folder, std::int64_t channels, const std::string& lines) {
  write_png(folder / "p8.png", picture(channels, 8));
  write_png(folder / "p16.png", picture(channels, 16));
  write_file(folder / "cases.csv", "case,photo,ill\na,p8.png,0\nb,p16.png,1\n");
  write_file(folder / "dataset.toml",
             "size = \"6x8\"\n[input.photo]\n" + lines + "\n[target.ill]\nkind = \"binary\"\n");
}

std::string note_of(const Dataset& dataset) { return fmt::format("{}", fmt::join(dataset.notes(), "|")); }

TEST_CASE("pictures: 8 and 16 bits of the same content are the same input, in training and prediction") {
  for (const char* numbers : {"", "window = [20, 200]", "mean = 120\nstd = 50", "normalise = \"case\"",
                              "window = [0, 4095]", "mean = 30000\nstd = 20000", "window = [0, 256]"})
    for (const std::int64_t has : {1, 2, 3, 4})
      for (const int wants : {1, 3}) {
        CAPTURE(std::string(numbers));
        CAPTURE(has);
        CAPTURE(wants);
        const TempFolder folder;
        write_cases(folder, has, fmt::format("channels = {}\n{}", wants, numbers));
        const auto dataset = open_dataset(options_for(folder.path, 0, 6, 8));
        const std::vector<real> eight = dataset->get(0).input.to_vector();
        CHECK(eight == dataset->get(1).input.to_vector());
        const CasePlan plan = read_description(parse_toml(dataset->description(), "run"), "run").plan;
        for (const char* file : {"p8.png", "p16.png"})
          CHECK(read_scan(plan, {folder / file}, {0, 6, 8}).input.to_vector() == eight);
      }
}

TEST_CASE("pictures: the numbers of window, mean and std are for 0 to 255, or to 65535 where one is beyond 256") {
  const TempFolder folder;
  const auto first = [&](const char* lines) {
    write_cases(folder, 1, lines);
    const auto dataset = open_dataset(options_for(folder.path, 0, 9, 12));
    return static_cast<double>(dataset->get(1).input.at(5));
  };
  const double value = picture(1, 8).pixels[5];
  CHECK(first("") == doctest::Approx(value / 255));
  CHECK(first("window = [0, 256]") == doctest::Approx(value / 256));
  CHECK(first("mean = 100\nstd = 10") == doctest::Approx((value - 100) / 10));
  CHECK(first("window = [0, 60000]") == doctest::Approx(257 * value / 60000));
}

TEST_CASE("pictures: colour that becomes grey, grey that becomes colour and other bits are said once, with a file") {
  const TempFolder folder;
  const auto note = [&](std::int64_t has, const char* lines) {
    write_cases(folder, has, lines);
    return note_of(*open_dataset(options_for(folder.path, 0, 6, 8)));
  };
  CHECK(note(1, "channels = 1").empty());
  CHECK(note(3, "channels = 3").empty());
  CHECK(note(4, "channels = 3").empty());
  for (const std::int64_t colour : {3, 4})
    CHECK(note(colour, "channels = 1") ==
          "input photo: 2 pictures in colour: made grey, as the network expects (the first: " + (folder / "p8.png") +
              ")");
  for (const std::int64_t grey : {1, 2})
    CHECK(contains(note(grey, "channels = 3"), "input photo: 2 pictures in grey: its three channels are equal"));
  CHECK(note(1, "window = [0, 200]") ==
        "input photo: 1 picture of 16 bits: values are divided by 257, since window, mean and std are for 0 to 255 "
        "(the first: " +
            (folder / "p16.png") + ")");
  CHECK(contains(note(1, "mean = 9000\nstd = 5000"), "1 picture of 8 bits: values are multiplied by 257"));
}

TEST_CASE("pictures: masks of 16 bits are read as those of 8") {
  const TempFolder folder;
  write_cases(folder, 1, "");
  Image mask(12, 9, 1);
  for (std::size_t i = 0; i < mask.pixels.size(); ++i) mask.pixels[i] = i % 5 == 0 ? 255 : 0;
  write_png(folder / "m0.png", mask);
  for (const int most : {1, 255, 65535}) {
    Image deep = mask;
    for (std::uint8_t v : mask.pixels) deep.pixels16.push_back(static_cast<std::uint16_t>(v ? most : 0));
    write_png(folder / fmt::format("m{}.png", most), deep);
  }
  write_file(folder / "cases.csv",
             "case,photo,spot\na,p8.png,m0.png\nb,p8.png,m1.png\nc,p8.png,m255.png\nd,p8.png,m65535.png\n");
  write_file(folder / "dataset.toml", "size = \"9x12\"\n[input.photo]\n[target.spot]\nkind = \"segmentation\"\n");
  const auto dataset = open_dataset(options_for(folder.path, 0, 9, 12));
  const std::vector<real> first = dataset->get(0).targets[0].value.to_vector();
  for (std::int64_t i = 1; i < 4; ++i) CHECK(dataset->get(i).targets[0].value.to_vector() == first);
}

TEST_CASE("pictures: what is drawn on one of 16 bits is seen") {
  for (const std::int64_t channels : {1, 2, 3, 4}) {
    CHECK(encode_png(to_rgb(picture(channels, 16))) == encode_png(to_rgb(picture(channels, 8))));
    CHECK(encode_png(to_grey(picture(channels, 16))) == encode_png(to_grey(picture(channels, 8))));
  }
}

TEST_CASE("masks and labels from files of 8 and 16 bits, with 0 and 1 or 0 and 255") {
  const TempFolder folder;
  const auto file = [&](std::vector<std::uint16_t> values, int bits) {
    Image image(static_cast<std::int64_t>(values.size()), 1, 1);
    for (std::size_t i = 0; i < values.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(values[i]);
    if (bits == 16) image.pixels16 = values;
    write_png(folder / "m.png", image);
    return folder / "m.png";
  };
  using Pixels = std::vector<std::uint8_t>;
  const Pixels expected{0, 255, 255, 0};
  for (const int bits : {8, 16})
    for (const std::uint16_t inside : {1, 255}) CHECK(read_mask(file({0, inside, inside, 0}, bits)).pixels == expected);
  CHECK(read_mask(file({0, 65535, 65535, 0}, 16)).pixels == expected);
  CHECK(read_mask(file({0, 0, 0}, 16)).pixels == Pixels{0, 0, 0});
  CHECK(read_mask(file({0, 130, 20}, 8)).pixels == Pixels{0, 130, 20});
  for (const int bits : {8, 16})
    CHECK(contains(input_error([&] {
                     read_mask(file({0, 2}, bits));
                   }),
                   "m.png: holds values up to 2, expected 0 and 255"));
  for (const int bits : {8, 16}) CHECK(read_labels(file({0, 3, 2}, bits)).pixels == Pixels{0, 3, 2});
}

TEST_CASE("image head: what a file holds, without decoding it") {
  const TempFolder folder;
  const auto head = [&](const std::string& bytes) {
    write_file(folder / "p", bytes);
    return read_image_head(folder / "p");
  };
  for (const int bits : {8, 16})
    for (const std::int64_t channels : {1, 2, 3, 4}) {
      const auto png = head(encode_png(picture(channels, bits)));
      REQUIRE(png);
      CHECK(png->colour == (channels > 2));
      CHECK(png->bits == bits);
    }
  for (const std::int64_t channels : {1, 3}) {
    const std::string bytes = encode_jpeg(picture(channels, 8), 80);
    REQUIRE(head(bytes));
    CHECK(head(bytes)->colour == (channels == 3));
    // Behind a long comment.
    std::string longer = bytes.substr(0, 2);
    longer += std::string("\xff\xff\xfe\xff\xff", 5);
    longer += std::string(0xFFFD, '\xff');
    longer += bytes.substr(2);
    REQUIRE(head(longer));
    CHECK(head(longer)->colour == (channels == 3));
    for (std::size_t cut = 0; cut < 150; ++cut) head(bytes.substr(0, cut));
  }
  CHECK(!head("II*\0 a TIFF"));
  CHECK(!head(""));
  CHECK(!read_image_head(folder / "none"));
  CHECK(!read_image_head(folder.path));
}

}  // namespace
}  // namespace medusa::datasets
