#include <cstring>

#include "core/hdf5.h"
#include "core/hdf5_types.h"
#include "core/text.h"

namespace trainyard::core::hdf5 {

Handle string_type(std::size_t width, H5T_cset_t character_set, const std::string& what) {
  Handle type(H5Tcopy(H5T_C_S1), what);
  check(H5Tset_size(type.id(), width), what);
  check(H5Tset_cset(type.id(), character_set), what);
  if (width != H5T_VARIABLE) check(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), what);
  return type;
}

bool is_number(hid_t type) {
  const H5T_class_t kind = H5Tget_class(type);
  return kind == H5T_INTEGER || kind == H5T_FLOAT || kind == H5T_ENUM;
}

std::string unpadded(const char* bytes, std::size_t width, H5T_str_t padding) {
  std::string_view text(bytes, width);
  if (padding == H5T_STR_SPACEPAD) {
    const std::size_t last = text.find_last_not_of(' ');
    return std::string(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
  }
  return std::string(text.substr(0, text.find('\0')));
}

std::string Node::describe(std::string_view name) const {
  // Names come from files too, so they are kept short and on one line.
  return label_ + " attribute '" + one_line(truncate_utf8(name, 100)) + "'";
}

bool Node::has_attribute(std::string_view name) const {
  const LibraryLock lock;
  const htri_t exists = H5Aexists(handle_.id(), std::string(name).c_str());
  if (exists < 0) throw library_error("cannot look up " + describe(name));
  return exists > 0;
}

void Node::write_attribute(std::string_view name, hid_t type, const void* value) {
  const std::string what = "cannot write " + describe(name);
  const std::string key(name);
  if (has_attribute(name)) check(H5Adelete(handle_.id(), key.c_str()), what);
  const Handle space(H5Screate(H5S_SCALAR), what);
  const Handle attribute(H5Acreate2(handle_.id(), key.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT), what);
  check(H5Awrite(attribute.id(), type, value), what);
}

void Node::set_attribute(std::string_view name, std::string_view text) {
  const LibraryLock lock;
  const Handle type = string_type(H5T_VARIABLE, H5T_CSET_UTF8, "cannot write " + describe(name));
  const std::string terminated(text);
  const char* pointer = terminated.c_str();
  write_attribute(name, type.id(), &pointer);
}

void Node::set_attribute(std::string_view name, std::int64_t value) {
  const LibraryLock lock;
  write_attribute(name, H5T_NATIVE_INT64, &value);
}

void Node::set_attribute(std::string_view name, double value) {
  const LibraryLock lock;
  write_attribute(name, H5T_NATIVE_DOUBLE, &value);
}

Handle Node::open_attribute(std::string_view name) const {
  if (!has_attribute(name)) throw Error(describe(name) + " is missing");
  const std::string what = "cannot read " + describe(name);
  Handle attribute(H5Aopen(handle_.id(), std::string(name).c_str(), H5P_DEFAULT), what);
  const Handle space(H5Aget_space(attribute.id()), what);
  if (H5Sget_simple_extent_npoints(space.id()) != 1) throw Error(describe(name) + " is not a single value");
  return attribute;
}

std::string Node::text_attribute(std::string_view name) const {
  const LibraryLock lock;
  const std::string what = "cannot read " + describe(name);
  const Handle attribute = open_attribute(name);
  const Handle file_type(H5Aget_type(attribute.id()), what);
  if (H5Tget_class(file_type.id()) != H5T_STRING) throw Error(describe(name) + " is not text");
  const H5T_cset_t character_set = H5Tget_cset(file_type.id());
  const htri_t variable = H5Tis_variable_str(file_type.id());
  check(variable, what);
  if (variable > 0) {
    const Handle type = string_type(H5T_VARIABLE, character_set, what);
    const Handle space(H5Aget_space(attribute.id()), what);
    char* pointer = nullptr;
    check(H5Aread(attribute.id(), type.id(), &pointer), what);
    std::string text;
    if (pointer != nullptr) text.assign(pointer, ::strnlen(pointer, std::size_t{1} << 20));
    check(H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, &pointer), what);
    return text;
  }
  const std::size_t width = H5Tget_size(file_type.id());
  if (width == 0 || width > kMaxTextBytes) throw Error(describe(name) + " has an absurd length");
  std::string buffer(width, '\0');
  check(H5Aread(attribute.id(), file_type.id(), buffer.data()), what);
  return unpadded(buffer.data(), width, H5Tget_strpad(file_type.id()));
}

void Node::read_number(std::string_view name, hid_t type, void* value) const {
  const std::string what = "cannot read " + describe(name);
  const Handle attribute = open_attribute(name);
  const Handle file_type(H5Aget_type(attribute.id()), what);
  if (!is_number(file_type.id())) throw Error(describe(name) + " is not a number");
  check(H5Aread(attribute.id(), type, value), what);
}

std::int64_t Node::int_attribute(std::string_view name) const {
  const LibraryLock lock;
  std::int64_t value = 0;
  read_number(name, H5T_NATIVE_INT64, &value);
  return value;
}

double Node::double_attribute(std::string_view name) const {
  const LibraryLock lock;
  double value = 0;
  read_number(name, H5T_NATIVE_DOUBLE, &value);
  return value;
}

}  // namespace trainyard::core::hdf5
