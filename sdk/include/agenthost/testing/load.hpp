// Loads the entry of a built plugin: FakeHost host{load_entry("build/lib/agenthost/plugins-1/echo.so")} tests
// the shipped binary.
#pragma once

#include "../abi.h"

#include <dlfcn.h>

#include <stdexcept>
#include <string>

namespace agenthost::testing {

// Throws std::runtime_error with the loader's message. The library stays mapped.
inline const agh_entry_v1& load_entry(const std::string& library)
{
    void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) throw std::runtime_error{::dlerror()};
    const void* const entry = ::dlsym(handle, AGH_ENTRY_SYMBOL);
    if (entry == nullptr)
        throw std::runtime_error{library + " has no " AGH_ENTRY_SYMBOL ": is AGENTHOST_PLUGIN(..) missing?"};
    return *static_cast<const agh_entry_v1*>(entry);
}

} // namespace agenthost::testing
