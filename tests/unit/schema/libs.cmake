set(libs agenthost_schema)
