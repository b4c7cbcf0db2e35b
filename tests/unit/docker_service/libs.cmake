set(libs agenthost_docker_service)
