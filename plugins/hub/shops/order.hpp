// Reads what a caller wants printed: bytes for the printer (ESC/POS), text, or a JSON object with either.
// Pure.
//
//   application/octet-stream   the bytes, unchanged
//   text/plain; charset=X      text; the agent converts it to the printer's code pages
//   application/json           {"data","encoding":"base64"} or {"text","charset"?}, "printer"?, "name"? and
//                              whatever else the printer's plugin accepts
//
// Text in UTF-8 becomes {"data":TEXT,"encoding":"text"}; in another charset {"data":BASE64,
// "encoding":"base64","charset":X}.
#pragma once

#include "plugins/hub/http/http.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::hub {

// Its base64 fits into a frame of 1 MiB.
constexpr std::uint64_t max_order = 760U << 10;

struct Order {
    // A JSON object without "printer".
    std::string params;
    // As it is sent, if the caller gave an object; or the name of a printer, which the shop's heartbeat
    // explains. Both empty: the default printer.
    std::string printer, printer_name;
    // Of a problem; `code` empty: none.
    std::string code, why;
};

// `query`: printer and name, for the first two.
Order read_order(const Head&, const std::string& body);
Order read_order_json(const std::string& body);

// SHA-256 of everything that is asked for, as hex.
std::string digest_of(const Order&);

// Empty or a key of 1 to 255 printable characters.
bool valid_key(std::string_view idempotency_key);

} // namespace agenthost::hub
