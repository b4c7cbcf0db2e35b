// Makes random UUIDs.
#pragma once

#include <string>

namespace agenthost::base {

// Version 4 (RFC 9562), lower case. Throws when the system has no random bytes.
std::string random_uuid();

} // namespace agenthost::base
