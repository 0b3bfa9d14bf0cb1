#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "report/cells.h"
#include "report/format.h"
#include "report/study_runs.h"

namespace trainyard::report {
namespace {

bool of_study_1(const StudyRun& run) {
  return run.approach == "single" || run.approach == "DP" || run.approach == "DDP";
}

std::int64_t batch_per_device(const StudyRun& run) {
  return run.id().global_batch / std::max<std::int64_t>(1, run.devices());
}

/// The fastest run of a set that is as `wanted` says.
template <class Wanted>
const StudyRun* fastest(const std::vector<const StudyRun*>& set, Wanted wanted) {
  const StudyRun* best = nullptr;
  for (const StudyRun* run : set) {
    if (wanted(*run) && (best == nullptr || run->images_per_second > best->images_per_second)) best = run;
  }
  return best;
}

/// The same run in fp32.
const StudyRun* in_fp32(const std::vector<const StudyRun*>& set, const StudyRun& run) {
  return fastest(set, [&run](const StudyRun& other) {
    return other.id().precision == "fp32" && other.approach == run.approach && other.devices() == run.devices() &&
           batch_per_device(other) == batch_per_device(run);
  });
}

struct Gains {
  std::vector<double> on_one;
  std::vector<double> on_several;
};

Table approaches_table(const std::vector<StudyRun>& runs, Gains& gains) {
  Table table{"Training speedup by approach",
              {{"model", "model"},
               {"data", "data"},
               {"approach", "approach"},
               {"devices", "devices", Format::kCount},
               {"precision", "precision"},
               {"batch_per_device", "batch per device", Format::kCount},
               {"images_per_second", "samples/s", Format::kReal},
               {"speedup", "over one device, fp32", Format::kFactor},
               {"precision_gain", "over fp32", Format::kFactor}},
              {},
              "speedup"};
  const auto sets = sets_by(
      runs, [](const StudyRun& run) { return std::make_tuple(run.id().model, run.id().data, run.id().device_name); });
  for (const auto& set : sets) {
    const StudyRun* one = fastest(
        set, [](const StudyRun& run) { return run.devices() == 1 && run.id().precision == "fp32" && of_study_1(run); });
    const bool several =
        std::any_of(set.begin(), set.end(), [](const StudyRun* run) { return of_study_1(*run) && run->devices() > 1; });
    if (one == nullptr || !several) continue;
    for (const StudyRun* run : set) {
      if (!of_study_1(*run)) continue;
      const StudyRun* same_fp32 = run->id().precision == "fp32" ? nullptr : in_fp32(set, *run);
      const double gain = same_fp32 == nullptr ? 0 : run->images_per_second / same_fp32->images_per_second;
      if (gain > 0 && run->id().precision == "amp")
        (run->devices() == 1 ? gains.on_one : gains.on_several).push_back(gain);
      table.rows.push_back({cell(run->id().model), cell(run->id().data), cell(run->approach), cell(run->devices()),
                            cell(run->id().precision), cell(batch_per_device(*run)), Cell(run->images_per_second),
                            Cell(run->images_per_second / one->images_per_second), cell_if(gain > 0, gain)});
    }
  }
  return table;
}

Table batch_sizes_table(const std::vector<StudyRun>& runs) {
  Table table{"Effect of batch size",
              {{"model", "model"},
               {"data", "data"},
               {"approach", "approach"},
               {"devices", "devices", Format::kCount},
               {"precision", "precision"},
               {"batch_per_device", "batch per device", Format::kCount},
               {"images_per_second", "samples/s", Format::kReal},
               {"relative", "over the smallest", Format::kFactor}},
              {},
              "images_per_second"};
  auto sets = sets_by(runs, [](const StudyRun& run) {
    return std::make_tuple(run.id().model, run.id().data, run.id().device_name, run.approach, run.devices(),
                           run.id().precision, config_value(run.config, "activation-checkpointing"));
  });
  for (auto& set : sets) {
    std::set<std::int64_t> sizes;
    for (const StudyRun* run : set)
      sizes.insert(batch_per_device(*run));
    if (sizes.size() < 2 || !of_study_1(*set.front())) continue;
    std::stable_sort(set.begin(), set.end(),
                     [](const StudyRun* a, const StudyRun* b) { return batch_per_device(*a) < batch_per_device(*b); });
    for (const StudyRun* run : set) {
      table.rows.push_back({cell(run->id().model), cell(run->id().data), cell(run->approach), cell(run->devices()),
                            cell(run->id().precision), cell(batch_per_device(*run)), Cell(run->images_per_second),
                            Cell(run->images_per_second / set.front()->images_per_second)});
    }
  }
  return table;
}

struct Answer {
  const InferenceSummary* run;
  const BatchFigures* size;
};

std::vector<Answer> answers_on(const Report& report, const std::string& device) {
  std::vector<Answer> answers;
  for (const InferenceSummary& run : report.inference) {
    for (const BatchFigures& size : run.sizes) {
      if (run.attributes.device == device) answers.push_back({&run, &size});
    }
  }
  return answers;
}

/// Throughput over that of the same model and batch in eager fp32; 0 where that was not measured.
double over_eager(const std::vector<Answer>& answers, const Answer& answer) {
  for (const Answer& other : answers) {
    const log::RunAttributes& a = answer.run->attributes;
    const log::RunAttributes& b = other.run->attributes;
    if (b.engine == "eager" && b.precision == "fp32" && a.model == b.model && a.data == b.data &&
        a.device_name == b.device_name && answer.size->batch_size == other.size->batch_size &&
        other.size->images_per_second > 0)
      return answer.size->images_per_second / other.size->images_per_second;
  }
  return 0;
}

/// Over eager fp32, of each engine and precision: "int8/fp32".
using EngineGains = std::map<std::string, std::vector<double>>;

Table engines_table(const std::vector<Answer>& answers, std::string title, EngineGains& gains) {
  Table table{std::move(title),
              {{"model", "model"},
               {"engine", "engine"},
               {"precision", "precision"},
               {"batch_size", "batch", Format::kCount},
               {"images_per_second", "samples/s", Format::kReal},
               {"over_eager", "over eager fp32", Format::kFactor},
               {"model_file_bytes", "model file", Format::kBytes}},
              {},
              "images_per_second"};
  for (const Answer& answer : answers) {
    const log::RunAttributes& id = answer.run->attributes;
    const double gain = over_eager(answers, answer);
    if (gain > 0) gains[id.engine + "/" + id.precision].push_back(gain);
    table.rows.push_back({cell(id.model), cell(id.engine), cell(id.precision), cell(answer.size->batch_size),
                          Cell(answer.size->images_per_second), cell_if(gain > 0, gain), known(id.model_file_bytes)});
  }
  if (gains.size() < 2) table.rows.clear();  // one engine alone shows no effect
  return table;
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values)
    sum += value;
  return sum / static_cast<double>(values.size());
}

Claim gain_claim(std::string claim, const EngineGains& gains, const std::string& engine, bool should_pay,
                 const char* why_otherwise) {
  const auto found = gains.find(engine);
  if (found == gains.end()) return {std::move(claim), "", false};
  const double gain = mean(found->second);
  constexpr double kPays = 1.1;
  const bool holds = (gain >= kPays) == should_pay;
  return {std::move(claim),
          fmt::format("{}x eager fp32 on average{}", format_significant(gain, 3), holds ? "" : why_otherwise), holds};
}

}  // namespace

Section speedup_study(const Report& report, const std::vector<StudyRun>& runs) {
  Section section{
      "study-speedup", "Study: speedup", "Approaches to train faster, and engines to answer faster.", {}, {}, {}};
  Gains gains;
  EngineGains on_cpu;
  EngineGains on_gpu;
  for (Table& table :
       std::vector<Table>{approaches_table(runs, gains), batch_sizes_table(runs),
                          engines_table(answers_on(report, "cpu"), "Quantization and TorchScript on CPU", on_cpu),
                          engines_table(answers_on(report, "cuda"), "TorchScript on GPU", on_gpu)}) {
    if (!table.rows.empty()) section.tables.push_back(std::move(table));
  }
  std::vector<Claim> claims;
  if (!gains.on_one.empty() && !gains.on_several.empty()) {
    const double one = mean(gains.on_one);
    const double several = mean(gains.on_several);
    claims.push_back(
        {"Mixed precision helps most on one device and less on several.",
         fmt::format("{}x fp32 on one, {}x on several", format_significant(one, 3), format_significant(several, 3)),
         one > several});
  }
  claims.push_back(gain_claim("On a CPU 8-bit integers alone hardly pay.", on_cpu, "int8/fp32", false,
                              "; this processor multiplies 8-bit integers by instructions of its own, and convolutions "
                              "with ReLU and sum are fused"));
  claims.push_back(gain_claim("TorchScript speeds up answering on a GPU.", on_gpu, "torchscript/fp32", true, ""));
  add_claims(claims, section);
  return section;
}

}  // namespace trainyard::report
