#include "report/guarded_read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <new>

#include "core/error.h"
#include "report/sample_runs.h"
#include "report/wire.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;

TEST(Wire, PassesALogOnWhole) {
  RankLog log = testing::sample_log(1, 2, {5, 6, 7});
  log.attributes.config = std::string("a\0b", 3);
  log.attributes.epoch_unix_ns = -9;
  log.epochs = {{.epoch = 3, .val_accuracy = 0.25}};
  log.memory = {{.step = 64, .peak_bytes = 11}};
  log.collectives = {{.sequence = 4, .op = log::CollectiveOp::kBarrier, .start_ns = 1, .end_ns = 2}};
  log.events = {{.time_ns = 9, .kind = "signal", .text = "USR2"}, {.time_ns = 10, .kind = "warning", .text = ""}};
  log.steps.start_ns = {7, 8};
  log.steps.comm_ns = {1, std::int64_t{1} << 40, 3};
  const RankLog again = from_bytes(to_bytes(log));
  EXPECT_EQ(again.path, log.path);
  EXPECT_EQ(again.attributes.config, log.attributes.config);
  EXPECT_EQ(again.attributes.epoch_unix_ns, -9);
  EXPECT_EQ(again.attributes.world_size, 2);
  EXPECT_TRUE(again.complete);
  EXPECT_EQ(again.steps.step_ns, log.steps.step_ns);
  EXPECT_EQ(again.steps.phase_ns, log.steps.phase_ns);
  EXPECT_EQ(again.steps.comm_ns, log.steps.comm_ns);
  EXPECT_EQ(again.steps.step, log.steps.step);
  EXPECT_EQ(again.steps.start_ns, log.steps.start_ns);
  EXPECT_EQ(again.steps.epochs.size(), 1U);
  EXPECT_EQ(again.steps.loss, log.steps.loss);
  ASSERT_EQ(again.collectives.size(), 1U);
  EXPECT_EQ(again.collectives[0].op, log::CollectiveOp::kBarrier);
  ASSERT_EQ(again.events.size(), 2U);
  EXPECT_EQ(again.events[0].text, "USR2");
  EXPECT_EQ(again.events[1].kind, "warning");
  ASSERT_EQ(again.epochs.size(), 1U);
  EXPECT_EQ(again.epochs[0].epoch, 3);
  EXPECT_EQ(again.epochs[0].val_accuracy, 0.25);
  ASSERT_EQ(again.memory.size(), 1U);
  EXPECT_EQ(again.memory[0].peak_bytes, 11);
}

TEST(Wire, LeavesColumnsWhereTheirOwnerKeepsThem) {
  RankLog log = testing::sample_log(0, 1, {5, 6, 9});
  log.steps.comm_ns = {1, std::int64_t{1} << 40, 3};
  auto bytes = std::make_shared<std::string>(to_bytes(log));
  const std::weak_ptr<std::string> kept = bytes;
  RankLog again = from_bytes(*bytes, bytes);
  bytes.reset();
  EXPECT_FALSE(kept.expired());
  EXPECT_EQ(again.steps.step_ns, log.steps.step_ns);
  EXPECT_EQ(again.steps.comm_ns, log.steps.comm_ns);
  again = RankLog();
  EXPECT_TRUE(kept.expired());
}

TEST(Wire, RefusesBytesThatEndEarly) {
  const std::string bytes = to_bytes(testing::sample_log(0, 1, {5, 6}));
  for (std::size_t length = 0; length < bytes.size(); length += 7) {
    EXPECT_THROW(from_bytes(std::string_view(bytes).substr(0, length)), core::Error);
  }
}

std::vector<LogFile> files(std::initializer_list<const char*> names) {
  std::vector<LogFile> result;
  for (const char* name : names)
    result.emplace_back().path = name;
  return result;
}

RankLog misbehave(const LogFile& file) {
  if (file.path == "crash") ::raise(SIGKILL);  // what a crash is to the parent, without a sanitizer's report
  if (file.path == "hang") ::pause();
  if (file.path == "error") throw core::Error("error: it is bad");
  return testing::sample_log(0, 1, std::vector<std::int64_t>(20'000, 7));
}

TEST(ReadGuarded, GoesOnAfterAFileThatKillsOrHoldsTheReader) {
  const auto results = read_guarded(files({"crash", "good", "error", "hang", "crash", "good", "hang"}), misbehave,
                                    std::chrono::milliseconds(1500));
  ASSERT_EQ(results.size(), 7U);
  EXPECT_THAT(std::get<std::string>(results[0]), HasSubstr("crashed on it (signal 9)"));
  EXPECT_EQ(std::get<RankLog>(results[1]).steps.size(), 20'000U);
  EXPECT_EQ(std::get<std::string>(results[2]), "error: it is bad");
  EXPECT_THAT(std::get<std::string>(results[3]), HasSubstr("did not end within 1.5 s"));
  EXPECT_THAT(std::get<std::string>(results[4]), HasSubstr("crashed"));
  EXPECT_EQ(std::get<RankLog>(results[5]).steps.step_ns.back(), 7);
  EXPECT_THAT(std::get<std::string>(results[6]), HasSubstr("did not end"));
}

TEST(ReadGuarded, SendsLogsForWhichSharedMemoryHasNoRoom) {
  const auto results = read_guarded(std::vector<LogFile>(6), [](const LogFile&) {
    const rlimit one_page{4096, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &one_page);
    std::vector<std::int64_t> step_ns(200'000, 7);  // some 1.6 MB with their losses: many turns of a socket
    step_ns.back() = 8;
    return testing::sample_log(0, 1, step_ns);
  });
  for (const ReadResult& result : results) {
    const auto* log = std::get_if<RankLog>(&result);
    ASSERT_NE(log, nullptr) << std::get<std::string>(result);
    EXPECT_EQ(log->steps.step_ns[199'998], 7);
    EXPECT_EQ(log->steps.step_ns.back(), 8);
  }
}

TEST(ReadGuarded, KeepsApartLogsThatTakeTheSamePlacesInSharedMemory) {
  std::vector<LogFile> many(40);
  for (std::size_t i = 0; i < many.size(); ++i)
    many[i].path = i % 9 == 4 ? "crash" : std::to_string(i);
  const auto results = read_guarded(many, [](const LogFile& file) {
    if (file.path == "crash") ::raise(SIGKILL);
    const std::int64_t number = std::stoll(file.path.string());
    std::vector<std::int64_t> step_ns(10'000 + 3'000 * static_cast<std::size_t>(number), number);
    step_ns.back() = 1'000 + number;
    return testing::sample_log(0, 1, step_ns);
  });
  for (std::size_t i = 0; i < many.size(); ++i) {
    const auto* log = std::get_if<RankLog>(&results[i]);
    ASSERT_EQ(log == nullptr, i % 9 == 4) << i;
    if (log == nullptr) continue;
    ASSERT_EQ(log->steps.size(), 10'000 + 3'000 * i);
    EXPECT_EQ(log->steps.step_ns.front(), static_cast<std::int64_t>(i));
    EXPECT_EQ(log->steps.step_ns.back(), static_cast<std::int64_t>(1'000 + i));
  }
}

TEST(ReadGuarded, OfNothingStartsNothing) {
  EXPECT_TRUE(read_guarded({}, misbehave).empty());
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(ReadGuarded, RefusesALogThatTakesTheMachinesMemory) {
  const auto results = read_guarded(files({"huge", "good"}), [](const LogFile& file) {
    // called by name, since a compiler may leave out a new-expression whose memory nobody uses
    if (file.path == "huge") ::operator delete(::operator new (std::size_t{6} << 30));
    return testing::sample_log(0, 1, {5});
  });
  ASSERT_EQ(results.size(), 2U);
  ASSERT_TRUE(std::holds_alternative<std::string>(results[0]));
  EXPECT_THAT(std::get<std::string>(results[0]), HasSubstr("more than 4 GiB"));
  EXPECT_TRUE(std::holds_alternative<RankLog>(results[1]));
}
#endif

}  // namespace
}  // namespace trainyard::report
