#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "comm/bootstrap.h"
#include "comm/sweep.h"
#include "config/enum_names.h"
#include "core/error.h"
#include "core/logging.h"
#include "core/main.h"
#include "core/text.h"

namespace po = boost::program_options;
using namespace trainyard;

namespace {

constexpr const char* kUsage =
    "usage: tools/launch -n RANKS -- tools/bench comm [--op OP] [--type TYPE] [--min-bytes N] [--max-bytes N]\n"
    "                                                 [--iterations N] [--device D] [--json]\n\n"
    "Measures the collectives that training uses, between the ranks and on the devices that it would use. Prints the\n"
    "time of each size (the median; of the slowest rank), the algorithm bandwidth, which is bytes over time, and the\n"
    "bus bandwidth, which is that times 2 (n-1)/n for all_reduce, (n-1)/n for reduce_scatter and all_gather, and 1 "
    "for\n"
    "broadcast and sendrecv, as in nccl-tests, doc/PERFORMANCE.md. GB/s are 10^9 bytes a second.\n";

constexpr std::pair<const char*, at::ScalarType> kTypes[] = {
    {"fp32", at::kFloat}, {"fp64", at::kDouble}, {"fp16", at::kHalf}, {"bf16", at::kBFloat16}, {"int64", at::kLong}};

struct Arguments {
  comm::SweepOptions sweep;
  std::string type_name;
  config::DeviceKind device = config::DeviceKind::kAuto;
  bool json = false;
  bool help = false;
  bool version = false;
  std::string help_text;
};

/// 4096, 64K, 8M or 1G: times 1024 each.
std::int64_t byte_count(const std::string& option, const std::string& text) {
  constexpr std::string_view kUnits = "KMG";
  constexpr std::int64_t kLargest = std::int64_t{1} << 40;
  std::string digits = text;
  int shift = 0;
  if (const auto unit = text.empty() ? std::string_view::npos : kUnits.find(text.back());
      unit != std::string_view::npos) {
    digits.pop_back();
    shift = 10 * (static_cast<int>(unit) + 1);
  }
  const auto count = core::parse_int64(digits);
  if (!count || *count < 1 || *count > kLargest >> shift)
    throw core::UsageError(fmt::format("--{} {}: 1 to 1024G, as 4096, 64K, 8M or 1G", option, text));
  return *count << shift;
}

std::vector<comm::SweepOperation> operations_of(const std::string& text) {
  if (text == "all") return {std::begin(comm::kSweepOperations), std::end(comm::kSweepOperations)};
  for (const comm::SweepOperation operation : comm::kSweepOperations)
    if (comm::name(operation) == text) return {operation};
  throw core::UsageError(
      fmt::format("--op {}: all, all_reduce, reduce_scatter, all_gather, broadcast or sendrecv", text));
}

at::ScalarType type_of(const std::string& text) {
  for (const auto& [name, type] : kTypes)
    if (name == text) return type;
  throw core::UsageError(fmt::format("--type {}: fp32, fp64, fp16, bf16 or int64", text));
}

config::DeviceKind device_of(const std::string& text) {
  if (const auto kind = config::from_name<config::DeviceKind>(text)) return *kind;
  throw core::UsageError(fmt::format("--device {}: auto, cpu or cuda", text));
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  po::options_description shown("Options");
  std::string operation = "all";
  std::string min_bytes = "1K";
  std::string max_bytes = "64M";
  std::string iterations = "20";
  std::string device = "auto";
  arguments.type_name = "fp32";
  shown.add_options()  //
      ("op", po::value(&operation)->value_name("OP"),
       "all (default), all_reduce, reduce_scatter, all_gather, broadcast or sendrecv, a ring")                      //
      ("type", po::value(&arguments.type_name)->value_name("TYPE"), "fp32 (default), fp64, fp16, bf16 or int64")    //
      ("min-bytes", po::value(&min_bytes)->value_name("N"), "the smallest size (1K); each next one is twice that")  //
      ("max-bytes", po::value(&max_bytes)->value_name("N"), "the largest size (64M)")                               //
      ("iterations", po::value(&iterations)->value_name("N"), "measured for each size (20), after 5 to warm up")    //
      ("device", po::value(&device)->value_name("D"), "auto (default), cpu or cuda")                                //
      ("json", po::bool_switch(&arguments.json),
       "print an array of {op, type, bytes, ranks, time_us, algbw_gbps, "
       "busbw_gbps} and nothing else")                                    //
      ("help,h", po::bool_switch(&arguments.help), "print this and end")  //
      ("version", po::bool_switch(&arguments.version), "print the version and end");
  namespace style = po::command_line_style;
  std::vector<std::string> subjects;
  try {
    po::variables_map values;
    const auto parsed = po::command_line_parser(words)
                            .options(shown)
                            .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next |
                                   style::allow_short | style::allow_dash_for_short | style::short_allow_next)
                            .run();
    for (const po::option& option : parsed.options)
      if (option.position_key >= 0) subjects.insert(subjects.end(), option.value.begin(), option.value.end());
    po::store(parsed, values);
    po::notify(values);
  } catch (const po::error& error) {
    throw core::UsageError(fmt::format("{}; see --help", error.what()));
  }
  arguments.help_text = fmt::format("{}\n{}", kUsage, fmt::streamed(shown));
  if (arguments.help || arguments.version) return arguments;
  if (subjects != std::vector<std::string>{"comm"})
    throw core::UsageError(subjects.empty() ? "nothing to measure: tools/bench comm"
                                            : fmt::format("{}: it measures comm alone",
                                                          subjects.front() == "comm" ? subjects[1] : subjects.front()));
  arguments.sweep.operations = operations_of(operation);
  arguments.sweep.type = type_of(arguments.type_name);
  arguments.sweep.min_bytes = byte_count("min-bytes", min_bytes);
  arguments.sweep.max_bytes = byte_count("max-bytes", max_bytes);
  if (arguments.sweep.max_bytes < arguments.sweep.min_bytes)
    throw core::UsageError(fmt::format("--max-bytes {}: smaller than --min-bytes {}", max_bytes, min_bytes));
  const auto count = core::parse_int64(iterations);
  if (!count || *count < 1 || *count > 1'000'000)
    throw core::UsageError(fmt::format("--iterations {}: 1 to 1000000", iterations));
  arguments.sweep.iterations = static_cast<int>(*count);
  arguments.device = device_of(device);
  return arguments;
}

void print_table_head(const Arguments& arguments, const comm::World& world) {
  fmt::print("# {} rank{} on {} node{}, {}, {}; median of {} after {}\n", world.size, world.size == 1 ? "" : "s",
             world.nodes, world.nodes == 1 ? "" : "s", world.device.type() == at::kCUDA ? "cuda" : "cpu",
             world.data->backend(), arguments.sweep.iterations, comm::kSweepWarmUp);
  fmt::print("{:>14} {:>6} {:>12} {:>12} {:>12} {:>12}\n", "op", "type", "bytes", "time us", "algbw GB/s",
             "busbw GB/s");
}

void print_rows(const Arguments& arguments, const comm::World& world) {
  const bool speaks = world.rank == 0;
  if (speaks && !arguments.json) print_table_head(arguments, world);
  bool first = true;
  comm::sweep(world, arguments.sweep, [&](const comm::SweepRow& row) {
    if (!speaks) return;
    if (arguments.json) {
      fmt::print(
          "{}{{\"op\": \"{}\", \"type\": \"{}\", \"bytes\": {}, \"ranks\": {}, \"time_us\": {:.3f}, "
          "\"algbw_gbps\": {:.6f}, \"busbw_gbps\": {:.6f}}}",
          first ? "[" : ",\n ", comm::name(row.operation), arguments.type_name, row.bytes, world.size, row.time_us,
          row.algbw_gbps, row.busbw_gbps);
    } else {
      fmt::print("{:>14} {:>6} {:>12} {:>12.1f} {:>12.3f} {:>12.3f}\n", comm::name(row.operation), arguments.type_name,
                 row.bytes, row.time_us, row.algbw_gbps, row.busbw_gbps);
      std::fflush(stdout);
    }
    first = false;
  });
  if (speaks && arguments.json) fmt::print("{}]\n", first ? "[" : "");
}

/// The rank's life while MPI is up. A refusal is for rank 0 to say once MPI has come down in order.
void measure(Arguments arguments, std::optional<std::string>& refusal, bool& speaks) {
  // No device is needed to say what is wrong.
  const comm::World world = comm::bootstrap({.device = refusal ? config::DeviceKind::kCpu : arguments.device});
  speaks = world.rank == 0;
  std::vector<comm::SweepOperation>& operations = arguments.sweep.operations;
  if (world.size == 1) {  // a ring of one rank has nobody to send to
    std::erase(operations, comm::SweepOperation::kSendReceive);
    if (operations.empty() && !refusal) refusal = "--op sendrecv: start 2 ranks: tools/launch -n 2 -- tools/bench comm";
  }
  if (refusal) return;
  if (world.size == 1) return print_rows(arguments, world);
  core::set_up_logging(
      {.rank = world.rank, .world_size = world.size, .host = world.node, .level = core::LogLevel::kInfo});
  try {
    print_rows(arguments, world);
  } catch (const std::exception& error) {
    // The others wait for a rank that will not come.
    core::log_error(error.what());
    comm::abort_ranks(1);
  }
}

int run(const std::vector<std::string>& words) {
  Arguments arguments;
  std::optional<std::string> refusal;
  try {
    arguments = parse(words);
  } catch (const core::UsageError& error) {
    refusal = error.what();  // said once, when the ranks have found each other
  }
  if (arguments.help) {
    fmt::print("{}", arguments.help_text);
    return 0;
  }
  if (arguments.version) {
    fmt::print("bench (trainyard) {}\n", TRAINYARD_VERSION);
    return 0;
  }
  bool speaks = true;
  try {
    measure(std::move(arguments), refusal, speaks);
  } catch (const comm::RefusedElsewhere&) {
    return 2;  // rank 0 says it
  }
  if (refusal && speaks) throw core::UsageError(*refusal);
  return refusal ? 2 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return core::run_main(argc, argv, "bench", run);
}
