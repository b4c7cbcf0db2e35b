// Asks ecmascript.mjs (Node) what it makes of some lines.
#pragma once

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace agenthost::wire {

inline std::vector<std::string> ask_node(const std::string& what, const std::vector<std::string>& lines,
                                         const std::string& secret = "-")
{
    const test::TempDir dir;
    std::string text;
    for (const std::string& line : lines) text.append(line).append("\n");
    test::write_file(dir / "lines", text);
    const std::string script = agenthost::test::source_dir().string() + "/tests/unit/wire/ecmascript.mjs";
    const test::Ran ran = test::run({"node", script, what, (dir / "lines").string(), secret});
    EXPECT_EQ(ran.code, 0) << ran.err;
    std::vector<std::string> out;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = ran.out.find('\n', begin)) != std::string::npos; begin = end + 1)
        out.push_back(ran.out.substr(begin, end - begin));
    return out;
}

} // namespace agenthost::wire
