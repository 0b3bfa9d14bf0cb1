#include "log/reader.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <type_traits>

#include "core/error.h"
#include "log/table_io.h"

namespace trainyard::log {

namespace {

namespace hdf5 = core::hdf5;

hdf5::File open_patiently(const std::filesystem::path& path) {
  // A live writer holds the lock of a published file only for the instant of taking it out of publication.
  constexpr int kTries = 50;
  constexpr auto kPause = std::chrono::milliseconds(20);
  for (int attempt = 1;; ++attempt) {
    try {
      return hdf5::File::open_for_reading(path);
    } catch (const hdf5::File::Busy&) {
      if (attempt == kTries) throw;
      std::this_thread::sleep_for(kPause);
    }
  }
}

std::vector<CollectiveOp> read_ops(const hdf5::Column& column, std::uint64_t rows) {
  // By name, not by value: another program numbers its enumeration as it likes.
  std::vector<hdf5::EnumMember> members = column.enum_members();
  std::vector<CollectiveOp> ops;
  ops.reserve(rows);
  for (const std::int64_t value : column.read_int64(0, rows)) {
    const auto found =
        std::find_if(members.begin(), members.end(), [value](const auto& member) { return member.value == value; });
    ops.push_back(found == members.end() ? CollectiveOp::kOther : collective_op_from_name(found->name));
  }
  return ops;
}

template <class Row>
typename Columns<Row>::Values read_values(const hdf5::Column& column, const Field<Row>& field, std::uint64_t rows) {
  return std::visit(
      [&](auto member) -> typename Columns<Row>::Values {
        using Value = std::decay_t<decltype(Row{}.*member)>;
        if constexpr (std::is_same_v<Value, std::int64_t>) return column.read_int64(0, rows);
        if constexpr (std::is_same_v<Value, double>) return column.read_double(0, rows);
        if constexpr (std::is_same_v<Value, std::string>) return column.read_text(0, rows);
        if constexpr (std::is_same_v<Value, CollectiveOp>) return read_ops(column, rows);
      },
      field.member);
}

template <class Row>
typename Columns<Row>::Values default_values(const Field<Row>& field, std::size_t rows) {
  return std::visit(
      [&](auto member) -> typename Columns<Row>::Values {
        using Value = std::decay_t<decltype(Row{}.*member)>;
        // g++ 12 warns of the general form for rows that have no such field.
        if constexpr (std::is_same_v<Value, CollectiveOp>) return std::vector<CollectiveOp>(rows);
        const Row row;
        return std::vector<Value>(rows, row.*member);
      },
      field.member);
}

}  // namespace

template <class Row>
Columns<Row>::Columns() : present_(table<Row>().fields.size(), false) {
  for (const Field<Row>& field : table<Row>().fields)
    values_.push_back(default_values(field, 0));
}

template <class Row>
Columns<Row>::Columns(std::vector<Values> values, std::vector<bool> present, std::size_t size)
    : values_(std::move(values)), present_(std::move(present)), size_(size) {}

template <class Row>
std::size_t Columns<Row>::index_of(const typename Field<Row>::Member& member) const {
  const auto& fields = table<Row>().fields;
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field<Row>& field) { return field.member == member; });
  if (found == fields.end()) throw core::Error("a field that is not in table " + std::string(table<Row>().name));
  return static_cast<std::size_t>(found - fields.begin());
}

template <class Row>
Row Columns<Row>::row(std::size_t index) const {
  Row row;
  for (const Field<Row>& field : table<Row>().fields) {
    std::visit([&](auto member) { row.*member = (*this)[member].at(index); }, field.member);
  }
  return row;
}

Reader::Reader(const std::filesystem::path& path) : file_(open_patiently(path)) {
  attributes_ = read_attributes(file_);
  complete_ = file_.has_attribute("complete") && file_.int_attribute("complete") == 1;
  if (!has<StepRow>()) {
    throw core::Error(file_.label() + ": not a timing log (it has no table '/steps')");
  }
}

template <class Row>
bool Reader::has() const {
  return file_.has_group(table<Row>().name);
}

template <class Row>
Columns<Row> Reader::read(std::initializer_list<typename Field<Row>::Member> without) const {
  if (!has<Row>()) return {};
  const hdf5::Group group = file_.open_group(table<Row>().name);
  const auto& fields = table<Row>().fields;
  std::vector<std::optional<hdf5::Column>> columns(fields.size());
  std::uint64_t rows = UINT64_MAX;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (std::find(without.begin(), without.end(), fields[i].member) != without.end()) continue;
    columns[i] = group.find_column(fields[i].name);
    if (columns[i]) {
      rows = std::min(rows, columns[i]->rows());
    } else if (fields[i].need == Need::kRequired) {
      throw core::Error(group.label() + ": the column '" + std::string(fields[i].name) + "' is missing");
    }
  }
  std::vector<typename Columns<Row>::Values> values(fields.size());
  std::vector<bool> present(fields.size());
  // What the file has comes first: reading it refuses a forged number of rows before anything is filled up to it.
  for (std::size_t i = 0; i < fields.size(); ++i) {
    present[i] = columns[i].has_value();
    if (present[i]) values[i] = read_values(*columns[i], fields[i], rows);
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const bool left_out = std::find(without.begin(), without.end(), fields[i].member) != without.end();
    if (!present[i]) values[i] = default_values(fields[i], left_out ? 0 : rows);
  }
  return Columns<Row>(std::move(values), std::move(present), rows);
}

template <class Row>
std::vector<std::int64_t> Reader::first_values(std::int64_t Row::*member, std::uint64_t most) const {
  if (!has<Row>()) return {};
  const hdf5::Group group = file_.open_group(table<Row>().name);
  for (const Field<Row>& field : table<Row>().fields) {
    if (field.member != typename Field<Row>::Member(member)) continue;
    const std::optional<hdf5::Column> column = group.find_column(field.name);
    if (column) return column->read_int64(0, std::min(most, column->rows()));
  }
  return {};
}

template std::vector<std::int64_t> Reader::first_values<StepRow>(std::int64_t StepRow::*, std::uint64_t) const;

#define TRAINYARD_INSTANTIATE(Row)        \
  template class Columns<Row>;            \
  template bool Reader::has<Row>() const; \
  template Columns<Row> Reader::read<Row>(std::initializer_list<typename Field<Row>::Member>) const;

TRAINYARD_INSTANTIATE(StepRow)
TRAINYARD_INSTANTIATE(EpochRow)
TRAINYARD_INSTANTIATE(MemoryRow)
TRAINYARD_INSTANTIATE(CollectiveRow)
TRAINYARD_INSTANTIATE(DeviceRow)
TRAINYARD_INSTANTIATE(InferenceRow)
TRAINYARD_INSTANTIATE(AccuracyRow)
TRAINYARD_INSTANTIATE(EventRow)

#undef TRAINYARD_INSTANTIATE

}  // namespace trainyard::log
