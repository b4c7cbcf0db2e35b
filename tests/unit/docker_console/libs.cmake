set(libs agenthost_docker_console)
