#include <array>

#include "core/hdf5.h"
#include "core/hdf5_types.h"

namespace trainyard::core::hdf5 {

namespace {

constexpr int kMostExtents = 4;

hid_t native_type(Element element) {
  return element == Element::kUint8 ? H5T_NATIVE_UINT8 : H5T_NATIVE_INT32;
}

std::uint64_t bytes_of(Element element) {
  return element == Element::kUint8 ? 1 : sizeof(std::int32_t);
}

std::uint64_t file_bytes(hid_t object, const std::string& what) {
  const Handle file(H5Iget_file_id(object), what);
  hsize_t bytes = 0;
  check(H5Fget_filesize(file.id(), &bytes), what);
  return bytes;
}

/// The extents, if their product is at most `most` elements.
std::vector<std::uint64_t> plausible_extents(hid_t dataset, std::uint64_t most, const std::string& label) {
  const std::string what = "cannot read the size of " + label;
  const Handle space(H5Dget_space(dataset), what);
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if (rank < 1 || rank > kMostExtents) throw Error(label + " has not one to four extents");
  std::array<hsize_t, kMostExtents> extents{};
  check(H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr), what);
  std::uint64_t elements = 1;
  for (int i = 0; i < rank; ++i) {
    if (extents[i] != 0 && elements > most / extents[i]) throw Error(label + " claims more than its file holds");
    elements *= extents[i];
  }
  return {extents.begin(), extents.begin() + rank};
}

}  // namespace

std::uint64_t Block::bytes() const {
  std::uint64_t bytes = bytes_of(element_);
  for (const std::uint64_t extent : extents_)
    bytes *= extent;
  return bytes;
}

std::uint64_t Block::file_offset() const {
  if (bytes() == 0) return 0;
  const LibraryLock lock;
  const std::string what = "cannot find " + label_ + " in its file";
  const haddr_t offset = H5Dget_offset(handle_.id());
  if (offset == HADDR_UNDEF) throw library_error(what);
  const std::uint64_t end = file_bytes(handle_.id(), what);
  if (offset > end || bytes() > end - offset) throw Error(label_ + " ends behind the end of its file");
  return offset;
}

void Block::write(std::uint64_t first, std::uint64_t count, const void* values) {
  const LibraryLock lock;
  const std::string what = "cannot write " + label_;
  std::array<hsize_t, kMostExtents> start{first};
  std::array<hsize_t, kMostExtents> length{count};
  for (std::size_t i = 1; i < extents_.size(); ++i)
    length[i] = extents_[i];
  const Handle memory_space(H5Screate_simple(static_cast<int>(extents_.size()), length.data(), nullptr), what);
  const Handle file_space(H5Dget_space(handle_.id()), what);
  check(H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, start.data(), nullptr, length.data(), nullptr), what);
  check(H5Dwrite(handle_.id(), native_type(element_), memory_space.id(), file_space.id(), H5P_DEFAULT, values), what);
}

Block Group::create_block(std::string_view name, Element element, const std::vector<std::uint64_t>& extents) {
  const LibraryLock lock;
  std::string label = child_label(label_, name);
  const std::string what = "cannot create " + label;
  const std::vector<hsize_t> sizes(extents.begin(), extents.end());
  const Handle space(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), what);
  const Handle properties(H5Pcreate(H5P_DATASET_CREATE), what);
  check(H5Pset_layout(properties.id(), H5D_CONTIGUOUS), what);
  check(H5Pset_alloc_time(properties.id(), H5D_ALLOC_TIME_EARLY), what);
  check(H5Pset_fill_time(properties.id(), H5D_FILL_TIME_NEVER), what);
  check(H5Pset_obj_track_times(properties.id(), false), what);
  Handle handle(H5Dcreate2(handle_.id(), std::string(name).c_str(), native_type(element), space.id(), H5P_DEFAULT,
                           properties.id(), H5P_DEFAULT),
                what);
  return {std::move(handle), std::move(label), element, extents};
}

Block Group::open_block(std::string_view name, Element element) const {
  const LibraryLock lock;
  std::string label = child_label(label_, name);
  if (!has_column(name)) throw Error(label + " is missing or not a data set");
  const std::string what = "cannot open " + label;
  Handle handle(H5Dopen2(handle_.id(), std::string(name).c_str(), H5P_DEFAULT), what);
  const Handle properties(H5Dget_create_plist(handle.id()), what);
  if (H5Pget_layout(properties.id()) != H5D_CONTIGUOUS || H5Pget_external_count(properties.id()) != 0) {
    throw Error(label + " does not lie in its file in one piece");
  }
  const Handle type(H5Dget_type(handle.id()), what);
  const htri_t same = H5Tequal(type.id(), native_type(element));
  check(same, what);
  if (same == 0) throw Error(label + " does not hold numbers of the type that is needed");
  std::vector<std::uint64_t> extents =
      plausible_extents(handle.id(), file_bytes(handle.id(), what) / bytes_of(element), label);
  return {std::move(handle), std::move(label), element, std::move(extents)};
}

}  // namespace trainyard::core::hdf5
