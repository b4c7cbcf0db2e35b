# A runner that does everything wrong, by the name it is called.
add_executable(bad_runner ${CMAKE_CURRENT_LIST_DIR}/bad/bad_runner.cpp ${CMAKE_SOURCE_DIR}/host/runner/channel.cpp)
target_link_libraries(bad_runner PRIVATE agenthost_options)
set_target_properties(bad_runner PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_library(runner_needs INTERFACE) # sdk_c11 brings the probe plugin (../sdk/libs.cmake)
add_dependencies(runner_needs bad_runner)
set(libs agenthost_runner_client runner_needs sdk_c11 ${CMAKE_DL_LIBS})
# Parts of the runner program; no library has them.
add_library(runner_parts OBJECT ${CMAKE_SOURCE_DIR}/host/runner/loop.cpp ${CMAKE_SOURCE_DIR}/host/runner/plugin_requests.cpp)
target_link_libraries(runner_parts PRIVATE agenthost_options)
target_link_libraries(runner_needs INTERFACE $<TARGET_OBJECTS:runner_parts>)
