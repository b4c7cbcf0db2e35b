set(libs agenthost_terminal)
