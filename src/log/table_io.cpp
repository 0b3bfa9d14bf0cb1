#include "log/table_io.h"

#include <algorithm>
#include <type_traits>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::log {

namespace {

namespace hdf5 = core::hdf5;

template <class Row, class Value>
using Member = Value Row::*;

std::vector<hdf5::EnumMember> op_members() {
  std::vector<hdf5::EnumMember> members;
  for (const CollectiveOp op : collective_ops()) {
    members.push_back({std::string(collective_op_name(op)), static_cast<std::int64_t>(op)});
  }
  return members;
}

template <class Row>
hdf5::Column create_column(hdf5::Group& group, const Field<Row>& field, const hdf5::ColumnLayout& layout) {
  if (std::holds_alternative<Member<Row, double>>(field.member)) return group.create_double_column(field.name, layout);
  if (std::holds_alternative<Member<Row, std::string>>(field.member)) {
    return group.create_text_column(field.name, field.text_width, layout);
  }
  if (std::holds_alternative<Member<Row, CollectiveOp>>(field.member)) {
    return group.create_enum_column(field.name, op_members(), layout);
  }
  return group.create_int64_column(field.name, layout);
}

/// How the file takes a member's type.
std::int64_t stored(std::int64_t value) {
  return value;
}
double stored(double value) {
  return value;
}
const std::string& stored(const std::string& value) {
  return value;
}
std::int64_t stored(CollectiveOp op) {
  return static_cast<std::int64_t>(op);
}

template <class Row>
hdf5::Group create_table_of(hdf5::File& file, const hdf5::ColumnLayout& layout) {
  hdf5::Group group = file.create_group(table<Row>().name);
  for (const Field<Row>& field : table<Row>().fields) {
    create_column(group, field, layout).set_attribute("units", field.unit);
  }
  return group;
}

}  // namespace

template <class Row>
hdf5::Group create_table(hdf5::File& file) {
  // A growing log is compressed at the run's expense: the cheapest level. Packing does it well, once.
  return create_table_of<Row>(file, {.chunk_rows = table<Row>().chunk_rows, .deflate_level = 1});
}

template <class Row>
void append_rows(hdf5::File& file, std::span<const Row> rows) {
  if (rows.empty()) return;
  const std::string_view name = table<Row>().name;
  hdf5::Group group = file.has(name) ? file.open_group(name) : create_table<Row>(file);
  for (const Field<Row>& field : table<Row>().fields) {
    std::visit(
        [&](auto member) {
          std::vector<std::decay_t<decltype(stored(rows.front().*member))>> values;
          values.reserve(rows.size());
          for (const Row& row : rows)
            values.push_back(stored(row.*member));
          group.open_own_column(field.name).append(std::span<const typename decltype(values)::value_type>(values));
        },
        field.member);
  }
}

template <class Row>
void copy_table(const hdf5::File& from, hdf5::File& to) {
  constexpr std::uint64_t kMaxChunkRows = 4096;  // 32 KiB a column: what a deflate window covers
  const std::string_view name = table<Row>().name;
  if (!from.has(name)) return;
  const hdf5::Group source = from.open_group(name);
  const std::uint64_t rows = source.open_column(table<Row>().fields.front().name).rows();
  hdf5::Group target =
      create_table_of<Row>(to, {.chunk_rows = std::clamp(rows, table<Row>().chunk_rows, kMaxChunkRows)});
  for (const Field<Row>& field : table<Row>().fields) {
    const hdf5::Column column = source.open_column(field.name);
    hdf5::Column copy = target.open_column(field.name);
    if (std::holds_alternative<Member<Row, double>>(field.member)) {
      copy.append(std::span<const double>(column.read_double(0, rows)));
    } else if (std::holds_alternative<Member<Row, std::string>>(field.member)) {
      copy.append(std::span<const std::string>(column.read_text(0, rows)));
    } else {
      copy.append(std::span<const std::int64_t>(column.read_int64(0, rows)));
    }
  }
}

void write_attributes(hdf5::File& file, const RunAttributes& attributes, bool complete) {
  file.set_attribute("schema", kSchemaName);
  for (const AttributeField& field : attribute_fields()) {
    std::visit(
        [&](auto member) {
          const auto& value = attributes.*member;
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            file.set_attribute(field.name, std::string_view(value));
          } else {
            file.set_attribute(field.name, value);
          }
        },
        field.member);
  }
  file.set_attribute("complete", std::int64_t{complete});
}

RunAttributes read_attributes(const hdf5::File& file) {
  if (!file.has_attribute("schema")) {
    throw core::Error(file.label() + ": not a timing log (it has no attribute 'schema')");
  }
  if (const std::string schema = file.text_attribute("schema"); schema != kSchemaName) {
    throw core::Error(file.label() + ": schema '" + core::one_line(core::truncate_utf8(schema, 100)) +
                      "' instead of '" + std::string(kSchemaName) + "'");
  }
  RunAttributes attributes;
  for (const AttributeField& field : attribute_fields()) {
    if (field.need == Need::kOptional && !file.has_attribute(field.name)) continue;
    std::visit(
        [&](auto member) {
          auto& value = attributes.*member;
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            value = file.text_attribute(field.name);
          } else {
            value = file.int_attribute(field.name);
          }
        },
        field.member);
  }
  return attributes;
}

template hdf5::Group create_table<StepRow>(hdf5::File&);

#define TRAINYARD_INSTANTIATE(Row)                                   \
  template void append_rows<Row>(hdf5::File&, std::span<const Row>); \
  template void copy_table<Row>(const hdf5::File& from, hdf5::File& to);

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
