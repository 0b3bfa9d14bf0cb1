#include "report/wire.h"

#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"

namespace trainyard::report {
namespace {

// One description of the fields for both ways: `archive` appends each, or fills it in.

template <class Archive>
void for_each_field(Archive& archive, const log::EventRow& row) {
  archive(row.time_ns);
  archive(row.kind);
  archive(row.text);
}
template <class Archive>
void for_each_field(Archive& archive, log::EventRow& row) {
  archive(row.time_ns);
  archive(row.kind);
  archive(row.text);
}

template <class Archive, class Log>
void for_each_field(Archive& archive, Log& log) {
  for (const log::AttributeField& field : log::attribute_fields()) {
    std::visit([&](auto member) { archive(log.attributes.*member); }, field.member);
  }
  archive(log.complete);
  archive(log.steps.step);
  archive(log.steps.epochs);
  archive(log.steps.start_ns);
  for (auto& column : log.steps.phase_ns)
    archive(column);
  archive(log.steps.step_ns);
  archive(log.steps.comm_ns);
  archive(log.steps.samples);
  archive(log.steps.loss);
  archive(log.epochs);
  archive(log.memory);
  archive(log.devices);
  archive(log.collectives);
  archive(log.events);
  archive(log.inference);
  archive(log.accuracy);
}

/// Bytes between `size` and where numbers begin.
std::size_t padding(std::size_t size) {
  constexpr std::size_t kAlignment = 8;
  return (kAlignment - size % kAlignment) % kAlignment;
}

class Output {
 public:
  explicit Output(std::size_t expected_bytes) { bytes_.reserve(expected_bytes); }

  template <class Value>
  void operator()(const Value& value) {
    if constexpr (std::is_arithmetic_v<Value>) {
      append(&value, sizeof value);
    } else if constexpr (std::is_same_v<Value, Counts>) {
      value.pass(*this);
    } else if constexpr (std::is_same_v<Value, std::vector<log::EventRow>>) {
      (*this)(value.size());
      for (const log::EventRow& row : value)
        for_each_field(*this, row);
    } else {
      static_assert(std::is_trivially_copyable_v<typename Value::value_type>);
      (*this)(value.size());
      append(value.data(), value.size() * sizeof(typename Value::value_type));
    }
  }
  template <class Number>
  void numbers(std::span<const Number> values, const std::shared_ptr<const void>&) {
    (*this)(values.size());
    bytes_.resize(bytes_.size() + padding(bytes_.size()));
    append(values.data(), values.size_bytes());
  }
  std::string take() { return std::move(bytes_); }

 private:
  void append(const void* data, std::size_t size) { bytes_.append(static_cast<const char*>(data), size); }
  std::string bytes_;
};

class Input {
 public:
  Input(std::string_view bytes, std::shared_ptr<const void> owner)
      : all_(bytes.size()), bytes_(bytes), owner_(std::move(owner)) {}

  template <class Value>
  void operator()(Value& value) {
    if constexpr (std::is_arithmetic_v<Value>) {
      std::memcpy(&value, take(1, sizeof value), sizeof value);
    } else if constexpr (std::is_same_v<Value, Counts>) {
      value.pass(*this);
    } else if constexpr (std::is_same_v<Value, std::vector<log::EventRow>>) {
      std::size_t count = 0;
      (*this)(count);
      for (std::size_t i = 0; i < count; ++i)  // not resized to what a broken number says
        for_each_field(*this, value.emplace_back());
    } else {
      std::size_t count = 0;
      (*this)(count);
      const char* data = take(count, sizeof(typename Value::value_type));
      value.resize(count);
      if (count > 0) std::memcpy(value.data(), data, count * sizeof(typename Value::value_type));
    }
  }
  template <class Number>
  void numbers(std::span<const Number>& values, std::shared_ptr<const void>& owner) {
    std::size_t count = 0;
    (*this)(count);
    take(padding(all_ - bytes_.size()), 1);
    const char* data = take(count, sizeof(Number));
    if (count == 0) return;
    if (owner_ != nullptr) {
      values = {reinterpret_cast<const Number*>(data), count};
      owner = owner_;
    } else {
      const auto copy = std::make_shared<std::vector<Number>>(count);
      std::memcpy(copy->data(), data, count * sizeof(Number));
      values = *copy;
      owner = copy;
    }
  }

 private:
  const char* take(std::size_t count, std::size_t size) {
    if (count > bytes_.size() / size) throw core::Error("a log was not passed on whole");
    const char* data = bytes_.data();
    bytes_.remove_prefix(count * size);
    return data;
  }
  std::size_t all_;
  std::string_view bytes_;  ///< that were not taken yet
  std::shared_ptr<const void> owner_;
};

}  // namespace

std::string to_bytes(const RankLog& log) {
  constexpr std::size_t kBytesOfAStep = 48;  // about
  Output output(log.steps.size() * kBytesOfAStep);
  output(log.path.native());
  for_each_field(output, log);
  return output.take();
}

RankLog from_bytes(std::string_view bytes, const std::shared_ptr<const void>& owner) {
  Input input(bytes, owner);
  RankLog log;
  std::string path;
  input(path);
  log.path = path;
  for_each_field(input, log);
  return log;
}

}  // namespace trainyard::report
