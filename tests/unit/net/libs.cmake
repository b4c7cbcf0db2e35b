set(libs agenthost_net agenthost_config)
