#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

namespace trainyard::report {

/// A column of counts or times, none of them negative, in as little memory as they need: none where all are equal or
/// each is one more than the one before, 4 bytes each where that is enough, else 8. The steps of a thousand ranks are
/// held as such columns. Copies share the numbers, which never change.
class Counts {
 public:
  Counts() = default;
  Counts(const std::vector<std::int64_t>& values);  // implicit: a column is a list of numbers
  Counts(std::initializer_list<std::int64_t> values) : Counts(std::vector<std::int64_t>(values)) {}
  Counts(std::vector<std::uint32_t> values);
  /// `size` values from `first`, each `slope` (0 or 1) more than the one before.
  static Counts linear(std::size_t size, std::int64_t first, std::int64_t slope);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Each value is one more than the one before; so of one value, and of none.
  bool counts_up() const { return narrow_.empty() && wide_.empty() && (slope_ == 1 || size_ < 2); }

  std::int64_t operator[](std::size_t index) const {
    if (!narrow_.empty()) return narrow_[index];
    if (!wide_.empty()) return wide_[index];
    return first_ + slope_ * static_cast<std::int64_t>(index);
  }
  std::int64_t front() const { return (*this)[0]; }
  std::int64_t back() const { return (*this)[size_ - 1]; }
  std::vector<std::int64_t> values() const;

  /// Calls `use` with a function from index to value that a loop over many can afford.
  template <class Use>
  decltype(auto) with(Use&& use) const {
    if (!narrow_.empty()) {
      return use([at = narrow_.data()](std::size_t index) { return static_cast<std::int64_t>(at[index]); });
    }
    return use([this](std::size_t index) { return (*this)[index]; });
  }
  /// The sum of [begin, end).
  double sum(std::size_t begin, std::size_t end) const;

  friend bool operator==(const Counts& a, const Counts& b);

  /// Its parts, for passing it on.
  template <class Archive>
  void pass(Archive& archive) {
    pass_parts(archive, *this);
  }
  template <class Archive>
  void pass(Archive& archive) const {
    pass_parts(archive, *this);
  }

 private:
  template <class Archive, class Self>
  static void pass_parts(Archive& archive, Self& self) {
    archive(self.size_);
    archive(self.first_);
    archive(self.slope_);
    archive.numbers(self.narrow_, self.owner_);
    archive.numbers(self.wide_, self.owner_);
  }

  /// Keeps slope and first value, and says whether they are all there is to know.
  template <class Number>
  bool is_linear(std::span<const Number> values);
  void own(std::vector<std::uint32_t> values);

  std::size_t size_ = 0;
  std::int64_t first_ = 0;
  std::int64_t slope_ = 0;
  std::span<const std::uint32_t> narrow_;
  std::span<const std::int64_t> wide_;
  std::shared_ptr<const void> owner_;  ///< of the numbers in narrow_ or wide_
};

}  // namespace trainyard::report
