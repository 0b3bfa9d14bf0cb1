#include <algorithm>

#include "core/hdf5.h"
#include "core/hdf5_chunks.h"
#include "core/hdf5_types.h"
#include "core/text.h"

namespace trainyard::core::hdf5 {

std::string child_label(const std::string& parent, std::string_view name) {
  // A file's own label is its path, which has no ':' of ours yet.
  return parent + (parent.find(":/") == std::string::npos ? ":/" : "/") + one_line(truncate_utf8(name, 100));
}

namespace {

bool is_link_name(std::string_view name) {
  return !name.empty() && name != "." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

struct WantedLinks {
  std::span<const std::string_view> names;
  std::vector<bool> is_there;
};

/// For H5Literate: notes which of the wanted names are those of hard links.
herr_t note_link(hid_t, const char* name, const H5L_info_t* info, void* data) {
  auto& wanted = *static_cast<WantedLinks*>(data);
  if (info->type != H5L_TYPE_HARD) return 0;
  const auto found = std::find(wanted.names.begin(), wanted.names.end(), std::string_view(name));
  if (found != wanted.names.end()) wanted.is_there[static_cast<std::size_t>(found - wanted.names.begin())] = true;
  return 0;
}

}  // namespace

bool Group::has(std::string_view name) const {
  if (!is_link_name(name)) return false;
  const LibraryLock lock;
  const std::string key(name);
  const std::string what = "cannot look up " + child_label(label_, name);
  const htri_t exists = H5Lexists(handle_.id(), key.c_str(), H5P_DEFAULT);
  check(exists, what);
  if (exists == 0) return false;
  H5L_info_t info{};
  check(H5Lget_info(handle_.id(), key.c_str(), &info, H5P_DEFAULT), what);
  return info.type == H5L_TYPE_HARD;
}

bool Group::has_group(std::string_view name) const {
  if (!has(name)) return false;
  const LibraryLock lock;
  const Handle object(H5Oopen(handle_.id(), std::string(name).c_str(), H5P_DEFAULT),
                      "cannot open " + child_label(label_, name));
  return H5Iget_type(object.id()) == H5I_GROUP;
}

bool Group::has_column(std::string_view name) const {
  if (!has(name)) return false;
  const LibraryLock lock;
  const Handle object(H5Oopen(handle_.id(), std::string(name).c_str(), H5P_DEFAULT),
                      "cannot open " + child_label(label_, name));
  return H5Iget_type(object.id()) == H5I_DATASET;
}

std::vector<std::string> Group::names() const {
  const LibraryLock lock;
  const std::string what = "cannot list " + label_;
  constexpr hsize_t kMaxNames = 10'000;
  constexpr ssize_t kMaxNameBytes = 4096;
  H5G_info_t info{};
  check(H5Gget_info(handle_.id(), &info), what);
  std::vector<std::string> names;
  for (hsize_t i = 0; i < std::min(info.nlinks, kMaxNames); ++i) {
    const auto name_of = [&](char* buffer, std::size_t size) {
      return H5Lget_name_by_idx(handle_.id(), ".", H5_INDEX_NAME, H5_ITER_INC, i, buffer, size, H5P_DEFAULT);
    };
    const ssize_t length = name_of(nullptr, 0);
    if (length < 0) throw library_error(what);
    if (length > kMaxNameBytes) continue;
    std::string name(static_cast<std::size_t>(length), '\0');
    if (name_of(name.data(), name.size() + 1) < 0) throw library_error(what);
    if (has(name)) names.push_back(std::move(name));
  }
  return names;
}

Group Group::create_group(std::string_view name) {
  const LibraryLock lock;
  std::string label = child_label(label_, name);
  const std::string what = "cannot create " + label;
  constexpr unsigned kMostCompactLinks = 64;
  const Handle properties(H5Pcreate(H5P_GROUP_CREATE), what);
  check(H5Pset_link_phase_change(properties.id(), kMostCompactLinks, 0), what);
  check(H5Pset_obj_track_times(properties.id(), false), what);
  Handle handle(H5Gcreate2(handle_.id(), std::string(name).c_str(), H5P_DEFAULT, properties.id(), H5P_DEFAULT), what);
  return {std::move(handle), std::move(label)};
}

Group Group::open_group(std::string_view name) const {
  const LibraryLock lock;
  std::string label = child_label(label_, name);
  if (!has_group(name)) throw Error(label + " is missing or not a group");
  Handle handle(H5Gopen2(handle_.id(), std::string(name).c_str(), H5P_DEFAULT), "cannot open " + label);
  return {std::move(handle), std::move(label)};
}

Column Group::create_column(std::string_view name, hid_t type, const ColumnLayout& layout) {
  std::string label = child_label(label_, name);
  const std::string what = "cannot create " + label;
  const hsize_t rows = 0;
  const hsize_t unlimited = H5S_UNLIMITED;
  const hsize_t chunk = layout.chunk_rows;
  const Handle space(H5Screate_simple(1, &rows, &unlimited), what);
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), what);
  check(H5Pset_chunk(properties.id(), 1, &chunk), what);
  check(H5Pset_shuffle(properties.id()), what);
  check(H5Pset_deflate(properties.id(), layout.deflate_level), what);
  check(H5Pset_obj_track_times(properties.id(), false), what);
  Handle handle(
      H5Dcreate2(handle_.id(), std::string(name).c_str(), type, space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
      what);
  return {std::move(handle), std::move(label)};
}

Column Group::create_int64_column(std::string_view name, const ColumnLayout& layout) {
  const LibraryLock lock;
  return create_column(name, H5T_NATIVE_INT64, layout);
}

Column Group::create_double_column(std::string_view name, const ColumnLayout& layout) {
  const LibraryLock lock;
  return create_column(name, H5T_NATIVE_DOUBLE, layout);
}

Column Group::create_text_column(std::string_view name, std::size_t width, const ColumnLayout& layout) {
  const LibraryLock lock;
  const Handle type = string_type(width, H5T_CSET_UTF8, "cannot create " + child_label(label_, name));
  return create_column(name, type.id(), layout);
}

Column Group::create_enum_column(std::string_view name, std::span<const EnumMember> members,
                                 const ColumnLayout& layout) {
  const LibraryLock lock;
  const std::string what = "cannot create " + child_label(label_, name);
  const Handle type(H5Tenum_create(H5T_NATIVE_INT8), what);
  for (const EnumMember& member : members) {
    if (member.value < 0 || member.value > 127) throw Error(what + ": '" + member.name + "' does not fit one byte");
    const auto value = static_cast<std::int8_t>(member.value);
    check(H5Tenum_insert(type.id(), member.name.c_str(), &value), what);
  }
  return create_column(name, type.id(), layout);
}

Column Group::open_own_column(std::string_view name) {
  const LibraryLock lock;
  std::string label = child_label(label_, name);
  Handle handle(H5Dopen2(handle_.id(), std::string(name).c_str(), H5P_DEFAULT), "cannot open " + label);
  return {std::move(handle), std::move(label)};
}

std::vector<std::optional<Column>> Group::find_columns(std::span<const std::string_view> names) const {
  const LibraryLock lock;
  WantedLinks wanted{names, std::vector<bool>(names.size(), false)};
  check(H5Literate(handle_.id(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, &note_link, &wanted), "cannot list " + label_);
  std::vector<std::optional<Column>> columns;
  for (std::size_t i = 0; i < names.size(); ++i)
    columns.push_back(wanted.is_there[i] ? column_at(names[i]) : std::nullopt);
  return columns;
}

std::optional<Column> Group::column_at(std::string_view name) const {
  std::string label = child_label(label_, name);
  Handle object(H5Oopen(handle_.id(), std::string(name).c_str(), H5P_DEFAULT), "cannot open " + label);
  if (H5Iget_type(object.id()) != H5I_DATASET) return std::nullopt;
  const ColumnStorage storage = storage_of(object.id(), label);
  return Column(std::move(object), std::move(label), storage);
}

Column Group::open_column(std::string_view name) const {
  const LibraryLock lock;
  std::optional<Column> column = has(name) ? column_at(name) : std::nullopt;
  if (!column) throw Error(child_label(label_, name) + " is missing or not a data set");
  return std::move(*column);
}

}  // namespace trainyard::core::hdf5
