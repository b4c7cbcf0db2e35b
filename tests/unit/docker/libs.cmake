set(libs agenthost_docker)
