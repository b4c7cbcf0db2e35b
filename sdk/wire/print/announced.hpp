// The tasks whose bytes follow in a binary frame (binary.hpp). Pure.
//
// Bounds: max_tasks of max_params bytes and an id of max_id bytes. One session has one of these, so a server
// takes nothing from another one's share.
#pragma once

#include "wire/json/fields.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::wire::print {

class AnnouncedBytes {
public:
    static constexpr std::size_t max_tasks = 16, max_params = 64U << 10, max_id = 255;

    // The params of a task_print say that its bytes follow.
    static bool announces(std::span<const json::Member> params);
    // Remembers the task; a repeat replaces it. Returns the problem, or empty.
    std::string add(std::string_view id, std::string_view params, std::span<const json::Member> members);

    enum class Taken { not_announced, not_as_announced, complete };
    // The bytes have arrived. complete: `params` has the task's params, the same text as if the bytes had been
    // sent in base64, so that a repeat in either form is the same command.
    Taken take(std::string_view id, std::string_view bytes, std::string& params);

private:
    struct Task {
        std::string id, params, sha256;
        std::uint64_t length = 0;
    };
    std::vector<Task> tasks_;
};

} // namespace agenthost::wire::print
