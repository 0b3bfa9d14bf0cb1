// Writes steps to a log at about 2 kHz until it is killed. Says on stdout, after each append, how many it has made.
// usage: log_step_writer LOG
#include <unistd.h>

#include <chrono>
#include <thread>

#include "core/main.h"
#include "sample_log.h"

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "log_step_writer", [](const std::vector<std::string>& arguments) {
    trainyard::log::Writer writer(arguments.at(0), trainyard::testing::sample_attributes());
    for (std::int64_t step = 0;; ++step) {
      writer.append(trainyard::testing::sample_step(step));
      const std::int64_t appended = step + 1;
      // One write of 8 bytes: whole in the pipe or not there.
      if (::write(STDOUT_FILENO, &appended, sizeof appended) != sizeof appended) return 0;
      if (step % 25 == 0) writer.append(trainyard::log::EventRow{.time_ns = step, .kind = "checkpoint", .text = ""});
      std::this_thread::sleep_for(std::chrono::microseconds(450));
    }
  });
}
