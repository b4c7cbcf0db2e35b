set(libs agenthost_wire)
