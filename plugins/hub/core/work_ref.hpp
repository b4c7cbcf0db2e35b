// Refers to a callable for one call, within the expression that creates it: a std::function without
// allocation.
#pragma once

#include "lock.hpp"

#include <memory>
#include <type_traits>

namespace agenthost::hub {

class WorkRef {
public:
    template <class Work>
    requires(!std::is_same_v<std::remove_cvref_t<Work>, WorkRef>) WorkRef(const Work& work)
        : work_{std::addressof(work)}, call_{call<Work>}
    {}

    void operator()() const { call_(work_); }

private:
    template <class Work> HUB_LOCK_UNCHECKED static void call(const void* work)
    {
        (*static_cast<const Work*>(work))();
    }

    const void* work_;
    void (*call_)(const void*);
};

} // namespace agenthost::hub
