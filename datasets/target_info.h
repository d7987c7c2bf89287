// TargetInfo: one thing to learn from an image, from the dataset to the report; and the kinds of target.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace medusa {

// What a target is.  Everything that differs between kinds is a column of the table of KindTraits.
enum class TaskKind { Segmentation, Structures, Regression, Classification, Binary, Scalar };

// A row of the table of kinds.  S: the spatial axes, C: channels.
struct KindTraits {
  TaskKind kind;
  const char* name;   // in dataset.toml, model files and messages
  const char* about;  // for people: what the network answers
  bool pixel_level;   // an answer for every pixel, else one for the whole image
  // The classes exclude each other: the target is the number of one of them ([S, 1] or [1]), the answer the largest
  // logit.  For pixel-level targets with one channel it is 0 or 1, see TargetInfo::has_class_numbers().
  bool exclusive;
  bool in_units;            // amounts, [S, C] or [C], see TargetInfo::scale; else answers are classes, or yes and no
  bool column_per_channel;  // each channel has a column, or file, of its own for its labels
  bool channel_mask;        // the mask says which channels have a label ([1, .., 1, C]), else which pixels ([S, 1])
};
const std::vector<KindTraits>& task_kinds();  // all rows, in the order of TaskKind
const KindTraits& traits(TaskKind kind);
inline const char* name(TaskKind kind) { return traits(kind).name; }
TaskKind task_kind(const std::string& name);  // throws InputError that lists the kinds

}  // namespace medusa

namespace medusa::datasets {

struct TargetInfo {
  std::string name;  // "lesion", "diagnosis"; letters, digits, '_' and '-'
  TaskKind kind = TaskKind::Segmentation;
  std::int64_t channels = 1;         // outputs of the head
  std::vector<std::string> classes;  // names of the channels or classes, where known
  double scale = 1;                  // in_units: label = value in `unit` / scale, so that labels are about 1
  std::string unit = "";             // "Gy"
  std::string loss = "";             // "dice+focal", see mtl/losses.h; "": the kind's own
  double loss_weight = 1;            // factor in the sum of the losses

  const KindTraits& traits() const { return medusa::traits(kind); }
  // Whether labels are numbers of classes: [S, 1] or [1], not a value for each channel.
  bool has_class_numbers() const { return traits().exclusive && (channels > 1 || !traits().pixel_level); }
};

// The fields that files hold only if they differ from those of a TargetInfo{}: visit(key, pointer to member) for each.
// Model files and dataset.toml are written and read through this list, so a field added here is in both.
template <class Visit>
void optional_fields(const Visit& visit) {
  visit("scale", &TargetInfo::scale);
  visit("unit", &TargetInfo::unit);
  visit("loss", &TargetInfo::loss);
  visit("loss_weight", &TargetInfo::loss_weight);
}

// A target of each kind.  `classes`: names of the channels or classes.
TargetInfo segmentation(const std::string& name, const std::vector<std::string>& classes);
TargetInfo structures(const std::string& name, const std::vector<std::string>& classes);
TargetInfo regression(const std::string& name, double scale, const std::string& unit);  // of one channel
TargetInfo classification(const std::string& name, const std::vector<std::string>& classes);
TargetInfo binary(const std::string& name, const std::vector<std::string>& classes);

}  // namespace medusa::datasets
