set(libs agenthost_kit)
