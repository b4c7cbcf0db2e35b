set(libs agenthost_base)
