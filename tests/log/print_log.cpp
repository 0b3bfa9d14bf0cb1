// Prints one line a log as our reader sees it: rows of /steps, of all other tables, sum of step_ns, or the error.
// usage: log_print_log LOG...
#include <cstdio>
#include <numeric>

#include "core/error.h"
#include "core/main.h"
#include "log/reader.h"

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "log_print_log", [](const std::vector<std::string>& arguments) {
    using namespace trainyard::log;
    for (const std::string& path : arguments) {
      try {
        const Reader reader(path);
        const auto steps = reader.read<StepRow>();
        std::size_t others = 0;
        for_each_table([&]<class Row>(std::type_identity<Row>) { others += reader.read<Row>().size(); });
        const auto& step_ns = steps[&StepRow::step_ns];
        std::printf("%zu %zu %lld %s\n", steps.size(), others - steps.size(),
                    static_cast<long long>(std::accumulate(step_ns.begin(), step_ns.end(), std::int64_t{0})),
                    reader.attributes().model.c_str());
      } catch (const trainyard::core::Error& error) {
        std::printf("error: %s\n", error.what());
      }
    }
    return 0;
  });
}
