# find_package(agenthost): the target agenthost::sdk (headers) and agenthost_add_plugin().
include(${CMAKE_CURRENT_LIST_DIR}/agenthostTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/AgenthostPlugin.cmake)
