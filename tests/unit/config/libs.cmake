set(libs agenthost_config)
