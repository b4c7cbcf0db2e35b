set(libs agenthost_docker_transfer)
