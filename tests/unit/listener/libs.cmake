set(libs agenthost_listener)
