// How an action of the hub is answered.
#pragma once

#include <agenthost/abi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::hub {

// The reply to an action; used once.
struct Reply {
    std::function<void(std::string json)> ok;
    std::function<void(std::string_view code, std::string message)> fail;
    // For an action that streams; see agenthost/request.hpp. Not under the hub's lock.
    std::function<agh_status(std::uint32_t channel, std::uint64_t offset, std::string_view)> stream;
    std::function<void(const std::string& json)> progress;
};
using ReplyPtr = std::shared_ptr<Reply>;

} // namespace agenthost::hub
