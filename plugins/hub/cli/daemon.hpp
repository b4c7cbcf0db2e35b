// Calls an action of the hub's daemon over its control socket. Blocking; thread-safe.
#pragma once

#include <nlohmann/json.hpp>

#include <stdexcept>
#include <string>

namespace agenthost::hub::cli {

// The daemon or the hub refused, or did not answer. what() is a sentence for people; code() an error code, or
// empty.
class Failed : public std::runtime_error {
public:
    explicit Failed(const std::string& what, std::string code = {})
        : std::runtime_error{what}, code_{std::move(code)}
    {}
    [[nodiscard]] const std::string& code() const { return code_; }

private:
    std::string code_;
};

// An answer's "error" or a failed "result".
Failed refusal(const nlohmann::json& error);

// JSON carries only UTF-8, and something else than what was typed must not be sent. Throws Failed.
std::string request_text(const nlohmann::ordered_json&);

struct Asked {
    std::string action;
    nlohmann::json params = nlohmann::json::object();
    int timeout_ms = 30'000; // 0: as long as the hub allows
    // JSON in place of `params`, whose members would be sorted; empty: none.
    std::string raw_params = {};
};
// The result's data. Throws Failed.
nlohmann::json call(const std::string& control, const Asked&);

} // namespace agenthost::hub::cli
