#include "log/writer.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "core/clock.h"
#include "core/error.h"
#include "core/hdf5.h"
#include "log/reader.h"
#include "sample_log.h"
#include "support/temporary_folder.h"

namespace trainyard::log {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using trainyard::testing::entries;
using trainyard::testing::sample_attributes;
using trainyard::testing::sample_step;
using trainyard::testing::TemporaryFolder;
using namespace std::chrono_literals;

std::size_t steps_in(const std::filesystem::path& path) {
  return Reader(path).read<StepRow>().size();
}

TEST(Writer, TheFileIsThereFromTheStart) {
  const TemporaryFolder folder;
  const Writer writer(folder / "rank-00000.h5", sample_attributes());
  const Reader reader(folder / "rank-00000.h5");
  EXPECT_FALSE(reader.complete());
  EXPECT_EQ(reader.attributes().run, sample_attributes().run);
  EXPECT_EQ(reader.attributes().hdf5_version, core::hdf5::library_version());
  EXPECT_TRUE(reader.has<StepRow>());
  EXPECT_FALSE(reader.has<EpochRow>());
}

TEST(Writer, WhatIsWrittenComesBackInOrderAtEveryLength) {
  // Around the lengths at which batches, chunks and the two files' turns meet.
  for (const std::int64_t steps : {0, 1, 47, 48, 49, 64, 65, 96, 128, 145, 1000}) {
    const TemporaryFolder folder;
    const auto path = folder / "log.h5";
    trainyard::testing::write_sample(path, steps);
    const Reader reader(path);
    EXPECT_TRUE(reader.complete());
    const Columns<StepRow> rows = reader.read<StepRow>();
    ASSERT_EQ(rows.size(), static_cast<std::size_t>(steps));
    for (std::int64_t i = 0; i < steps; ++i) {
      const StepRow row = rows.row(static_cast<std::size_t>(i));
      const StepRow expected = sample_step(i);
      for (const Field<StepRow>& field : table<StepRow>().fields) {
        std::visit([&](auto member) { ASSERT_EQ(row.*member, expected.*member) << field.name << i; }, field.member);
      }
    }
    EXPECT_EQ(reader.read<EpochRow>().row(0).val_accuracy, 0.75);
    EXPECT_TRUE(std::isnan(reader.read<EpochRow>().row(0).lr));
    EXPECT_EQ(reader.read<MemoryRow>().row(0).activations_bytes, 9);
    EXPECT_EQ(reader.read<MemoryRow>().row(0).parameters_bytes, -1);
    EXPECT_EQ(reader.read<CollectiveRow>().row(0).op, CollectiveOp::kReduceScatter);
    EXPECT_EQ(reader.read<DeviceRow>().row(0).power_w, 300);
    EXPECT_EQ(reader.read<InferenceRow>().row(0).samples, 15);
    EXPECT_EQ(reader.read<AccuracyRow>().row(0).correct, 18);
    EXPECT_EQ(reader.read<EventRow>().row(0).text, "USR2 \u00e9");
    EXPECT_EQ(entries(folder.path()), 1U) << "a shadow is left";
  }
}

TEST(Writer, FlushPublishesEveryRowOnce) {
  const TemporaryFolder folder;
  const auto path = folder / "log.h5";
  Writer writer(path, sample_attributes());
  std::size_t expected = 0;
  for (const std::size_t batch : {1U, 5U, 64U, 0U, 100U, 3U}) {
    for (std::size_t i = 0; i < batch; ++i)
      writer.append(sample_step(static_cast<std::int64_t>(expected++)));
    writer.append(CollectiveRow{.sequence = static_cast<std::int64_t>(expected)});
    writer.flush();
    const auto steps = Reader(path).read<StepRow>();
    ASSERT_EQ(steps.size(), expected);
    for (std::size_t i = 0; i < expected; ++i)
      EXPECT_EQ(steps[&StepRow::step][i], static_cast<std::int64_t>(i));
    EXPECT_EQ(Reader(path).read<CollectiveRow>()[&CollectiveRow::sequence].back(), static_cast<std::int64_t>(expected));
  }
}

TEST(Writer, NeverHoldsBackMoreThanTheLimit) {
  const TemporaryFolder folder;
  const auto path = folder / "log.h5";
  Writer writer(path, sample_attributes(), {.flush_interval = 1h});
  for (std::int64_t i = 0; i < 500; ++i) {
    writer.append(sample_step(i));
    if (i % 37 == 0) {
      EXPECT_GE(steps_in(path) + Writer::kMaxUnpublishedSteps, static_cast<std::size_t>(i + 1));
    }
  }
}

TEST(Writer, PublishesByTimeToo) {
  const TemporaryFolder folder;
  Writer writer(folder / "log.h5", sample_attributes(), {.flush_interval = 20ms});
  writer.append(sample_step(0));
  const std::int64_t deadline_ns = core::steady_ns() + 10'000'000'000;
  while (steps_in(folder / "log.h5") == 0 && core::steady_ns() < deadline_ns)
    std::this_thread::sleep_for(5ms);
  EXPECT_EQ(steps_in(folder / "log.h5"), 1U);
}

TEST(Writer, WithoutFinishItIsPublishedButNotComplete) {
  const TemporaryFolder folder;
  {
    Writer writer(folder / "log.h5", sample_attributes(), {.flush_interval = 1h});
    for (std::int64_t i = 0; i < 10; ++i)
      writer.append(sample_step(i));
  }
  EXPECT_EQ(steps_in(folder / "log.h5"), 10U);
  EXPECT_FALSE(Reader(folder / "log.h5").complete());
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(Writer, RefusesAfterFinish) {
  const TemporaryFolder folder;
  Writer writer(folder / "log.h5", sample_attributes());
  writer.finish();
  EXPECT_THAT([&] { writer.append(sample_step(0)); }, ThrowsMessage<core::Error>(HasSubstr("finished")));
}

TEST(Writer, RefusesALogThatIsThere) {
  const TemporaryFolder folder;
  const auto path = folder / "log.h5";
  Writer first(path, sample_attributes());
  EXPECT_THAT([&] { Writer(path, sample_attributes()); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr(path.string()), HasSubstr("exists already"))));
  first.append(sample_step(0));
  first.finish();
  EXPECT_EQ(steps_in(path), 1U);
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(Writer, NamesAFolderThatIsNotThere) {
  const TemporaryFolder folder;
  const auto path = folder / "none/log.h5";
  EXPECT_THAT([&] { Writer(path, sample_attributes()); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr(path.string()), HasSubstr("No such file or directory"))));
}

TEST(Writer, AFolderThatGoesAwaySurfaces) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "sub");
  const auto path = folder / "sub/log.h5";
  Writer writer(path, sample_attributes());
  std::filesystem::remove_all(folder / "sub");
  writer.append(sample_step(0));
  const auto names_it = ThrowsMessage<core::Error>(AllOf(HasSubstr(path.string()), HasSubstr("No such file")));
  EXPECT_THAT([&] { writer.flush(); }, names_it);
  EXPECT_THAT([&] { writer.append(sample_step(1)); }, names_it);
  EXPECT_THAT([&] { writer.finish(); }, names_it);
}

TEST(Writer, AFullDiskSurfacesAndLeavesAReadableLog) {
  const TemporaryFolder folder;
  const auto path = folder / "log.h5";
  rlimit former{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &former), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  std::int64_t appended = 0;
  {
    Writer writer(path, sample_attributes());
    rlimit small = former;
    small.rlim_cur = 60'000;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    EXPECT_THAT(
        [&] {
          for (;; ++appended)
            writer.append(sample_step(appended));
        },
        ThrowsMessage<core::Error>(HasSubstr(path.string())));
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &former), 0);
  }
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_GE(steps_in(path) + Writer::kMaxUnpublishedSteps, static_cast<std::size_t>(appended));
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(Writer, AReaderThatStaysIsWorkedAround) {
  const TemporaryFolder folder;
  const auto path = folder / "log.h5";
  Writer writer(path, sample_attributes());
  writer.append(sample_step(0));
  writer.flush();
  const Reader reader(path);  // holds its lock on this version
  for (std::int64_t i = 1; i <= 5; ++i) {
    writer.append(sample_step(i));
    writer.flush();
  }
  EXPECT_EQ(reader.read<StepRow>().size(), 1U) << "its version must not change under a reader";
  EXPECT_EQ(steps_in(path), 6U);
  writer.finish();
  EXPECT_EQ(steps_in(path), 6U);
}

TEST(Writer, ReadersNeverSeeABrokenFile) {
  const TemporaryFolder folder;
  const auto path = folder / "log.h5";
  Writer writer(path, sample_attributes());
  std::atomic<bool> done = false;
  std::thread follower([&] {
    std::size_t last = 0;
    try {
      while (!done) {
        const auto steps = Reader(path).read<StepRow>();
        EXPECT_GE(steps.size(), last);
        for (std::size_t i = 0; i < steps.size(); ++i) {
          EXPECT_EQ(steps[&StepRow::step_ns][i], sample_step(static_cast<std::int64_t>(i)).step_ns);
        }
        last = steps.size();
      }
    } catch (const core::Error& error) {
      ADD_FAILURE() << error.what();
    }
  });
  for (std::int64_t i = 0; i < 3000; ++i)
    writer.append(sample_step(i));
  writer.finish();
  done = true;
  follower.join();
}

TEST(Writer, AFileSystemThatDoesNotAnswerIsAnError) {
  const TemporaryFolder folder;
  const auto path = folder / "log.h5";
  const auto writer = std::make_unique<Writer>(path, sample_attributes(), WriterOptions{.stall_limit = 50ms});
  const core::hdf5::LibraryLock stalled;  // nobody gets a file written now
  EXPECT_THAT(
      [&] {
        for (std::int64_t i = 0; i < 100; ++i)
          writer->append(sample_step(i));
      },
      ThrowsMessage<core::Error>(AllOf(HasSubstr(path.string()), HasSubstr("has not answered for 50.0 ms"))));
}

TEST(Writer, ThreadsMayShareIt) {
  const TemporaryFolder folder;
  Writer writer(folder / "log.h5", sample_attributes());
  std::thread steps([&] {
    for (std::int64_t i = 0; i < 1000; ++i)
      writer.append(sample_step(i));
  });
  for (std::int64_t i = 0; i < 20'000; ++i)
    writer.append(CollectiveRow{.sequence = i});
  steps.join();
  writer.finish();
  EXPECT_EQ(steps_in(folder / "log.h5"), 1000U);
  EXPECT_EQ(Reader(folder / "log.h5").read<CollectiveRow>().size(), 20'000U);
}

TEST(Writer, CostOfAStep) {
  const TemporaryFolder folder;
  constexpr std::int64_t kSteps = 4000;
  constexpr auto kStep = 500us;  // 2 kHz, far faster than training
  Writer writer(folder / "log.h5", sample_attributes());
  std::int64_t append_ns = 0;
  timespec before{}, after{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  for (std::int64_t i = 0; i < kSteps; ++i) {
    const std::int64_t start_ns = core::steady_ns();
    writer.append(sample_step(i));
    append_ns += core::steady_ns() - start_ns;
    std::this_thread::sleep_for(kStep);
  }
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  writer.finish();
  const double cpu_us = static_cast<double>(after.tv_sec - before.tv_sec) * 1e6 +
                        static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e3;
  std::printf("timing log at 2 kHz: %.0f ns an append, %.1f us CPU a step in all; %ju bytes for %jd steps\n",
              static_cast<double>(append_ns) / kSteps, cpu_us / kSteps,
              static_cast<std::uintmax_t>(std::filesystem::file_size(folder / "log.h5")),
              static_cast<std::intmax_t>(kSteps));
}

}  // namespace
}  // namespace trainyard::log
