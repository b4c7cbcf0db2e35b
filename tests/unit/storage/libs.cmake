set(libs agenthost_storage)
