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
            -Wno-restrict # GCC 12 sees overlap in any `"literal" + std::string` it inlines (GCC bug 105651)
            -Werror)
target_compile_definitions(trainyard_options INTERFACE TRAINYARD_VERSION="${PROJECT_VERSION}")
target_include_directories(trainyard_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(TRAINYARD_SANITIZE)
  target_compile_options(trainyard_options INTERFACE -fsanitize=${TRAINYARD_SANITIZE} -fno-omit-frame-pointer
                                                     -fno-sanitize-recover=all)
  target_link_options(trainyard_options INTERFACE -fsanitize=${TRAINYARD_SANITIZE})
endif()

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
endfunction()

# trainyard_app(NAME LINK target...): bin/NAME from apps/NAME.cpp.
function(trainyard_app name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${name}.cpp)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} trainyard_options)
endfunction()
