#pragma once

#include <concepts>
#include <cstdint>

namespace trainyard::data {

/// What a random number is for. Each purpose draws from a stream of its own, so that adding one never shifts another.
enum class RandomStream : std::uint64_t {
  kOrder = 1,
  kAugmentation = 2,
  kSyntheticPattern = 3,
  kSyntheticImage = 4,
  kTraining = 5,
  kBatchOrder = 6,
  kSyntheticText = 7,
};

constexpr std::uint64_t kRandomIncrement = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio, odd

/// A bijection of 64 bits in which every output bit depends on every input bit: the finaliser of SplitMix64 (Steele,
/// Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators").
constexpr std::uint64_t mix_bits(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

/// 64 random bits that are a pure function of the arguments, the same on every machine.
template <std::integral... Keys>
constexpr std::uint64_t random_bits(RandomStream stream, std::uint64_t seed, Keys... keys) {
  std::uint64_t state = mix_bits(seed + kRandomIncrement);
  state = mix_bits(state ^ static_cast<std::uint64_t>(stream));
  ((state = mix_bits((state + kRandomIncrement) ^ static_cast<std::uint64_t>(keys))), ...);
  return state;
}

/// The i-th 64 random bits of the stream that starts at `key` (one of random_bits).
constexpr std::uint64_t random_bits_at(std::uint64_t key, std::uint64_t i) {
  return mix_bits(key + (i + 1) * kRandomIncrement);
}

/// `bits` scaled to [0, bound): the high half of the 128-bit product. Its bias is below bound / 2^64.
constexpr std::uint64_t scale_to(std::uint64_t bits, std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * bound) >> 64);
}

}  // namespace trainyard::data
