#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "core/hdf5.h"
#include "log/schema.h"

namespace trainyard::log {

/// A table in memory, a vector a column.
template <class Row>
class Columns {
 public:
  using Values =
      std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>, std::vector<CollectiveOp>>;

  /// No rows.
  Columns();
  /// `values` in the order of table<Row>().fields, all of `size` elements; `present` says which came from the file.
  Columns(std::vector<Values> values, std::vector<bool> present, std::size_t size);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// steps[&StepRow::step_ns]. A column the file lacks holds the row type's default in every row.
  template <class Value>
  const std::vector<Value>& operator[](Value Row::*member) const {
    return std::get<std::vector<Value>>(values_[index_of(member)]);
  }
  /// Whether the file has this column.
  template <class Value>
  bool has(Value Row::*member) const {
    return present_[index_of(member)];
  }
  Row row(std::size_t index) const;

 private:
  std::size_t index_of(const typename Field<Row>::Member& member) const;
  std::vector<Values> values_;
  std::vector<bool> present_;
  std::size_t size_ = 0;
};

/// A table of an open log, whose columns are read one at a time. It has as many rows as its shortest column. Not to
/// outlive the log's Reader.
template <class Row>
class OpenTable {
 public:
  /// Of a table that the file lacks: no rows, no columns.
  OpenTable();
  /// `columns` in the order of table<Row>().fields; those the file lacks are empty.
  OpenTable(std::vector<std::optional<core::hdf5::Column>> columns, std::size_t size)
      : columns_(std::move(columns)), size_(size) {}

  std::size_t size() const { return size_; }
  /// The file's column, whose first size() rows count; none where it lacks it.
  const std::optional<core::hdf5::Column>& column(const typename Field<Row>::Member& member) const;

 private:
  std::vector<std::optional<core::hdf5::Column>> columns_;
  std::size_t size_ = 0;
};

/// An open timing log, of our writer's or any other program's making. Only /steps with its required columns and the
/// required root attributes must be there; unknown tables, columns and attributes are ignored; a table has as many rows
/// as its shortest column. core::Error names the file and what is wrong with it: not HDF5, truncated, another schema, a
/// missing column, a column of another kind, an absurd size.
///
/// Holds a shared lock on the file, so keep it only while reading; a live writer then works around it by a copy.
class Reader {
 public:
  /// Waits up to a second for a lock that a live writer holds.
  explicit Reader(const std::filesystem::path& path);

  const RunAttributes& attributes() const { return attributes_; }
  /// The run came to its end and closed the log.
  bool complete() const { return complete_; }

  /// Whether the file has the table.
  template <class Row>
  bool has() const;
  /// The table without its values; without rows where the file lacks it.
  template <class Row>
  OpenTable<Row> open() const;
  /// The whole table; no rows where the file lacks it.
  template <class Row>
  Columns<Row> read() const;

 private:
  core::hdf5::File file_;
  RunAttributes attributes_;
  bool complete_ = false;
};

}  // namespace trainyard::log
