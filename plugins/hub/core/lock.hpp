// Says "under the hub's lock" so that a compiler checks it: clang with -Wthread-safety (./dev check locks); other compilers skip the macros.
//
//   UNDER_LOCK       on a function, method or lambda: the caller holds the lock
//   OUTSIDE_LOCK     the caller does not hold it
//   GUARDED          on a member: it is used only under the lock
//
// There is one lock in a hub, Strand's mutex. Every part refers to it through a strand of its own Core, and clang cannot see that
// those are the same: so the lock has one name for all of them, hub_lock, which is never locked itself. Strand::run() takes it.
// Clang does not look into constructors, nor through std::function: a lambda that runs under the lock says so itself.
#pragma once

#if defined(__clang__)
#define HUB_LOCK_ATTRIBUTE(x) __attribute__((x))
#else
#define HUB_LOCK_ATTRIBUTE(x)
#endif

#define UNDER_LOCK HUB_LOCK_ATTRIBUTE(requires_capability(::agenthost::hub::hub_lock))
#define OUTSIDE_LOCK HUB_LOCK_ATTRIBUTE(locks_excluded(::agenthost::hub::hub_lock))
#define HUB_LOCK_UNCHECKED HUB_LOCK_ATTRIBUTE(no_thread_safety_analysis) // Strand alone: it takes the lock
#define GUARDED HUB_LOCK_ATTRIBUTE(guarded_by(::agenthost::hub::hub_lock))

namespace agenthost::hub {

class HUB_LOCK_ATTRIBUTE(capability("the hub's lock")) HubLock {};
inline HubLock hub_lock;

} // namespace agenthost::hub
