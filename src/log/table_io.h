#pragma once

#include <span>

#include "core/hdf5.h"
#include "log/schema.h"

/// Tables and root attributes in an HDF5 file that is open: what writing, packing and reading share.
namespace trainyard::log {

/// An empty table with every column and its `units`, laid out for growing by a few rows at a time.
template <class Row>
core::hdf5::Group create_table(core::hdf5::File& file);

/// Appends the rows, creating the table first where it is missing. No rows: no table.
template <class Row>
void append_rows(core::hdf5::File& file, std::span<const Row> rows);

/// Copies a whole table into a new file, one column at a time, in chunks sized for reading it as a whole.
template <class Row>
void copy_table(const core::hdf5::File& from, core::hdf5::File& to);

/// Every root attribute, and `complete` as 0 or 1.
void write_attributes(core::hdf5::File& file, const RunAttributes& attributes, bool complete);

/// Checks `schema` first; a missing required attribute throws.
RunAttributes read_attributes(const core::hdf5::File& file);

}  // namespace trainyard::log
