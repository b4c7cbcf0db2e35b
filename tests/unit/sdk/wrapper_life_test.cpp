// The wrapper from constructor to destructor: refusals, drain, tasks, instances.
#include "scripted.hpp"

namespace {

class Bare : public agenthost::Plugin {
public:
    explicit Bare(agenthost::Context&) {}
};
class Full : public Bare {
public:
    using Bare::Bare;
    void configure(std::string_view json) override
    {
        if (json == "bad") throw std::runtime_error{"no good"};
    }
    agenthost::Health health() override { throw std::runtime_error{"cannot say"}; }
    const void* extension(std::string_view id) override
    {
        if (id == "throw") throw 1;
        return id == "mine/1" ? this : nullptr;
    }
};

TEST_F(Wrapper, ReportsDrainedAfterTheLastAnswer)
{
    FakeHost host{scripted};
    std::deque<Request> kept;
    on("a.keep", [&](Request r) { kept.push_back(std::move(r)); });
    host.invoke("a.keep");
    host.invoke("a.keep");
    EXPECT_FALSE(host.drain(0ms));
    kept.pop_front();
    EXPECT_FALSE(host.drain(0ms));
    kept.clear();
    EXPECT_TRUE(host.drain());
}

TEST_F(Wrapper, FailsToCreateWithTheConstructorsError)
{
    Scripted::setup = [](agenthost::Context&) {
        throw agenthost::Error{"CONFIG", "storage_path: permission denied. Fix its mode."};
    };
    FakeHost host{scripted};
    const auto said = host.create();
    EXPECT_EQ(said.status, AGH_E_INVALID);
    EXPECT_EQ(said.code, "CONFIG");
    EXPECT_EQ(said.text, "storage_path: permission denied. Fix its mode.");
}

TEST_F(Wrapper, IsDestroyedWhenItDoesNotStart)
{
    bool destroyed = false;
    Scripted::on_start = [] { throw std::runtime_error{"no device"}; };
    Scripted::on_destroy = [&] { destroyed = true; };
    FakeHost host{scripted};
    EXPECT_EQ(host.start().text, "no device");
    EXPECT_TRUE(destroyed);
}

TEST_F(Wrapper, CutsALongErrorBetweenCharacters)
{
    Scripted::on_start = [] {
        throw std::runtime_error{"x" + [] {
            std::string s;
            while (s.size() < 2000) s += "\xe2\x82\xac"; // a euro sign
            return s;
        }()};
    };
    FakeHost host{scripted};
    const std::string text = host.start().text;
    EXPECT_GT(text.size(), 400u);
    EXPECT_EQ((text.size() - 1) % 3, 0u);
}

TEST_F(Wrapper, OffersConfigureAndHealthOnlyWhenTheClassHasThem)
{
    static constexpr agh_entry_v1 bare = agenthost::detail::entry_of<Bare>({});
    static constexpr agh_entry_v1 full = agenthost::detail::entry_of<Full>({});
    FakeHost plain{bare}, rich{full};
    ASSERT_TRUE(plain.start().ok());
    ASSERT_TRUE(rich.start().ok());
    EXPECT_EQ(plain.configure("{}").status, AGH_E_UNSUPPORTED);
    EXPECT_EQ(plain.extension(AGH_EXT_HEALTH), nullptr);
    EXPECT_TRUE(rich.configure("{}").ok());
    EXPECT_EQ(rich.configure("bad").text, "no good");
    EXPECT_EQ(rich.health().text, "cannot say");
    EXPECT_NE(rich.extension("mine/1"), nullptr);
    EXPECT_EQ(rich.extension("throw"), nullptr);
    EXPECT_EQ(rich.extension("other/1"), nullptr);
}

TEST_F(Wrapper, RunsTasksWithTheirOwnFunctions)
{
    agenthost::Context* context = nullptr;
    Scripted::setup = [&](agenthost::Context& ctx) { context = &ctx; };
    FakeHost host{scripted};
    ASSERT_TRUE(host.start().ok());
    std::atomic<int> once = 0, ticks = 0, never = 0;
    context->after(1ms, [&] { ++once; });
    const auto periodic = context->timer(1ms, 1ms, [&] { ++ticks; });
    const auto cancelled = context->after(50ms, [&] { ++never; });
    context->cancel(cancelled);
    EXPECT_TRUE(host.wait([&] { return once == 1 && ticks > 3; }));
    context->cancel(periodic);
    EXPECT_TRUE(host.wait([&] { return host.loop().tasks() == 0; }));
    EXPECT_EQ(never, 0);
    EXPECT_EQ(context->watch(-1, 1, [](std::uint32_t) {}), 0u);
}

TEST_F(Wrapper, MakesSeveralInstancesAtOnceAndAgain)
{
    on("a.echo", [](Request r) { r.reply(r.params()); });
    for (int round = 0; round < 3; ++round) {
        FakeHost one{scripted}, two{scripted};
        EXPECT_EQ(one.call("a.echo", "{}").json, "{}");
        EXPECT_EQ(two.call("a.echo", "{}").json, "{}");
    }
}

} // namespace
