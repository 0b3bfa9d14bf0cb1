#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

/// How a flight record lies in memory and in its file; flight_recorder.cpp writes it, flight_report.cpp reads it.
namespace trainyard::core {

inline constexpr std::uint64_t kFlightMagic = 0x3230544847494c46;  // FLIGHT02
inline constexpr int kMostGroups = 48;
inline constexpr std::size_t kNameBytes = 64;
inline constexpr std::size_t kTextBytes = 160;

struct GroupEntry {
  char name[kNameBytes];  ///< ends in a zero
  std::int32_t compared;
  std::atomic<std::uint32_t> version;  ///< odd while begun and text change
  std::atomic<std::int64_t> called;
  std::atomic<std::int64_t> begun;
  std::atomic<std::int64_t> ended;
  char text[kTextBytes];
};

struct FlightPage {
  std::uint64_t magic;
  std::int32_t rank;
  std::int32_t ranks;
  std::atomic<std::int32_t> state;
  std::atomic<std::int32_t> groups;
  char node[kNameBytes];
  GroupEntry group[kMostGroups];
};

}  // namespace trainyard::core
