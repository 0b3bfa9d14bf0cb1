# Everything trainyard links that is not its own. After it:
#   TRAINYARD_HAS_CUDA      the LibTorch in use has CUDA, and a toolkit for it was found
#   trainyard::libtorch     LibTorch: headers (as system headers), libraries, run path      (TRAINYARD_LIBTORCH only)
#   trainyard::nccl         the NCCL that this LibTorch loads                               (TRAINYARD_HAS_CUDA only)
#   TRAINYARD_TEST_PYTHON   the Python with torch and h5py that env/setup.sh --tests made; empty without
find_package(Threads REQUIRED)
find_package(MPI REQUIRED COMPONENTS C)
# The C++ bindings, removed from the standard, are still in the headers and would want a library of their own.
set_property(TARGET MPI::MPI_C APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(Boost 1.74 REQUIRED COMPONENTS program_options)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)

if(NOT TARGET hdf5::hdf5) # FindHDF5 defines it from CMake 3.19 on; a site's own HDF5 package may not
  add_library(trainyard_hdf5 INTERFACE)
  target_include_directories(trainyard_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
  target_link_libraries(trainyard_hdf5 INTERFACE ${HDF5_C_LIBRARIES})
  add_library(hdf5::hdf5 ALIAS trainyard_hdf5)
endif()

# Libraries for which Debian brings a .pc file and others a CMake package: header and library are all it takes.
function(trainyard_find_library name header)
  find_path(TRAINYARD_${name}_INCLUDE_DIR ${header} REQUIRED)
  find_library(TRAINYARD_${name}_LIBRARY ${name} REQUIRED)
  add_library(${name}::${name} UNKNOWN IMPORTED)
  set_target_properties(
    ${name}::${name} PROPERTIES IMPORTED_LOCATION ${TRAINYARD_${name}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES
                                                                               ${TRAINYARD_${name}_INCLUDE_DIR})
endfunction()
trainyard_find_library(isal isa-l/igzip_lib.h)
trainyard_find_library(xxhash xxhash.h)
if(TRAINYARD_LIBTORCH) # the folder data alone uses them
  trainyard_find_library(matio matio.h)
  trainyard_find_library(turbojpeg turbojpeg.h)
endif()

# utf8proc, likewise: Unicode's categories for the tokenizer.
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
add_library(utf8proc::utf8proc UNKNOWN IMPORTED)
set_target_properties(utf8proc::utf8proc PROPERTIES IMPORTED_LOCATION ${UTF8PROC_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES
                                                                                          ${UTF8PROC_INCLUDE_DIR})

# The folder that env/setup.sh fills, and the names in it.
if(DEFINED ENV{TRAINYARD_DEPS})
  set(TRAINYARD_DEPS_DIR $ENV{TRAINYARD_DEPS})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(TRAINYARD_DEPS_DIR $ENV{XDG_CACHE_HOME}/trainyard)
else()
  set(TRAINYARD_DEPS_DIR $ENV{HOME}/.cache/trainyard)
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/env/versions)
file(STRINGS ${PROJECT_SOURCE_DIR}/env/versions _versions REGEX "^[A-Z_]+=")
foreach(_version ${_versions})
  string(REGEX MATCH "^([A-Z_]+)=(.*)$" _ "${_version}")
  set(_${CMAKE_MATCH_1} ${CMAKE_MATCH_2})
endforeach()
set(TRAINYARD_TEST_PYTHON ${TRAINYARD_DEPS_DIR}/${_PYTHON_FOLDER}/bin/python)
if(NOT EXISTS ${TRAINYARD_TEST_PYTHON})
  set(TRAINYARD_TEST_PYTHON "")
endif()

set(TRAINYARD_HAS_CUDA OFF)
if(TRAINYARD_LIBTORCH)
  include(${CMAKE_CURRENT_LIST_DIR}/libtorch.cmake)
endif()
