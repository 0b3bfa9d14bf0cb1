# Warnings, sanitizers and the version in one INTERFACE target that all our own code links, and nothing else does.
add_library(trainyard_options INTERFACE)
target_compile_options(
  trainyard_options
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wno-sign-conversion
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            -Wno-subobject-linkage # in a unity build GCC takes every source for a header
            -Wno-restrict # GCC 12 sees overlap in any `"literal" + std::string` it inlines (GCC bug 105651)
            -Werror)
target_compile_definitions(trainyard_options INTERFACE TRAINYARD_VERSION="${PROJECT_VERSION}")
target_include_directories(trainyard_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(TRAINYARD_SANITIZE)
  target_compile_options(trainyard_options INTERFACE -fsanitize=${TRAINYARD_SANITIZE} -fno-omit-frame-pointer
                                                     -fno-sanitize-recover=all)
  target_link_options(trainyard_options INTERFACE -fsanitize=${TRAINYARD_SANITIZE})
endif()

# What nearly every file includes, compiled once instead of some hundred times. Sources still include what they use.
set(TRAINYARD_PRECOMPILED_HEADERS
    <fmt/format.h>
    <algorithm>
    <filesystem>
    <functional>
    <map>
    <memory>
    <string>
    <vector>)

# trainyard_precompile(TARGET KIND header...): the headers above and these. The first target of a kind compiles them, the
# others use the result: all targets of a kind have the same compiler flags. Those that see LibTorch
# (TRAINYARD_SEES_LIBTORCH in their folder) are a kind of their own.
function(trainyard_precompile target kind)
  set(headers ${TRAINYARD_PRECOMPILED_HEADERS} ${ARGN})
  if(TRAINYARD_SEES_LIBTORCH)
    string(APPEND kind _of_libtorch)
    list(PREPEND headers <ATen/core/Tensor.h>)
  endif()
  get_property(owner GLOBAL PROPERTY trainyard_precompiled_${kind})
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  else()
    target_precompile_headers(${target} PRIVATE ${headers})
    set_property(GLOBAL PROPERTY trainyard_precompiled_${kind} ${target})
  endif()
endfunction()

# trainyard_library(NAME SOURCES file... LINK target... [PRIVATE_LINK target...])
# One static library a folder: target trainyard_NAME. LINK is public.
function(trainyard_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(trainyard_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(
    trainyard_${name}
    PUBLIC ${ARG_LINK}
    PRIVATE ${ARG_PRIVATE_LINK} trainyard_options)
  target_include_directories(trainyard_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  # The others are small, and GCC 12 then sees more overflows that are none (the same bug).
  if(TRAINYARD_SEES_LIBTORCH)
    trainyard_precompile(trainyard_${name} libraries)
  endif()
endfunction()

# trainyard_app(NAME LINK target...): bin/NAME from apps/NAME.cpp.
function(trainyard_app name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${name}.cpp)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} trainyard_options)
endfunction()
