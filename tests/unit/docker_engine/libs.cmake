set(libs agenthost_docker_engine)
