// Libraries that must be refused before create(): which fault, the build says. Reaching create() ends the
// test.
#include <agenthost/abi.h>

#include <cstdlib>
#include <stdexcept>

extern "C" const unsigned char agenthost_manifest_data[];

namespace {
[[maybe_unused]] agh_status create(const agh_host_api*, agh_host*, agh_bytes, const agh_plugin_api**,
                                   agh_plugin**, agh_error*)
{
    std::abort();
}
[[maybe_unused]] constexpr unsigned char other_manifest[] =
    "{\"id\":\"liar\",\"version\":\"9\",\"permissions\":{\"listener\":true}}";
} // namespace

#ifndef MAJOR
#define MAJOR AGH_ABI_MAJOR
#endif
#ifndef MINOR_NEEDED
#define MINOR_NEEDED 0
#endif
#ifndef ENTRY_SIZE
#define ENTRY_SIZE sizeof(agh_entry_v1)
#endif
#ifdef OTHER_MANIFEST
#define MANIFEST                                                                                             \
    {                                                                                                        \
        other_manifest, sizeof other_manifest - 1                                                            \
    }
#else
#define MANIFEST                                                                                             \
    {                                                                                                        \
        agenthost_manifest_data, AGENTHOST_MANIFEST_SIZE                                                     \
    }
#endif
#ifdef NO_CREATE
#define CREATE nullptr
#else
#define CREATE create
#endif

#ifdef THROWS_WHEN_LOADED
namespace {
struct Thrower {
    Thrower() { throw std::runtime_error("thrown while loading"); }
} thrower;
} // namespace
#endif

#ifndef NO_SYMBOL
const agh_entry_v1 agh_plugin_entry_v1 = {ENTRY_SIZE, MAJOR, MINOR_NEEDED, MINOR_NEEDED, MANIFEST, CREATE};
#endif
