#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "core/file.h"
#include "core/flight_page.h"
#include "core/flight_recorder.h"

namespace trainyard::core {
namespace {

template <std::size_t N>
std::string text_of(const char (&text)[N]) {
  return std::string(text, strnlen(text, N));
}

bool is_locked(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  if (flock(file.get(), LOCK_SH | LOCK_NB) != 0) return true;
  flock(file.get(), LOCK_UN);
  return false;
}

std::optional<RecordedRank> read_record(const std::filesystem::path& path) {
  // A copy of what the rank may be writing at this moment; looked at again where it caught it so.
  constexpr int kLooks = 5;
  const auto page = std::make_unique<FlightPage>();
  for (int look = 0; look < kLooks; ++look) {
    const std::string bytes = read_file(path);
    if (bytes.size() != sizeof(FlightPage)) return std::nullopt;
    std::memcpy(static_cast<void*>(page.get()), bytes.data(), bytes.size());
    if (page->magic != kFlightMagic) return std::nullopt;
    if (std::ranges::none_of(page->group, [](const GroupEntry& entry) { return entry.version % 2 != 0; })) break;
  }
  RecordedRank rank;
  rank.rank = page->rank;
  rank.node = text_of(page->node);
  rank.state = static_cast<RankState>(page->state.load());
  rank.lives = is_locked(path);
  const std::int32_t groups = std::clamp(page->groups.load(), 0, kMostGroups);
  for (std::int32_t i = 0; i < groups; ++i) {
    const GroupEntry& entry = page->group[i];
    rank.groups.push_back({.name = text_of(entry.name),
                           .compared = entry.compared != 0,
                           .called = entry.called,
                           .begun = entry.begun,
                           .ended = entry.ended,
                           .text = text_of(entry.text)});
  }
  return rank;
}

/// It ended, and nobody asked it to: killed, or crashed.
bool is_lost(const RecordedRank& rank) {
  return rank.state == RankState::kRunning && !rank.lives;
}

std::string placed(const RecordedRank& rank) {
  return rank.node.empty() ? fmt::format("rank {}", rank.rank) : fmt::format("rank {} on {}", rank.rank, rank.node);
}

std::string numbered(const RecordedGroup& group) {
  return fmt::format("{} #{}", group.text, group.begun);
}

/// What a rank waits in: of collectives, else of what only some ranks make.
const RecordedGroup* pending(const RecordedRank& rank) {
  for (const bool compared : {true, false})
    for (const RecordedGroup& group : rank.groups)
      if (group.compared == compared && group.is_pending()) return &group;
  return nullptr;
}

struct Absence {
  const RecordedRank* absent;
  const RecordedGroup* record;  ///< the absent rank's own, of the same communicator
  const RecordedRank* waiting;
  const RecordedGroup* awaited;
};

/// It could still come, or could have: a rank that said why it failed, or was told to end, is not the cause.
bool may_be_cause(const RecordedRank& rank) {
  return rank.state == RankState::kRunning;
}

/// Every such rank that has not called what another one of its communicator waits in.
std::vector<Absence> absences(const std::vector<RecordedRank>& ranks) {
  std::vector<Absence> found;
  for (const RecordedRank& waiting : ranks)
    for (const RecordedGroup& awaited : waiting.groups) {
      if (!awaited.compared || !awaited.is_pending()) continue;
      for (const RecordedRank& other : ranks)
        for (const RecordedGroup& record : other.groups)
          if (may_be_cause(other) && record.name == awaited.name && record.called < awaited.begun)
            found.push_back({&other, &record, &waiting, &awaited});
    }
  return found;
}

}  // namespace

std::vector<RecordedRank> read_flight_records(const std::filesystem::path& folder) {
  std::vector<RecordedRank> ranks;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().extension() != ".calls") continue;
    try {
      if (auto rank = read_record(entry.path())) ranks.push_back(std::move(*rank));
    } catch (const std::exception&) {
      // The rank ended well this moment, or its file cannot be read: the others' tell what they can.
    }
  }
  std::ranges::sort(ranks, {}, &RecordedRank::rank);
  return ranks;
}

std::string explain_stall(const std::vector<RecordedRank>& ranks) {
  std::vector<Absence> found = absences(ranks);
  // A rank that is gone is the cause; one that waits in something itself is a consequence.
  const auto innocence = [](const Absence& absence) {
    return is_lost(*absence.absent) ? 0 : pending(*absence.absent) == nullptr ? 1 : 2;
  };
  std::ranges::stable_sort(found, {}, innocence);
  const auto lost = std::ranges::find_if(ranks, is_lost);
  if (!found.empty() && (is_lost(*found[0].absent) || lost == ranks.end())) {
    const Absence& worst = found[0];
    const std::string last =
        worst.record->begun < 0 ? "it had not come to any" : fmt::format("its last was {}", numbered(*worst.record));
    return fmt::format("{} {}never entered {}, where {} waited; {}", placed(*worst.absent),
                       is_lost(*worst.absent) ? "died and " : "", numbered(*worst.awaited), placed(*worst.waiting),
                       last);
  }
  if (lost == ranks.end()) return {};
  if (const RecordedGroup* within = pending(*lost))
    return fmt::format("{} died in {}", placed(*lost), numbered(*within));
  for (const RecordedRank& rank : ranks)
    if (const RecordedGroup* awaited = pending(rank))
      return fmt::format("{} died and never came to {} of {}", placed(*lost), numbered(*awaited), placed(rank));
  return fmt::format("{} died outside of any collective", placed(*lost));
}

}  // namespace trainyard::core
