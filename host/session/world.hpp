// What codecs ask of the world (wire::World), answered by OpenSSL.
#pragma once

#include "wire/codec.hpp"

namespace agenthost::host {

std::int64_t utc_now_ms();
std::string random_uuid(); // version 4, lower case
std::string hmac_sha256_hex(std::string_view key, std::string_view message);

} // namespace agenthost::host
