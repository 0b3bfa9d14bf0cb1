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

template <class Row>
std::size_t index_in_table(const typename Field<Row>::Member& member) {
  const auto& fields = table<Row>().fields;
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const Field<Row>& field) { return field.member == member; });
  if (found == fields.end()) throw core::Error("a field that is not in table " + std::string(table<Row>().name));
  return static_cast<std::size_t>(found - fields.begin());
}

}  // namespace

template <class Row>
OpenTable<Row>::OpenTable() : columns_(table<Row>().fields.size()) {}

template <class Row>
const std::optional<hdf5::Column>& OpenTable<Row>::column(const typename Field<Row>::Member& member) const {
  return columns_[index_in_table<Row>(member)];
}

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
  return index_in_table<Row>(member);
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
OpenTable<Row> Reader::open() const {
  if (!has<Row>()) return {};
  const hdf5::Group group = file_.open_group(table<Row>().name);
  const auto& fields = table<Row>().fields;
  std::vector<std::string_view> names;
  for (const Field<Row>& field : fields)
    names.push_back(field.name);
  std::vector<std::optional<hdf5::Column>> columns = group.find_columns(names);
  std::uint64_t rows = UINT64_MAX;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (columns[i]) {
      rows = std::min(rows, columns[i]->rows());
    } else if (fields[i].need == Need::kRequired) {
      throw core::Error(group.label() + ": the column '" + std::string(fields[i].name) + "' is missing");
    }
  }
  return OpenTable<Row>(std::move(columns), rows);
}

template <class Row>
Columns<Row> Reader::read() const {
  const OpenTable<Row> open_table = open<Row>();
  const std::size_t rows = open_table.size();
  const auto& fields = table<Row>().fields;
  std::vector<typename Columns<Row>::Values> values(fields.size());
  std::vector<bool> present(fields.size());
  // What the file has comes first: reading it refuses a forged number of rows before anything is filled up to it.
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::optional<hdf5::Column>& column = open_table.column(fields[i].member);
    present[i] = column.has_value();
    if (present[i]) values[i] = read_values(*column, fields[i], rows);
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!present[i]) values[i] = default_values(fields[i], rows);
  }
  return Columns<Row>(std::move(values), std::move(present), rows);
}

#define TRAINYARD_INSTANTIATE(Row)                   \
  template class Columns<Row>;                       \
  template class OpenTable<Row>;                     \
  template bool Reader::has<Row>() const;            \
  template OpenTable<Row> Reader::open<Row>() const; \
  template Columns<Row> Reader::read<Row>() const;

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
