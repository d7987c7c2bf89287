// Tables of cases as people have them: what is read as it is meant, and what is refused instead of passed over.
#include <doctest/doctest.h>

#include "datasets/label_notes.h"
#include "datasets/layouts/registry.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::datasets;
using namespace medusa::test;

namespace {

constexpr const char* kImages = R"(size = "4x4x4"
[input.ct]
[target.grade]
kind = "classification"
classes = ["0", "1", "High"]
[target.ill]
kind = "binary"
only_if = "asked"
[target.age]
kind = "scalar"
)";
constexpr const char* kHead = "case,split,ct,grade,asked,ill,age\n";

struct Tables {
  TempFolder folder;
  Tables() {
    write_volumes(folder);
    save(folder / "dataset.toml", kImages);
  }
  std::shared_ptr<const Dataset> open(const std::string& table) const {
    save(folder / "cases.csv", table);
    return open_dataset(options_for(folder.path, 4, 4, 4));
  }
  std::string refused(const std::string& table) const {
    const std::string error = input_error([&] { open(table); }), file = folder / "cases.csv";
    return error.starts_with(file) ? error.substr(file.size()) : error;
  }
};

// The number of an image-level label; -1: there is none.
double label(const Dataset& dataset, std::int64_t index, std::size_t target) {
  const Sample s = dataset.get(index);
  return s.targets[target].value ? static_cast<double>(s.targets[target].value.at(0)) : -1;
}

}  // namespace

TEST_CASE("table: 1.0, TRUE, NA, upper case and blanks mean what people mean by them") {
  const Tables t;
  const std::string head = kHead;
  const auto d = t.open(head +
                        "a,Train,a/ct.nii.gz,0.0,1,1.0,30\n"
                        "b, TRAINING ,a/ct.nii.gz,high,yes,TRUE,31.0\n"
                        "c,Valid,a/ct.nii.gz,NA,True,False,NaN\n"
                        "d,val,a/ct.nii.gz,1,FALSE,,N/A\n"
                        "e,Test,a/ct.nii.gz,1.0,,,\n"
                        ",,,,,,\n");
  REQUIRE(d->size() == 5);
  const std::vector<std::string> parts{"train", "train", "validation", "validation", "test"};
  const std::vector<double> grade{0, 2, -1, 1, 1}, ill{1, 1, 0, -1, -1}, age{30, 31, -1, -1, -1};
  for (std::int64_t i = 0; i < 5; ++i) {
    INFO(i);
    CHECK(d->part(i) == parts[static_cast<std::size_t>(i)]);
    CHECK(label(*d, i, 0) == grade[static_cast<std::size_t>(i)]);
    CHECK(label(*d, i, 1) == ill[static_cast<std::size_t>(i)]);
    CHECK(label(*d, i, 2) == age[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("table: a class that is called as people write nothing is that class") {
  const Tables t;
  save(t.folder / "dataset.toml",
       "[input.ct]\n[target.grade]\nkind = \"classification\"\nclasses = [\"none\", \"some\"]\n");
  const auto d = t.open("case,ct,grade\na,a/ct.nii.gz,none\nb,a/ct.nii.gz,\nc,a/ct.nii.gz,Some\n");
  CHECK(label(*d, 0, 0) == 0);
  CHECK(label(*d, 1, 0) == -1);
  CHECK(label(*d, 2, 0) == 1);
}

TEST_CASE("table: a column that is probably meant to be split or group is refused, not passed over") {
  const Tables t;
  const std::string row = "a,train,a/ct.nii.gz,0,1,1,30\n";
  CHECK(t.refused("case,Split,ct,grade,asked,ill,age\n" + row) == ": column Split: did you mean split?");
  CHECK(t.refused("case,SPLIT,ct,grade,asked,ill,age\n" + row) == ": column SPLIT: did you mean split?");
  CHECK(t.refused("case,splits,ct,grade,asked,ill,age\n" + row) == ": column splits: did you mean split?");
  CHECK(t.refused("case,Group,ct,grade,asked,ill,age\n" + row) == ": column Group: did you mean group?");
  CHECK(t.refused("case,gruop,ct,grade,asked,ill,age\n" + row) == ": column gruop: did you mean group?");
  CHECK(t.refused("Case,split,ct,grade,asked,ill,age\n" + row) ==
        ": has no column case; it has: Case, split, ct, grade, asked, ill, age; did you mean Case?");
  CHECK(t.open("case, split,ct,grade,asked,ill,age\n" + row)->part(0) == "train");  // a blank is no other name
}

TEST_CASE("table: columns that nothing reads are listed") {
  const Tables t;
  const auto notes = [&](const std::string& head, const std::string& row) { return t.open(head + row)->notes(); };
  CHECK(notes(kHead, "a,train,a/ct.nii.gz,0,1,1,30\n").empty());
  CHECK(notes("case,fold,patient_id,ct,grade,asked,ill,age\n", "a,1,p,a/ct.nii.gz,0,1,1,30\n") ==
        std::vector<std::string>{(t.folder / "cases.csv") + ": columns that are not used: fold, patient_id"});
  const auto many = notes("case,ct,grade,asked,ill,age,a,b,c,d,e,f,g,h,i,j\n", "a,a/ct.nii.gz,0,1,1,30,,,,,,,,,,\n");
  REQUIRE(many.size() == 1);
  CHECK(many[0].ends_with("not used: a, b, c, d, e, f, g, h and 2 more"));
}

TEST_CASE("table: what is ambiguous is refused with file, line and column") {
  const Tables t;
  const std::string head = kHead;
  CHECK(t.refused(head + "a,train,a/ct.nii.gz,2.5,1,1,30\n") == ":2: grade is '2.5', expected one of 0, 1, High");
  CHECK(t.refused(head + "a,train,a/ct.nii.gz,0,1,0.5,30\n") == ":2: ill is '0.5', expected 0 or 1");
  CHECK(t.refused(head + "a,train,a/ct.nii.gz,0,,1,30\n") == ":2: asked is '', expected 0 or 1");
  CHECK(t.refused(head + "a,train,a/ct.nii.gz,0,1,1,\"30,5\"\n") == ":2: age is '30,5', expected a number");
  CHECK(t.refused("case,ct,ct,grade,asked,ill,age\na,a/ct.nii.gz,,0,1,1,30\n") ==
        ":1: column ct is there twice, in places 2 and 3");
}

TEST_CASE("table: a mask of zeros is a negative; an empty cell is no label") {
  const TempFolder folder;
  write_volumes(folder);
  datasets::write_volume(folder / "none.nii", volume(
                                                  4, 4, 4, [](auto, auto, auto) { return 0; }, ScalarType::UInt8));
  save(folder / "dataset.toml",
       "[input.ct]\n[target.organs]\nkind = \"structures\"\nclasses = [\"left\", \"right\"]\n"
       "[target.lesion]\nkind = \"segmentation\"\ncolumn = \"left\"\n");
  save(folder / "cases.csv",
       "case,ct,left,right\na,a/ct.nii.gz,none.nii,none.nii\nb,a/ct.nii.gz,,none.nii\nc,a/ct.nii.gz,,\n");
  const auto d = open_dataset(options_for(folder.path, 4, 4, 4));
  const Sample both = d->get(0), one = d->get(1), none = d->get(2);
  REQUIRE(both.targets[0].value);
  CHECK(both.targets[0].value.to_vector() == std::vector<real>(128, 0));
  CHECK(both.targets[0].mask.to_vector() == std::vector<real>{1, 1});
  REQUIRE(both.targets[1].value);
  CHECK(both.targets[1].value.to_vector() == std::vector<real>(64, 0));
  REQUIRE(one.targets[0].value);
  CHECK(one.targets[0].mask.to_vector() == std::vector<real>{0, 1});
  CHECK_FALSE(one.targets[1].value);
  CHECK_FALSE(none.targets[0].value);
}

TEST_CASE("label notes: a part without labels or of one class, a class that is never learnt") {
  const Tables t;
  save(t.folder / "dataset.toml",
       "[input.ct]\n[target.grade]\nkind = \"classification\"\nclasses = [\"a\", \"b\", \"c\"]\n"
       "[target.ill]\nkind = \"binary\"\nclasses = [\"ill\"]\n[target.left]\nkind = \"segmentation\"\n"
       "[target.age]\nkind = \"scalar\"\n");
  const auto notes = [&](const std::string& rows) {
    const auto d = t.open("case,split,ct,grade,ill,left,age\n" + rows);
    return label_notes(*d, make_split(*d, 0, 0, 0), {0, 1, 2, 3});
  };
  const auto row = [](const char* id, const char* part, const char* rest) {
    return fmt::format("{},{},a/ct.nii.gz,{}\n", id, part, rest);
  };
  const std::string mask = "a/left.mha";
  const auto label = [&](const char* grade, const char* ill, bool outlined, const char* age) {
    return fmt::format("{},{},{},{}", grade, ill, outlined ? mask : "", age);
  };
  const std::string good =
      row("1", "train", label("a", "0", true, "1").c_str()) + row("2", "train", label("b", "1", true, "2").c_str()) +
      row("3", "train", label("c", "1", true, "3").c_str()) + row("4", "val", label("a", "1", true, "4").c_str()) +
      row("5", "val", label("b", "0", true, "5").c_str());
  CHECK(notes(good) == std::vector<std::string>{"grade: no validation sample is of class c"});
  // A class of which the whole table has none is said once.
  CHECK(notes(row("1", "train", label("a", "0", true, "1").c_str()) +
              row("2", "train", label("b", "1", true, "2").c_str()) +
              row("3", "val", label("a", "1", true, "4").c_str()) +
              row("4", "val", label("b", "0", true, "5").c_str())) ==
        std::vector<std::string>{"grade: no sample is of class c"});
  const std::string all = good + row("8", "val", label("c", "0", true, "6").c_str());
  CHECK(notes(all).empty());
  CHECK(notes(all + row("6", "test", label("c", "1", true, "").c_str()) +
              row("7", "test", label("c", "1", false, "").c_str())) ==
        std::vector<std::string>{"grade: all 2 test samples with a label are of class c",
                                 "ill: all 2 test samples with a label have 1 for ill",
                                 "age: none of the 2 test samples has a label"});
  CHECK(notes(row("1", "train", label("a", "", false, "1").c_str()) +
              row("2", "train", label("b", "", false, "2").c_str()) +
              row("3", "val", label("c", "0", true, "").c_str())) ==
        std::vector<std::string>{
            "grade: no training sample is of class c", "grade: all 1 validation samples with a label are of class c",
            "ill: none of the 2 training samples has a label",
            "ill: all 1 validation samples with a label have 0 for ill",
            "left: none of the 2 training samples has a label", "age: none of the 1 validation samples has a label"});
}
