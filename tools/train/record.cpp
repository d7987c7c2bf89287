#include "tools/train/record.h"

#include <unistd.h>

#include <ctime>

#include "mtl/training/run_folder.h"
#include "tensor/check.h"
#include "tensor/isa.h"
#include "tensor/text.h"
#include "tensor/version.h"

namespace medusa::tools {

namespace {

std::string host_name() {
  char name[256] = "";
  return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

// Refuses to resume what the run's own record contradicts; returns lines that a user should know.
std::vector<std::string> check_provenance(const std::string& folder, const mtl::Provenance& before,
                                          const mtl::Provenance& now) {
  const std::string changes = mtl::sample_changes(before, now);
  MEDUSA_CHECK_INPUT(changes.empty(), "{}: the run was begun with {}, this is {} ({}); is it the same data?", folder,
                     mtl::samples_text(before), mtl::samples_text(now), changes);
  std::vector<std::string> notes;
  const mtl::Provenance::Start &then = before.starts.front(), &here = now.starts.front();
  MEDUSA_CHECK_INPUT(then.numbers == here.numbers, "{}: was begun with {} numbers, this program has {}", folder,
                     then.numbers, here.numbers);
  // The latest start with another instruction set: one of the two has decided the last bits.
  for (auto start = before.starts.rbegin(); start != before.starts.rend(); ++start) {
    if (start->instructions == here.instructions) continue;
    notes.push_back(
        fmt::format("the run has computed with {} instructions, this is {}: the last bits will differ "
                    "(MEDUSA_SIMD={} computes as before)",
                    start->instructions, here.instructions, start->instructions));
    break;
  }
  if (then.version != here.version || then.commit != here.commit)
    notes.push_back(fmt::format("the run was begun with version {} ({}), this is {} ({})", then.version, then.commit,
                                here.version, here.commit));
  return notes;
}

}  // namespace

mtl::Provenance provenance_of(const RunOptions& options, const std::vector<std::string>& arguments,
                              const datasets::Dataset& dataset, const datasets::Split& split, const mtl::Model& model) {
  mtl::Provenance p = mtl::provenance_of(dataset, split, model.tasks());
  for (const ConfigEntry& entry : config_entries(options))
    if (entry.effect == OptionRow::Effect::Result) p.options[entry.name] = printable(entry.value);
  p.starts = {{date_now(), host_name(), version(), commit(), sizeof(real) == 4 ? "float32" : "float64", name(isa()),
               arguments}};
  p.run = mtl::identity(p);
  return p;
}

std::optional<mtl::Provenance> resumed_record(const std::string& folder, const mtl::Provenance& now,
                                              std::vector<std::string>* notes) {
  std::optional<mtl::Provenance> record = mtl::RunFolder(folder).provenance();
  if (!record) return record;
  *notes = check_provenance(folder, *record, now);
  record->starts.push_back(now.starts.front());
  return record;
}

}  // namespace medusa::tools
