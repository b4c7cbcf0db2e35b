// A plugin whose actions a test writes, and the fixture that resets it.
#pragma once

#include <agenthost/plugin.hpp>
#include <agenthost/testing/fake_host.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <barrier>
#include <deque>
#include <thread>

using agenthost::Request;
using agenthost::testing::FakeHost;
using namespace std::chrono_literals;

// A plugin whose actions a test writes: Scripted::setup is called with the context.
class Scripted : public agenthost::Plugin {
public:
    static inline std::function<void(agenthost::Context&)> setup;
    static inline std::function<void()> on_start, on_drain, on_destroy;
    explicit Scripted(agenthost::Context& ctx)
    {
        if (setup) setup(ctx);
    }
    ~Scripted() override
    {
        if (on_destroy) on_destroy();
    }
    void start() override
    {
        if (on_start) on_start();
    }
    void drain() override
    {
        if (on_drain) on_drain();
    }
};
constexpr agh_entry_v1 scripted = agenthost::detail::entry_of<Scripted>({});

class Wrapper : public testing::Test {
protected:
    void TearDown() override
    {
        Scripted::setup = nullptr, Scripted::on_start = Scripted::on_drain = Scripted::on_destroy = nullptr;
    }
    static void on(std::string action, std::function<void(Request)> handler)
    {
        Scripted::setup = [=, before = Scripted::setup](agenthost::Context& ctx) {
            if (before) before(ctx);
            ctx.on(action, handler);
        };
    }
};
