/* The contract's headers compile as strict C11, and AGH_HAS works there. The layout itself is pinned in tests/abi/abi_layout.c. */
#include <agenthost/abi.h>
#include <agenthost/ext/call.h>
#include <agenthost/ext/check.h>
#include <agenthost/ext/events.h>
#include <agenthost/ext/facts.h>
#include <agenthost/ext/health.h>
#include <agenthost/ext/listener.h>
#include <agenthost/ext/log.h>
#include <agenthost/ext/log_tap.h>
#include <agenthost/ext/loop.h>
#include <agenthost/ext/metrics.h>
#include <agenthost/ext/state.h>

/* A writer that knew less is believed to. */
int agh_has_in_c(const agh_plugin_api* api);
int agh_has_in_c(const agh_plugin_api* api) { return AGH_HAS(api, drain) ? 1 : 0; }
