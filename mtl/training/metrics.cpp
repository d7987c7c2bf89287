#include "mtl/training/metrics.h"

#include <algorithm>
#include <cmath>

#include "mtl/training/metric_table.h"
#include "tensor/check.h"

namespace medusa::mtl {

namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

// How many numbers of target and mask belong to one image.
std::int64_t target_size(const Task& task, std::int64_t places) {
  return places * (task.traits().exclusive ? 1 : task.channels);
}
std::int64_t mask_size(const Task& task, std::int64_t places) {
  return task.traits().channel_mask ? task.channels : places;
}

std::vector<Metric>& table() {
  static std::vector<Metric> rows = metric_table();
  return rows;
}

bool fits(const Metric& row, const Task& task) {
  return row.fits(task.traits()) && (!row.several_classes || task.has_class_numbers());
}

// The meters of the rows that fit, each once.
std::vector<std::unique_ptr<Meter>> meters_of(const Task& task, bool thorough) {
  std::vector<std::unique_ptr<Meter>> meters;
  std::vector<decltype(Metric::meter)> made;
  for (const Metric& row : table()) {
    if (!fits(row, task) || (row.thorough && !thorough)) continue;
    if (std::find(made.begin(), made.end(), row.meter) != made.end()) continue;
    made.push_back(row.meter);
    meters.push_back(row.meter(task));
  }
  return meters;
}

// The row of a name as a meter reports it, null if the table has none.
const Metric* find_row(const std::string& name) {
  const std::string stem = name.substr(0, name.find('.'));
  for (const Metric& row : table())
    if (row.name == name || (row.each_class && row.name == stem)) return &row;
  return nullptr;
}

}  // namespace

void add_metric(const Metric& metric) {
  for (const Metric& row : table())
    MEDUSA_CHECK(std::string(row.name) != metric.name, "metrics: the name {} is taken", row.name);
  table().push_back(metric);
}

const Metric& metric(const std::string& name) {
  const Metric* row = find_row(name);
  MEDUSA_CHECK(row != nullptr, "metrics: unknown metric {}", name);
  return *row;
}

std::string primary_metric(const Task& task) {
  const KindTraining& kind = training_of(task.kind);
  return task.has_class_numbers() ? kind.primary_of_classes : kind.primary_metric;
}

std::vector<std::string> metric_names(const Task& task, bool thorough) {
  std::vector<std::string> names{primary_metric(task)};
  for (const Metric& row : table())
    if (fits(row, task) && (thorough || !row.thorough) && row.name != names.front()) names.emplace_back(row.name);
  return names;
}

std::vector<std::string> names_in_order(const Task& task, const MetricValues& values) {
  std::vector<std::string> names;
  for (const std::string& name : metric_names(task, true))
    if (values.contains(name)) names.push_back(name);
  for (const Metric& row : table())
    for (std::int64_t c = 0; row.each_class && c < task.channels; ++c)
      if (const std::string name = fmt::format("{}.{}", row.name, class_label(task, c)); values.contains(name))
        names.push_back(name);
  return names;
}

std::string class_label(const Task& task, std::int64_t c) {
  return index(c) < task.classes.size() ? task.classes[index(c)] : fmt::format("{}", c);
}

// ---- a meter of cases -----------------------------------------------------------------------------------------------

double CaseMeter::value(const std::string& metric, const CaseTable& cases, const Rows& rows) const {
  return mean_of(cases.column(metric), rows);
}

bool CaseMeter::can_use(const CaseTable& cases) const {
  const std::vector<std::string> columns = names();
  return std::all_of(columns.begin(), columns.end(), [&](const std::string& name) { return cases.has(name); });
}

MetricValues CaseMeter::values(const CaseTable& cases) const {
  MetricValues values;
  const Rows all = cases.all();
  for (const std::string& name : names()) values[name] = value(name, cases, all);
  return values;
}

MetricValues values_of(const Task& task, const CaseTable& cases) {
  MetricValues values;
  for (const auto& meter : meters_of(task, true)) {
    const CaseMeter* by_case = meter->by_case();
    if (by_case != nullptr && by_case->can_use(cases)) values.merge(by_case->values(cases));
  }
  return values;
}

std::function<double(const Rows&)> figure_of(const Task& task, const std::string& metric, const CaseTable& cases) {
  std::vector<std::unique_ptr<Meter>> meters = meters_of(task, true);
  for (std::unique_ptr<Meter>& made : meters) {
    const std::shared_ptr<Meter> meter = std::move(made);
    const CaseMeter* by_case = meter->by_case();
    if (by_case == nullptr || !by_case->can_use(cases)) continue;
    const std::vector<std::string> names = by_case->names();
    if (std::find(names.begin(), names.end(), metric) == names.end()) continue;
    return [meter, by_case, metric, &cases](const Rows& rows) { return by_case->value(metric, cases, rows); };
  }
  fail("metrics: task {}: {} cannot be computed from what is known of its cases", task.name, metric);
}

// ---- all meters of a task -------------------------------------------------------------------------------------------

TaskMeter::TaskMeter(const Task& task, bool thorough)
    : task_(task), thorough_(thorough), meters_(meters_of(task, thorough)) {}

void TaskMeter::check(const Tensor& y, const Tensor& target, const Tensor& mask, const std::vector<bool>& labelled,
                      const MeterCases& cases) const {
  const std::int64_t n = y.size(0), places = n > 0 ? y.numel() / n / task_.channels : 0;
  MEDUSA_CHECK(target.numel() == n * target_size(task_, places), "metrics: task {}: output {} does not fit target {}",
               task_.name, y.shape(), target.shape());
  MEDUSA_CHECK(!mask || mask.numel() == n * mask_size(task_, places),
               "metrics: task {}: output {} does not fit mask {}", task_.name, y.shape(), mask.shape());
  MEDUSA_CHECK(labelled.empty() || static_cast<std::int64_t>(labelled.size()) == n,
               "metrics: task {}: {} outputs, but {} entries in labelled", task_.name, n, labelled.size());
  MEDUSA_CHECK(cases.ids.empty() || static_cast<std::int64_t>(cases.ids.size()) == n,
               "metrics: task {}: {} outputs, but {} cases", task_.name, n, cases.ids.size());
  MEDUSA_CHECK(cases.spacing.empty() || static_cast<std::int64_t>(cases.spacing.size()) == n,
               "metrics: task {}: {} outputs, but {} spacings", task_.name, n, cases.spacing.size());
  const auto axes = static_cast<std::size_t>(y.rank() - 2);
  for (const std::vector<double>& mm : cases.spacing)
    MEDUSA_CHECK(axes == 0 || mm.empty() || mm.size() == axes,
                 "metrics: task {}: output {} has {} axes, its spacing {} numbers", task_.name, y.shape(), axes,
                 mm.size());
}

void TaskMeter::add(const Tensor& y, const Tensor& target, const Tensor& mask, const std::vector<bool>& labelled,
                    const MeterCases& cases) {
  MEDUSA_CHECK(y.rank() >= 2 && y.size(-1) == task_.channels, "metrics: task {} has {} channels, its output is {}",
               task_.name, task_.channels, y.shape());
  if (!labelled.empty() && std::find(labelled.begin(), labelled.end(), true) == labelled.end()) return;
  check(y, target, mask, labelled, cases);
  const std::vector<real> outputs = y.to_vector(), truth = target.to_vector();
  const std::vector<real> inside = mask ? mask.to_vector() : std::vector<real>{};
  for (real value : outputs)
    MEDUSA_CHECK(std::isfinite(value), "metrics: the output of task {} is not finite", task_.name);
  MeterSample sample;
  for (int a = 1; a + 1 < y.rank(); ++a) sample.shape.push_back(y.size(a));
  for (std::int64_t side : sample.shape) sample.places *= side;
  for (std::size_t i = 0; i < index(y.size(0)); ++i) {
    if (!labelled.empty() && !labelled[i]) continue;
    ++samples_;
    const auto from = static_cast<std::int64_t>(i);
    sample.id = cases.ids.empty() ? "" : cases.ids[i];
    sample.in_mm = !sample.shape.empty() && !cases.spacing.empty() && !cases.spacing[i].empty();
    sample.spacing = sample.in_mm ? cases.spacing[i] : std::vector<double>(sample.shape.size(), 1);
    sample.y = outputs.data() + from * sample.places * task_.channels;
    sample.target = truth.data() + from * target_size(task_, sample.places);
    sample.mask = mask ? inside.data() + from * mask_size(task_, sample.places) : nullptr;
    for (const auto& meter : meters_) meter->add(sample);
  }
}

MetricValues TaskMeter::values() const {
  MetricValues values;
  for (const auto& meter : meters_)
    for (const auto& [name, value] : meter->values()) {
      const Metric* row = find_row(name);
      if (thorough_ || row == nullptr || !row->thorough) values.emplace(name, value);
    }
  return values;
}

CaseTable TaskMeter::cases() const {
  CaseTable all;
  for (const auto& meter : meters_)
    if (const CaseMeter* by_case = meter->by_case()) all.join(by_case->cases());
  return all;
}

}  // namespace medusa::mtl
