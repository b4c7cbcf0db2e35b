// Every promise is checked twice: with the library in this process, and in a runner.
#pragma once

#include "host_double.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

namespace agenthost::test {

inline bool contains(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

// An exception or a crash is told: caught in this process, the end of the runner in a runner.
inline bool told(const std::string& text, bool isolated)
{
    return contains(text, "threw an exception") || (isolated && contains(text, "died: signal"));
}

class Abi : public testing::TestWithParam<bool> {
protected:
    void SetUp() override
    {
        if (isolated() && !has_runner()) GTEST_SKIP() << "no runner in this build";
    }
    [[nodiscard]] static bool isolated() { return GetParam(); }
    // Starts it, and says when that fails.
    static std::unique_ptr<Bench> running(const std::string& mode = {}, const std::string& id = "hostile")
    {
        auto bench = std::make_unique<Bench>(id, isolated(), mode);
        EXPECT_EQ(bench->start(), "");
        EXPECT_EQ(bench->plugin->status().state, host::PluginState::running);
        return bench;
    }
    // It answers, now or, when its runner ended, once that is started again.
    static bool goes_on(Bench& bench)
    {
        return bench.until([&] {
            return bench.plugin->status().state == host::PluginState::running &&
                   bench.ask("echo", R"({"a":1})").json == R"({"a":1})";
        });
    }
};

inline std::string where(const testing::TestParamInfo<bool>& info)
{
    return info.param ? "InARunner" : "InProcess";
}

} // namespace agenthost::test
