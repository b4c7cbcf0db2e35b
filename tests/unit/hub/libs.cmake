set(libs agenthost_hub agenthost_hub_cli agenthost_sdk ${CMAKE_DL_LIBS})
cmake_language(DEFER CALL add_dependencies unit_hub hub_plugin) # fixture.hpp loads what ships
