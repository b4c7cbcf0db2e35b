set(libs agenthost_app)
