#include "training/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/logging.h"
#include "core/terminal.h"
#include "core/text.h"

namespace trainyard::training {
namespace {

constexpr std::int64_t kBarInterval_ns = 100'000'000;
constexpr std::int64_t kLineInterval_ns = 10'000'000'000;
constexpr double kNsPerSecond = 1e9;
/// Weight of the newest step in the mean: about the last 20 count.
constexpr double kSmoothing = 0.05;

int bar_columns() {
  if (core::is_terminal(core::Stream::kErr)) return core::terminal_width(core::Stream::kErr);
  const char* columns = std::getenv("TRAINYARD_TERMINAL_COLUMNS");
  if (columns == nullptr) return 0;
  return static_cast<int>(std::clamp<std::int64_t>(core::parse_int64(columns).value_or(0), 0, 1000));
}

std::string percent(double fraction) {
  return std::isnan(fraction) ? "-" : fmt::format("{:.1f} %", 100.0 * fraction);
}

/// Nothing where another rank has it: the first stage of a pipeline sees no loss.
std::string loss(std::string_view lead, const log::StepRow& row) {
  return row.samples > 0 ? fmt::format("{}{:.4f}", lead, row.loss) : std::string();
}

std::string duration(double seconds) {
  return core::format_duration_ns(std::llround(seconds * kNsPerSecond));
}

}  // namespace

Progress::Progress(const Plan& plan, bool shown)
    : plan_(plan), shown_(shown), columns_(bar_columns()), last_shown_ns_(core::steady_ns()) {}

Progress::~Progress() {
  clear_bar();
}

void Progress::step(const log::StepRow& row) {
  if (!shown_) return;
  const double seconds = static_cast<double>(row.step_ns) / kNsPerSecond;
  step_seconds_ = step_seconds_ == 0.0 ? seconds : (1.0 - kSmoothing) * step_seconds_ + kSmoothing * seconds;
  const std::int64_t now_ns = core::steady_ns();
  if (now_ns - last_shown_ns_ < (columns_ > 0 ? kBarInterval_ns : kLineInterval_ns)) return;
  last_shown_ns_ = now_ns;
  if (columns_ > 0) {
    draw_bar(row);
  } else {
    print_line(row);
  }
}

void Progress::epoch(const log::EpochRow& row) {
  if (!shown_) return;
  clear_bar();
  core::log_info(
      fmt::format("epoch {}/{}: loss {:.4f}, accuracy {} in training; loss {:.4f}, accuracy {} in validation; {}",
                  row.epoch + 1, plan_.epochs, row.train_loss, percent(row.train_accuracy), row.val_loss,
                  percent(row.val_accuracy), duration(static_cast<double>(row.duration_ns) / kNsPerSecond)));
  last_shown_ns_ = core::steady_ns();
}

double Progress::seconds_left(std::int64_t step) const {
  return static_cast<double>(plan_.total_steps - step - 1) * step_seconds_;
}

double Progress::samples_per_second() const {
  return static_cast<double>(plan_.step_samples) / std::max(step_seconds_, 1e-9);
}

void Progress::draw_bar(const log::StepRow& row) const {
  const std::string head = fmt::format("epoch {}/{} ", row.epoch + 1, plan_.epochs);
  const std::string tail = fmt::format(" {}/{}  {}{}  {} left", row.step + 1, plan_.total_steps,
                                       core::format_rate(samples_per_second(), "samples"), loss("  loss ", row),
                                       duration(seconds_left(row.step)));
  const int room = columns_ - static_cast<int>(head.size() + tail.size()) - 3;
  std::string bar;
  if (room >= 5) {
    const auto width = static_cast<std::size_t>(std::min(room, 40));
    const auto full = static_cast<std::size_t>(static_cast<double>(width) * static_cast<double>(row.step + 1) /
                                               static_cast<double>(plan_.total_steps));
    bar = fmt::format("[{:=<{}}{: <{}}]", "", full, "", width - full);
  }
  fmt::print(stderr, "\r\x1b[K{}{}{}", head, bar, tail);
  std::fflush(stderr);
}

void Progress::print_line(const log::StepRow& row) const {
  core::log_info(fmt::format("epoch {}/{}, step {}/{}: {}{}, {} left", row.epoch + 1, plan_.epochs, row.step + 1,
                             plan_.total_steps, core::format_rate(samples_per_second(), "samples"),
                             loss(", loss ", row), duration(seconds_left(row.step))));
}

void Progress::clear_bar() const {
  if (!shown_ || columns_ == 0) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

}  // namespace trainyard::training
