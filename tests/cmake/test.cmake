# trainyard_test(NAME SOURCES file... LINK target... [RANKS n...] [TIMEOUT seconds] [ENVIRONMENT VAR=value...])
# One GoogleTest program. Without RANKS it runs as one process. With RANKS it runs once under mpirun for each rank count,
# as NAME.np<N>. TIMEOUT (default 120 s) is the watchdog of each run: mpirun and its ranks are killed past it.
function(trainyard_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;RANKS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} trainyard_options GTest::gmock)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests) # support/
  # Each file alone, also in a unity build: many have helpers of the same name, and GoogleTest's `testing` is not ours.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests UNITY_BUILD OFF)
  # What tests do themselves need not be fast, and GoogleTest's macros take long to optimise.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  trainyard_precompile(${name} tests <gmock/gmock.h> <gtest/gtest.h>)
  if(ARG_RANKS)
    target_link_libraries(${name} PRIVATE GTest::gtest)
    foreach(ranks ${ARG_RANKS})
      add_test(NAME ${name}.np${ranks} COMMAND ${TRAINYARD_MPIRUN} -n ${ranks} $<TARGET_FILE:${name}>)
      trainyard_test_properties(${name}.np${ranks} ${ARG_TIMEOUT} "${ARG_ENVIRONMENT}")
      set_tests_properties(${name}.np${ranks} PROPERTIES PROCESSORS ${ranks})
    endforeach()
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name})
    trainyard_test_properties(${name} ${ARG_TIMEOUT} "${ARG_ENVIRONMENT}")
  endif()
endfunction()

# trainyard_script_test(NAME COMMAND command... [TIMEOUT seconds] [ENVIRONMENT VAR=value...] [ALONE])
# A test that is a program of its own; exit status 77 is a skip, whose reason is its last line of output. ALONE: no other
# test runs beside it.
function(trainyard_script_test name)
  cmake_parse_arguments(ARG "ALONE" "TIMEOUT" "COMMAND;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${ARG_COMMAND})
  trainyard_test_properties(${name} ${ARG_TIMEOUT} "${ARG_ENVIRONMENT}")
  if(ARG_ALONE)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

function(trainyard_test_properties name timeout environment)
  if(TRAINYARD_TEST_PYTHON)
    list(APPEND environment TRAINYARD_PYTHON=${TRAINYARD_TEST_PYTHON})
  endif()
  set_tests_properties(
    ${name}
    PROPERTIES TIMEOUT ${timeout}
               SKIP_RETURN_CODE 77
               ENVIRONMENT "OMP_NUM_THREADS=1;LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/core/lsan.supp;TRAINYARD_BUILD_DIR=${CMAKE_BINARY_DIR};TRAINYARD_SOURCE_DIR=${PROJECT_SOURCE_DIR};${environment}"
  )
endfunction()

# GoogleTest's main for tests with RANKS: a source of theirs.
set(TRAINYARD_MPI_MAIN ${PROJECT_SOURCE_DIR}/tests/support/mpi_main.cpp)

# The local launcher of the MPI tests: more ranks than cores is normal there, so waiting must yield.
set(TRAINYARD_MPIRUN
    ${CMAKE_COMMAND}
    -E
    env
    OMPI_ALLOW_RUN_AS_ROOT=1
    OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMPI_MCA_mpi_yield_when_idle=1
    OMPI_MCA_hwloc_base_binding_policy=none
    ${MPIEXEC_EXECUTABLE}
    --oversubscribe)
