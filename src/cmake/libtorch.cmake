# LibTorch, and with it CUDA and NCCL where it has them. Included by dependencies.cmake.
#
# A LibTorch named by Torch_DIR or CMAKE_PREFIX_PATH comes before the one that env/setup.sh unpacked. Nothing found is
# cached: another env/versions or TRAINYARD_DEPS takes effect in a build folder that exists.
find_path(
  _torch_config_dir TorchConfig.cmake
  HINTS ${Torch_DIR} $ENV{Torch_DIR}
  PATHS ${TRAINYARD_DEPS_DIR}/${_LIBTORCH_FOLDER}/torch
  PATH_SUFFIXES share/cmake/Torch
  NO_CACHE)
if(NOT _torch_config_dir)
  message(FATAL_ERROR "LibTorch is neither on CMAKE_PREFIX_PATH nor in ${TRAINYARD_DEPS_DIR}; run env/setup.sh")
endif()
set(Torch_DIR ${_torch_config_dir})
get_filename_component(_torch_prefix ${Torch_DIR}/../../.. ABSOLUTE)

if(EXISTS ${_torch_prefix}/lib/libtorch_cuda.so)
  set(TRAINYARD_HAS_CUDA ON)

  # The toolkit: what the user names, then the machine's if its major version is 13 (the pinned LibTorch's; a site's own
  # LibTorch is the site's affair), then the one that env/setup.sh unpacked.
  set(_cuda_root ${CUDAToolkit_ROOT})
  if(NOT _cuda_root)
    find_program(_machine_nvcc nvcc HINTS ENV CUDA_HOME PATHS /usr/local/cuda PATH_SUFFIXES bin NO_CACHE)
    if(_machine_nvcc)
      execute_process(COMMAND ${_machine_nvcc} --version OUTPUT_VARIABLE _nvcc_version ERROR_QUIET)
    endif()
    if(_machine_nvcc AND (_nvcc_version MATCHES "release 13\\." OR NOT _torch_prefix MATCHES "/${_LIBTORCH_FOLDER}/torch$"))
      get_filename_component(_cuda_root ${_machine_nvcc} REALPATH)
      get_filename_component(_cuda_root ${_cuda_root}/../.. ABSOLUTE)
    elseif(EXISTS ${TRAINYARD_DEPS_DIR}/${_CUDA_FOLDER}/bin/nvcc)
      set(_cuda_root ${TRAINYARD_DEPS_DIR}/${_CUDA_FOLDER})
    else()
      message(FATAL_ERROR "The LibTorch in ${_torch_prefix} needs a CUDA toolkit; run env/setup.sh or set CUDA_HOME")
    endif()
  endif()
  set(CUDA_TOOLKIT_ROOT_DIR ${_cuda_root})
  set(CUDAToolkit_ROOT ${_cuda_root})
  set(CMAKE_CUDA_COMPILER ${_cuda_root}/bin/nvcc)

  # LibTorch's own detection of architectures fails under CMake 3.25, and asks for the GPU of this machine, of which a
  # login node has none: follow what LibTorch itself was built for.
  if(NOT TORCH_CUDA_ARCH_LIST)
    set(_architectures $ENV{TORCH_CUDA_ARCH_LIST})
    if(NOT _architectures)
      if(EXISTS ${_torch_prefix}/share/cuda-architectures)
        file(READ ${_torch_prefix}/share/cuda-architectures _built_for)
      elseif(EXISTS ${_torch_prefix}/lib/libtorch_python.so)
        execute_process(COMMAND grep -aoEm1 "sm_[0-9]+a?( (sm|compute)_[0-9]+a?)+" ${_torch_prefix}/lib/libtorch_python.so
                        OUTPUT_VARIABLE _built_for)
      else()
        set(_built_for "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120") # the pinned LibTorch's
      endif()
      string(REGEX MATCHALL "sm_[0-9]+a?" _names "${_built_for}")
      foreach(_name ${_names})
        string(REGEX REPLACE "sm_([0-9]+)([0-9]a?)" "\\1.\\2" _name ${_name})
        list(APPEND _architectures ${_name})
      endforeach()
    endif()
    set(TORCH_CUDA_ARCH_LIST "${_architectures}")
  endif()
endif()

if(TRAINYARD_HAS_CUDA)
  # LibTorch enables the language, then warns that the architectures which CMake chose for it are ignored.
  set(CMAKE_CUDA_ARCHITECTURES OFF)
  enable_language(CUDA)
  unset(CMAKE_CUDA_ARCHITECTURES)
  unset(CMAKE_CUDA_ARCHITECTURES CACHE)
endif()
foreach(_found Caffe2_DIR TORCH_LIBRARY c10_LIBRARY C10_CUDA_LIBRARY) # of the LibTorch of an earlier configuration
  unset(${_found} CACHE)
endforeach()
set(kineto_LIBRARY linked-into-libtorch) # the wheel has no file of that name, and warns
find_package(Torch REQUIRED CONFIG)

add_library(trainyard_libtorch INTERFACE)
add_library(trainyard::libtorch ALIAS trainyard_libtorch)
target_link_libraries(trainyard_libtorch INTERFACE torch)
target_include_directories(trainyard_libtorch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
target_compile_options(trainyard_libtorch INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${TORCH_CXX_FLAGS}>)
# LibTorch's headers bring a fmt of their own, newer than the system's library: what sees them must not link that one.
target_compile_definitions(trainyard_libtorch INTERFACE FMT_HEADER_ONLY)
# libtorch.so exports parts of a newer libstdc++ (std::filesystem::remove_all then calls address 0): the real one comes first.
target_link_options(trainyard_libtorch INTERFACE "LINKER:--push-state,--no-as-needed" -lstdc++ "LINKER:--pop-state")

# The folders of the libraries that LibTorch was linked with come first in the run path: cudart from the toolkit used for
# building would otherwise be loaded with cuBLAS and cuDNN of another release.
file(GLOB _nvidia_lib_dirs ${_torch_prefix}/../nvidia/*/lib)
list(TRANSFORM _nvidia_lib_dirs REPLACE "/torch/\\.\\./nvidia/" "/nvidia/")
set(CMAKE_BUILD_RPATH ${_torch_prefix}/lib ${_nvidia_lib_dirs})

if(TRAINYARD_HAS_CUDA)
  # CUDA 13 keeps <nv/target>, which its own headers include, one folder deeper than CMake 3.25 knows.
  if(EXISTS ${_cuda_root}/include/cccl)
    target_include_directories(trainyard_libtorch SYSTEM INTERFACE ${_cuda_root}/include/cccl)
  endif()
  target_compile_definitions(trainyard_libtorch INTERFACE TRAINYARD_HAS_CUDA=1)

  find_path(_nccl_include_dir nccl.h HINTS ${_torch_prefix}/../nvidia/nccl ENV NCCL_ROOT ENV NCCL_HOME
            PATH_SUFFIXES include NO_CACHE)
  find_library(_nccl_library NAMES libnccl.so.2 nccl HINTS ${_torch_prefix}/../nvidia/nccl ENV NCCL_ROOT ENV NCCL_HOME
               PATH_SUFFIXES lib lib64 NO_CACHE)
  if(NOT _nccl_include_dir OR NOT _nccl_library)
    message(FATAL_ERROR "nccl.h or libnccl.so.2 is missing beside ${_torch_prefix}; load the module nccl or set NCCL_ROOT")
  endif()
  add_library(trainyard_nccl SHARED IMPORTED)
  add_library(trainyard::nccl ALIAS trainyard_nccl)
  set_target_properties(
    trainyard_nccl PROPERTIES IMPORTED_LOCATION ${_nccl_library} INTERFACE_INCLUDE_DIRECTORIES
                                                                          ${_nccl_include_dir})
  target_link_libraries(trainyard_nccl INTERFACE CUDA::cudart)
  message(STATUS "LibTorch ${Torch_VERSION} with CUDA from ${_cuda_root}, architectures ${TORCH_CUDA_ARCH_LIST}")
else()
  message(STATUS "LibTorch ${Torch_VERSION} without CUDA: MPI alone")
endif()
