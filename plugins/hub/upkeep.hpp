// Does the periodic work, on the worker: timers, changed secrets, expiry, published facts.
#pragma once

#include "features.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/worker.hpp"
#include "secrets.hpp"

#include <string>

namespace agenthost::hub {

class Upkeep {
public:
    Upkeep(Core& core, Disk& disk, Agents& agents, Work& work, RestFeatures& rest, Secrets& secrets)
        : core_{core}, disk_{disk}, agents_{agents}, work_{work}, rest_{rest}, secrets_{secrets}
    {}

    Worker::Clock::time_point tick(); // returns when the next one is due

private:
    void housekeeping();
    void expire();
    void tidy() UNDER_LOCK;
    void publish();

    Core& core_;
    Disk& disk_;
    Agents& agents_;
    Work& work_;
    RestFeatures& rest_;
    Secrets& secrets_;
    std::string published_;
    Timers::Time next_housekeeping_{}, next_expiry_{};
};

} // namespace agenthost::hub
