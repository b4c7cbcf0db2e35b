set(libs agenthost_netclient)
