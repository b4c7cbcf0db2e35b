// What a request asks for: which printer, and what to print on it. Pure.
#pragma once

#include "config.hpp"

#include "plugins/printer/content/profile.hpp"
#include "plugins/printer/content/text.hpp"
#include "plugins/printer/errors/codes.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace agenthost::printer::service {

// The printer that a request names. If it names none, the default printer is meant.
struct Target {
    Wanted wanted;
    std::string text; // an alias, role, name or address
    std::optional<network::PrinterAddress> address;

    [[nodiscard]] bool anything() const { return wanted.anything() || !text.empty() || address.has_value(); }
};

// Reads `printer` of the params: {"vendorId", "productId", "serial"?}, {"ip", "port"?}, {"alias"} or a text.
// The problem is INVALID_REQUEST.
struct TargetOrProblem {
    Target target;
    Problem problem;
};
TargetOrProblem read_target(const nlohmann::json& params);

// The printer of a stored job, by its key.
Target target_of(const std::string& key);

// Checks what printer.config is to store. The problem names the member.
Problem check_settings(const nlohmann::json& updates);

// The printer that a job is for, as far as its bytes depend on it.
struct Recipient {
    std::string key, alias;
    Profile profile;
};

struct Content {
    std::string bytes;
    std::uint64_t commit_at = 0;                    // 0: plain
    nlohmann::json meta = nlohmann::json::object(); // what became of a text
    Problem problem;                                // if set, `bytes` is empty
};
// The bytes of printer.print: `data` in base64 as it is; `text`, or `data` with a charset or with encoding
// "text", as text. The charset is that of data in base64; any other text is Unicode.
Content read_content(const nlohmann::json& params, const Profile&, std::uint64_t max_bytes);

// Whether its bytes take longer to make than to copy.
bool is_drawn(const nlohmann::json& params, const Profile&);

// The same job in the form that the printer keeps and prints by its last bytes, where its profile asks for it
// and the job allows it; else unchanged.
Content with_commit(Content, const Profile&);

} // namespace agenthost::printer::service
