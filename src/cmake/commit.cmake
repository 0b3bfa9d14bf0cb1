# Run at every build: writes OUTPUT with the commit that SOURCE stands at and whether files were changed since; leaves
# the file alone where nothing changed, so that nothing is compiled for it.
set(commit "")
set(changed "false")
find_program(git git)
if(git)
  execute_process(COMMAND ${git} -C ${SOURCE} rev-parse HEAD OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND ${git} -C ${SOURCE} status --porcelain --untracked-files=no OUTPUT_VARIABLE status ERROR_QUIET)
  if(status)
    set(changed "true")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once\n#define TRAINYARD_COMMIT \"@commit@\"\n#define TRAINYARD_CHANGED @changed@\n" @ONLY)
