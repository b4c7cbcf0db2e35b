set(libs agenthost_docker_files)
