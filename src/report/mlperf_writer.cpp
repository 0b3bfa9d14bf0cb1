#include "report/mlperf_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/text.h"
#include "report/config_text.h"

namespace trainyard::report {
namespace {

using Json = nlohmann::ordered_json;

class Lines {
 public:
  void point(std::int64_t unix_ns, std::string_view key, const Json& value, Json metadata = Json::object()) {
    add(unix_ns, "POINT_IN_TIME", key, value, std::move(metadata));
  }
  void begin(std::int64_t unix_ns, std::string_view key, Json metadata = Json::object()) {
    add(unix_ns, "INTERVAL_START", key, nullptr, std::move(metadata));
  }
  void end(std::int64_t unix_ns, std::string_view key, Json metadata = Json::object()) {
    add(unix_ns, "INTERVAL_END", key, nullptr, std::move(metadata));
  }
  std::string take() { return std::move(text_); }

 private:
  void add(std::int64_t unix_ns, std::string_view type, std::string_view key, const Json& value, Json metadata) {
    metadata["file"] = "tools/collect";  // each line names where it was written
    metadata["lineno"] = 0;
    const Json line{{"namespace", ""}, {"time_ms", unix_ns / 1'000'000}, {"event_type", type}, {"key", key},
                    {"value", value},  {"metadata", std::move(metadata)}};
    text_ += ":::MLLOG " + line.dump() + "\n";
  }
  std::string text_;
};

/// A time of the log on the wall clock; 0 where either is not to be believed.
std::int64_t unix_time(std::int64_t zero_ns, std::int64_t at_ns) {
  constexpr std::int64_t kLatest = std::int64_t{1} << 61;  // in the year 2043
  const bool believable = zero_ns >= 0 && zero_ns < kLatest && at_ns >= 0 && at_ns < kLatest;
  return believable ? zero_ns + at_ns : 0;
}

}  // namespace

std::string to_mlperf(const RunSummary& run) {
  Lines lines;
  const log::RunAttributes& id = run.attributes;
  const ConfigText config = parse_config_text(id.config);
  const std::int64_t zero =
      unix_time(run.epoch_figures.empty() ? id.epoch_unix_ns : run.epoch_figures.front().epoch_unix_ns, 0);
  if (!id.model.empty()) lines.point(zero, "submission_benchmark", id.model);
  lines.point(zero, "submission_platform", id.device_name.empty() ? id.device : id.device_name);
  lines.point(zero, "number_of_ranks", run.ranks);
  lines.point(zero, "number_of_nodes", run.nodes.size());
  if (id.global_batch > 0) lines.point(zero, "global_batch_size", id.global_batch);
  if (const auto seed = config_number(config, "seed")) lines.point(zero, "seed", *seed);
  if (const std::string name = config_value(config, "optimizer"); !name.empty()) lines.point(zero, "opt_name", name);
  if (const auto lr = core::parse_double(config_value(config, "lr"))) lines.point(zero, "opt_base_learning_rate", *lr);
  std::int64_t last = zero;
  lines.begin(zero, "run_start");
  for (const EpochFigures& figures : run.epoch_figures) {
    const log::EpochRow& row = figures.row;
    const Json number{{"epoch_num", row.epoch + 1}};
    const std::int64_t start = unix_time(figures.epoch_unix_ns, row.start_ns);
    last = unix_time(start, static_cast<std::int64_t>(std::min(figures.slowest_ns, 1e18)));
    lines.begin(start, "epoch_start", number);
    if (std::isfinite(row.train_loss)) lines.point(last, "train_loss", row.train_loss, number);
    if (std::isfinite(row.val_accuracy)) lines.point(last, "eval_accuracy", row.val_accuracy, number);
    lines.end(last, "epoch_stop", number);
  }
  lines.end(last, "run_stop", Json{{"status", run.complete ? "success" : "aborted"}});
  return lines.take();
}

}  // namespace trainyard::report
