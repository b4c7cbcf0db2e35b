set(libs agenthost_session)
