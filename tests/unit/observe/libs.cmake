set(libs agenthost_observe)
