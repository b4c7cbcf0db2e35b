// Parses the control socket's response to a call: progress, streams, result. Sans-io: accepts bytes split
// anywhere, calls back what to print.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace agenthost::netclient {

class CallReader {
public:
    struct Out {
        std::function<void(const nlohmann::json&)> progress;
        std::function<void(std::uint32_t channel, std::string_view bytes)> stream;
        std::function<void(std::uint32_t channel, std::uint64_t bytes)> lost; // a gap in a channel
    };
    explicit CallReader(Out out) : out_{std::move(out)} {}

    void feed(std::string_view bytes);
    void end() { line(std::exchange(line_, {})); } // a last line without its end

    [[nodiscard]] const std::optional<nlohmann::json>& result() const { return result_; } // {"status":...}
    [[nodiscard]] bool streamed(std::uint32_t channel) const { return next_.contains(channel); }
    [[nodiscard]] bool overlong() const { return overlong_; }

private:
    void line(const std::string&);
    Out out_;
    std::string line_;
    std::map<std::uint32_t, std::uint64_t> next_; // offset expected in each channel
    std::optional<nlohmann::json> result_;
    bool overlong_ = false;
};

} // namespace agenthost::netclient
