set(libs agenthost_base nlohmann_json::nlohmann_json)
