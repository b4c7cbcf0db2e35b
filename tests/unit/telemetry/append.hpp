#pragma once

#include <filesystem>
#include <fstream>
#include <string_view>

namespace agenthost::test {

inline void append(const std::filesystem::path& file, std::string_view text)
{
    std::ofstream{file, std::ios::app} << text;
}

} // namespace agenthost::test
