// Remembers requests by type until they are answered: the answer repeats parts of the request. Pure; one per
// connection; not thread-safe. Bounded: 256 requests; the oldest is forgotten, and its answer then lacks
// those parts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace agenthost::wire::panel_field {

struct Request {
    // The frame's messageId or id, else one made by the codec.
    std::string id;
    std::string type, server_id, path, message_id;
};

class Requests {
public:
    static constexpr std::size_t max = 256;

    void add(Request request)
    {
        (void)take(request.id);
        if (open_.size() >= max) open_.pop_front();
        open_.push_back(std::move(request));
    }
    std::optional<Request> take(std::string_view id)
    {
        const auto found = locate(id);
        if (found == open_.end()) return std::nullopt;
        std::optional<Request> request{std::move(*found)};
        open_.erase(found);
        return request;
    }
    [[nodiscard]] bool has(std::string_view id) { return locate(id) != open_.end(); }

private:
    std::deque<Request>::iterator locate(std::string_view id)
    {
        return std::find_if(open_.begin(), open_.end(), [&](const Request& each) { return each.id == id; });
    }

    std::deque<Request> open_;
};

} // namespace agenthost::wire::panel_field
