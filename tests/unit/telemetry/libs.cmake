set(libs agenthost_telemetry)
