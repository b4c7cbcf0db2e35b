#pragma once

#include "plugins/hub/cli/arguments.hpp"

#include <string>
#include <vector>

namespace agenthost::hub::cli {

// `agenthost hub WORDS...`
inline Arguments parsed(std::vector<std::string> words)
{
    words.insert(words.begin(), "agenthost-hub");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    return parse(static_cast<int>(argv.size()), argv.data());
}

} // namespace agenthost::hub::cli
