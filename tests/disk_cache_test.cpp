// The cache on disk: kept, found, and made anew where a source, the recipe or a single byte is another.
#include "datasets/disk_cache.h"

#include <chrono>
#include <thread>

#include "datasets/layouts/registry.h"
#include "datasets/phantoms/phantom.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;
using test::runtime_error;
using test::save;
using test::slurp;
using test::TempFolder;

TEST_CASE("disk cache: found again; another source, recipe or byte is made anew") {
  const TempFolder folder;
  save(folder / "a", "source");
  const DiskCache cache(folder / "kept");
  int made = 0;
  const auto get = [&](const std::string& recipe = "half", const std::string& content = "content") {
    return cache.get("one", recipe, {folder / "a", folder / "b"}, [&] {
      ++made;
      return content;
    });
  };
  CHECK(get() == "content");
  CHECK(get("half", "never asked") == "content");
  CHECK(made == 1);
  CHECK(get("third", "other") == "other");  // beside the first
  CHECK(get("third", "never asked") == "other");
  CHECK(get() == "content");
  CHECK(made == 2);

  fs::last_write_time(folder / "a", fs::last_write_time(folder / "a") + std::chrono::seconds(1));
  CHECK(get("half", "by time") == "by time");
  save(folder / "a", "longer source");
  CHECK(get("half", "by size") == "by size");
  save(folder / "b", "now it is there");
  CHECK(get("half", "by presence") == "by presence");
  CHECK(made == 5);
  CHECK(get() == "by presence");

  // Any byte of the file, and any length.
  const std::string path = cache.file("one", "half"), good = slurp(path);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    save(path, bad);
    REQUIRE(get("half", "made anew") == "made anew");
    save(path, good.substr(0, at));
    REQUIRE(get("half", "made anew") == "made anew");
  }
  save(path, good + "x");
  CHECK(get("half", "made anew") == "made anew");
  save(path, good);
  made = 0;
  CHECK(get() == "by presence");
  CHECK(made == 0);
}

TEST_CASE("disk cache: without a folder nothing is kept; a folder that cannot be is named; many threads") {
  const TempFolder folder;
  CHECK_FALSE(DiskCache("").on());
  CHECK(DiskCache("").get("a", "r", {}, [] { return std::string("1"); }) == "1");
  save(folder / "file", "");
  CHECK(test::contains(
      runtime_error([&] { DiskCache(folder / "file/kept").get("a", "r", {}, [] { return std::string("1"); }); }),
      "file/kept"));
  const DiskCache cache(folder / "kept");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i)
        (void)cache.get(std::to_string(i), "r", {}, [&] { return std::string(1000, static_cast<char>('a' + i)); });
    });
  for (std::thread& t : threads) t.join();
  for (int i = 0; i < 20; ++i)
    CHECK(cache.get(std::to_string(i), "r", {}, [] { return std::string("lost"); }) ==
          std::string(1000, static_cast<char>('a' + i)));
}

TEST_CASE("disk cache: packed numbers come back; what is no pack is refused") {
  Packer p;
  p.put(7);
  p.put(std::vector<float>{1, 2.5f});
  p.put(std::vector<std::uint16_t>{});
  const std::string bytes = p.bytes();
  const auto read = [](const std::string& from) {
    int n = 0;
    std::vector<float> f;
    std::vector<std::uint16_t> u;
    Unpacker q(from);
    q.get(&n);
    q.get(&f);
    q.get(&u);
    CHECK(q.done());
    CHECK(n == 7);
    CHECK(f == std::vector<float>{1, 2.5f});
    CHECK(u.empty());
  };
  read(bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    CHECK(test::contains(runtime_error([&] { read(bytes.substr(0, n)); }), "cache: "));
}

}  // namespace
}  // namespace medusa::datasets
