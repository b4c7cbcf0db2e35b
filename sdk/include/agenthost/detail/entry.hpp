// The manifest inside the library. agenthost_add_plugin() generates the array and its size, so the entry is
// constant data. A unit test that compiles the plugin's source without it has no manifest. Not for authors.
#pragma once

#include "../abi.h"

#ifdef AGENTHOST_MANIFEST_SIZE
extern "C" const unsigned char agenthost_manifest_data[];
#define AGENTHOST_MANIFEST                                                                                   \
    ::agh_bytes { agenthost_manifest_data, AGENTHOST_MANIFEST_SIZE }
#else
#define AGENTHOST_MANIFEST                                                                                   \
    ::agh_bytes {}
#endif
