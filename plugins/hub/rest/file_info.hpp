// Reads an agent's answer to storage.info about one stored file. Pure.
#pragma once

#include "plugins/hub/http/http.hpp"

#include <string_view>

namespace agenthost::hub {

// The answer to a HEAD of the file: the head that GET would have. `data` is the agent's
// {"id":"r1","size":1024,"sha256"?:"...",...}. 501 if it is not about this file: the agent knows storage.info
// only as the question about its disk.
Answer file_info_answer(std::string_view data, std::string_view agent, std::string_view file);

} // namespace agenthost::hub
