# The headers as C11; and a real plugin library to load.
add_library(sdk_c11 STATIC ${CMAKE_CURRENT_LIST_DIR}/has_c11.c)
set_target_properties(sdk_c11 PROPERTIES C_EXTENSIONS OFF)
target_compile_options(sdk_c11 PRIVATE -Wall -Wextra -Wpedantic -Wc++-compat -Werror)
target_link_libraries(sdk_c11 PRIVATE agenthost_sdk)
agenthost_add_plugin(sdk_probe ${CMAKE_CURRENT_LIST_DIR}/probe/probe.cpp MANIFEST ${CMAKE_CURRENT_LIST_DIR}/probe/manifest.json
  OUTPUT ${CMAKE_BINARY_DIR}/tests/plugins NO_INSTALL)
add_dependencies(sdk_c11 sdk_probe_plugin) # so the test program has it to load
set(libs sdk_c11 agenthost_sdk ${CMAKE_DL_LIBS})
