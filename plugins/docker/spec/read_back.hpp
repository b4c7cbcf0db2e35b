// Compares a created container with what was asked: an engine may ignore a limit that its kernel does not
// support, and an image may declare volumes of its own.
//
//     "HostConfig.Memory is 0, not 2147483648: the engine did not apply the memory limit."
//
// Knows what engines change without harm: Podman lists each dropped capability, both add the image's
// environment. Values of the environment never appear in a sentence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

// `body`: as create_body wrote it; `inspect`: the answer to GET /containers/ID/json. Empty: nothing differs.
// Never throws; an answer that is not readable is one sentence.
std::vector<std::string> read_back(std::string_view body, std::string_view inspect);

} // namespace agenthost::docker
