set(libs agenthost_dispatch)
