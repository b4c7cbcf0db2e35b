set(libs agenthost_cli)
