// Macros for "under the hub's lock" that clang checks with -Wthread-safety (./dev check locks); other
// compilers ignore them.
//
//   UNDER_LOCK       on a function, method or lambda: the caller holds the lock
//   OUTSIDE_LOCK     the caller does not hold it
//   GUARDED          on a member: it is used only under the lock
//
// A hub has one lock, Strand's mutex. Every part reaches it through its own reference to Core, and clang
// cannot see that these are the same. So they all name the capability hub_lock, which is never locked itself;
// Strand::run() acquires it. Clang does not check constructors or calls through std::function: annotate a
// lambda that runs under the lock.
#pragma once

#if defined(__clang__)
#define HUB_LOCK_ATTRIBUTE(x) __attribute__((x))
#else
#define HUB_LOCK_ATTRIBUTE(x)
#endif

#define UNDER_LOCK HUB_LOCK_ATTRIBUTE(requires_capability(::agenthost::hub::hub_lock))
#define OUTSIDE_LOCK HUB_LOCK_ATTRIBUTE(locks_excluded(::agenthost::hub::hub_lock))
#define HUB_LOCK_UNCHECKED                                                                                   \
    HUB_LOCK_ATTRIBUTE(no_thread_safety_analysis) // only for Strand, which takes the lock
#define GUARDED HUB_LOCK_ATTRIBUTE(guarded_by(::agenthost::hub::hub_lock))

namespace agenthost::hub {

class HUB_LOCK_ATTRIBUTE(capability("the hub's lock")) HubLock {};
inline HubLock hub_lock;

} // namespace agenthost::hub
