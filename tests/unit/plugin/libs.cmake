set(libs agenthost_plugin)
