#include "report/assemble.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "report/format.h"

namespace trainyard::report {
namespace {

using Logs = std::vector<LoadedLog>;

/// What all logs of a folder share.
auto run_key(const LoadedLog& loaded) {
  const log::RunAttributes& id = loaded.log.attributes;
  return std::make_tuple(id.run, id.model, id.data);
}

/// What all logs of one start share.
auto start_key(const LoadedLog& loaded) {
  const log::RunAttributes& id = loaded.log.attributes;
  return std::make_tuple(id.job_id, id.world_size, id.strategy, id.precision, id.global_batch, id.config_digest);
}

std::string run_words(const LoadedLog& loaded) {
  const log::RunAttributes& id = loaded.log.attributes;
  return fmt::format("run '{}' ({} on {})", clean_text(id.run), clean_text(id.model), clean_text(id.data));
}

std::string start_words(const LoadedLog& loaded) {
  const log::RunAttributes& id = loaded.log.attributes;
  return fmt::format("job '{}' with {} ranks, {} {}, global batch {}, config {}", clean_text(id.job_id), id.world_size,
                     clean_text(id.strategy), clean_text(id.precision), id.global_batch, clean_text(id.config_digest));
}

/// The first log of the most frequent key: the one that the others are measured by.
template <typename Key>
const LoadedLog& representative(const Logs& logs, Key key) {
  std::map<decltype(key(logs.front())), std::ptrdiff_t> counts;
  for (const LoadedLog& loaded : logs)
    ++counts[key(loaded)];
  return *std::max_element(logs.begin(), logs.end(),
                           [&](const LoadedLog& a, const LoadedLog& b) { return counts[key(a)] < counts[key(b)]; });
}

template <typename Key, typename Words>
void leave_out_mixed(Logs& logs, Key key, Words words, std::vector<Problem>& problems) {
  const LoadedLog& chosen = representative(logs, key);
  const auto chosen_key = key(chosen);
  const std::string chosen_words = words(chosen);
  std::erase_if(logs, [&](const LoadedLog& loaded) {
    if (key(loaded) == chosen_key) return false;
    problems.push_back({loaded.log.path, fmt::format("left out: belongs to {}, but most logs here to {}; "
                                                     "give each run a folder of its own",
                                                     words(loaded), chosen_words)});
    return true;
  });
}

/// Logs whose file is named as the trainer names it come first: of two logs of the same rank the first one stays.
void put_well_named_first(Logs& logs) {
  std::stable_sort(logs.begin(), logs.end(), [](const LoadedLog& a, const LoadedLog& b) {
    const auto order = [](const LoadedLog& loaded) {
      const bool odd = loaded.log.path.filename() != fmt::format("rank-{:05}.h5", loaded.log.attributes.rank);
      return std::make_tuple(odd, loaded.log.path);
    };
    return order(a) < order(b);
  });
}

/// The same log, copied to another name or folder. Logs that do not say when they began are not compared.
void leave_out_copies(Logs& logs, std::vector<Problem>& problems) {
  using LogId = std::tuple<std::string, std::string, std::int64_t, std::int64_t>;
  std::map<LogId, std::filesystem::path> first_of;
  std::erase_if(logs, [&](const LoadedLog& loaded) {
    const log::RunAttributes& id = loaded.log.attributes;
    if (id.epoch_unix_ns == 0) return false;
    const auto [first, fresh] =
        first_of.try_emplace(LogId{id.run, id.job_id, id.rank, id.epoch_unix_ns}, loaded.log.path);
    if (fresh) return false;
    problems.push_back({loaded.log.path,
                        fmt::format("left out: a copy of the log {}; remove one of the two", first->second.string())});
    return true;
  });
}

/// Same rank, same start, twice in one folder.
void leave_out_repeated_ranks(Logs& logs, std::vector<Problem>& problems) {
  std::stable_sort(logs.begin(), logs.end(), [](const LoadedLog& a, const LoadedLog& b) {
    return a.log.attributes.rank < b.log.attributes.rank;
  });
  Logs kept;
  for (LoadedLog& loaded : logs) {
    const log::RunAttributes& id = loaded.log.attributes;
    if (!kept.empty() && kept.back().log.attributes.rank == id.rank) {
      problems.push_back(
          {loaded.log.path, fmt::format("left out: rank {} of restart {} is already in {}; remove one of the two",
                                        id.rank, id.restart, kept.back().log.path.string())});
    } else {
      kept.push_back(std::move(loaded));
    }
  }
  logs = std::move(kept);
}

void name_missing_ranks(const Start& start, std::vector<Problem>& problems) {
  const std::int64_t world_size = start.ranks.front().attributes.world_size;
  std::vector<std::int64_t> present;
  for (const RankLog& log : start.ranks)
    present.push_back(log.attributes.rank);
  std::vector<std::int64_t> missing;  // at most as many as can be listed: world_size comes from the file
  constexpr std::size_t kMostListed = 4096;
  for (std::int64_t rank = 0; rank < world_size && missing.size() < kMostListed; ++rank) {
    if (!std::binary_search(present.begin(), present.end(), rank)) missing.push_back(rank);
  }
  if (missing.empty()) return;
  problems.push_back({start.ranks.front().path.parent_path(),
                      fmt::format("{} of {} ranks have no usable log: {} {}", world_size - std::ssize(present),
                                  world_size, missing.size() == 1 ? "rank" : "ranks", format_ranges(missing))});
}

Start make_start(std::int64_t restart, Logs logs, std::vector<Problem>& problems) {
  leave_out_mixed(logs, start_key, start_words, problems);
  leave_out_repeated_ranks(logs, problems);
  Start start{restart, {}};
  for (LoadedLog& loaded : logs)
    start.ranks.push_back(std::move(loaded.log));
  name_missing_ranks(start, problems);
  return start;
}

/// The runs of one folder: a start with another configuration than the one before it does not go on with that run.
std::vector<Run> make_runs(const std::string& folder, Logs logs, std::vector<Problem>& problems) {
  leave_out_mixed(logs, run_key, run_words, problems);
  std::map<std::int64_t, Logs> by_restart;
  for (LoadedLog& loaded : logs)
    by_restart[loaded.log.attributes.restart].push_back(std::move(loaded));
  std::vector<Run> runs;
  std::string digest;
  for (auto& [restart, start_logs] : by_restart) {
    Start start = make_start(restart, std::move(start_logs), problems);
    const RankLog& first = start.ranks.front();
    if (!runs.empty() && first.attributes.config_digest != digest) {
      problems.push_back({first.path.parent_path(),
                          fmt::format("restart {} has another configuration than the start before it: reported as a "
                                      "run of its own; give each run a folder of its own",
                                      restart)});
    }
    if (runs.empty() || first.attributes.config_digest != digest) runs.push_back({folder, {}});
    digest = first.attributes.config_digest;
    runs.back().starts.push_back(std::move(start));
  }
  if (runs.size() > 1) {
    for (Run& run : runs)
      run.folder += fmt::format("/restart-{:03}", run.starts.front().restart);
  }
  return runs;
}

}  // namespace

Collection assemble(std::vector<LoadedLog> logs) {
  Collection collection;
  put_well_named_first(logs);
  leave_out_copies(logs, collection.problems);
  std::map<std::string, Logs> by_folder;
  for (LoadedLog& loaded : logs)
    by_folder[loaded.file.folder].push_back(std::move(loaded));
  for (auto& [folder, folder_logs] : by_folder) {
    for (Run& run : make_runs(folder, std::move(folder_logs), collection.problems))
      collection.runs.push_back(std::move(run));
  }
  return collection;
}

std::string format_ranges(std::span<const std::int64_t> sorted) {
  std::string text;
  for (std::size_t i = 0; i < sorted.size();) {
    std::size_t last = i;
    while (last + 1 < sorted.size() && sorted[last + 1] == sorted[last] + 1)
      ++last;
    if (!text.empty()) text += ", ";
    text += last == i ? std::to_string(sorted[i]) : fmt::format("{}-{}", sorted[i], sorted[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace trainyard::report
