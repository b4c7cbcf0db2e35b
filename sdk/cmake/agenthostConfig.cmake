# find_package(agenthost): the target agenthost::sdk (headers) and agenthost_add_plugin().
# Where the agenthost of this SDK looks for plugins.
get_filename_component(AGENTHOST_PLUGIN_DIR ${CMAKE_CURRENT_LIST_DIR}/../../agenthost/plugins-1 ABSOLUTE)
include(${CMAKE_CURRENT_LIST_DIR}/agenthostTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/AgenthostPlugin.cmake)
