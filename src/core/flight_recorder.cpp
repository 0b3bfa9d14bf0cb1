#include "core/flight_recorder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/flight_page.h"

namespace trainyard::core {
namespace {

template <std::size_t N>
void put_text(char (&to)[N], std::string_view text) {
  const std::size_t length = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), length);
  to[length] = '\0';
}

}  // namespace

void FlightRecorder::Group::called(std::int64_t sequence) {
  if (entry_ != nullptr) entry_->called.store(sequence, std::memory_order_release);
}

void FlightRecorder::Group::begun(std::int64_t sequence, std::string_view text) {
  if (entry_ == nullptr) return;
  entry_->version.fetch_add(1, std::memory_order_acq_rel);
  put_text(entry_->text, text);
  entry_->begun.store(sequence, std::memory_order_release);
  entry_->version.fetch_add(1, std::memory_order_release);
}

void FlightRecorder::Group::ended(std::int64_t sequence) {
  if (entry_ != nullptr) entry_->ended.store(sequence, std::memory_order_release);
}

FlightRecorder::FlightRecorder(int rank, int ranks, std::string_view node) {
  void* memory = mmap(nullptr, sizeof(FlightPage), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw Error("no memory for the record of collectives: " + system_error_text(errno));
  page_ = new (memory) FlightPage{};
  page_->magic = kFlightMagic;
  page_->rank = rank;
  page_->ranks = ranks;
  put_text(page_->node, node);
}

FlightRecorder::~FlightRecorder() {
  munmap(page_, sizeof(FlightPage));
}

FlightRecorder::Group FlightRecorder::open(std::string_view name, bool compared) {
  const std::int32_t index = page_->groups.load();
  if (index == kMostGroups) return Group();
  GroupEntry& entry = page_->group[index];
  put_text(entry.name, name);
  entry.compared = compared ? 1 : 0;
  entry.called = entry.begun = entry.ended = -1;
  page_->groups.store(index + 1, std::memory_order_release);
  return Group(&entry);
}

void FlightRecorder::keep_in(const std::filesystem::path& folder) {
  auto file =
      std::make_unique<Descriptor>(folder / fmt::format("rank-{:05}.calls", page_->rank), O_RDWR | O_CREAT | O_TRUNC);
  static_cast<void>(flock(file->get(), LOCK_EX | LOCK_NB));  // a file system without locks tells less
  file->write_all({reinterpret_cast<const char*>(page_), sizeof(FlightPage)});
  // In place: what is called meanwhile on another thread goes to either copy, and the next call to the file's.
  if (mmap(page_, sizeof(FlightPage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file->get(), 0) == MAP_FAILED)
    throw Error("cannot map " + file->path().string() + ": " + system_error_text(errno));
  file_ = std::move(file);
}

void FlightRecorder::discard() noexcept {
  std::error_code ignored;
  if (file_) std::filesystem::remove(file_->path(), ignored);
}

void FlightRecorder::set_state(RankState state) {
  page_->state = static_cast<std::int32_t>(state);
}

std::atomic<std::int32_t>& FlightRecorder::state() {
  return page_->state;
}

bool claim_failure(const std::filesystem::path& folder, std::string_view line) {
  const std::filesystem::path path = folder / "failure.txt";
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) return errno != EEXIST;
  const std::string text = std::string(line) + "\n";
  static_cast<void>(!write(descriptor, text.data(), text.size()));  // it is said on stderr, too
  close(descriptor);
  return true;
}

void leave_launch_note(const std::filesystem::path& folder) noexcept {
  const char* note = std::getenv(kLaunchNote);
  if (note == nullptr) return;
  try {
    write_file_atomically(note, folder.string() + "\n");
  } catch (const std::exception&) {
    // The launcher may run on another machine.
  }
}

bool has_launch_note() {
  return std::getenv(kLaunchNote) != nullptr;
}

}  // namespace trainyard::core
