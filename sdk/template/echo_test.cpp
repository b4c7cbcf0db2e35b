// The built library in a FakeHost: no daemon, no framework needed. echo_test PATH/echo.so
#include <agenthost/testing/fake_host.hpp>
#include <agenthost/testing/load.hpp>

#include <cstdio>

int main(int argc, char** argv)
{
    if (argc != 2) return 2;
    agenthost::testing::FakeHost host{agenthost::testing::load_entry(argv[1])};
    const auto reply = host.call("echo.say", R"({"text":"hello"})");
    const bool good =
        reply.ok() && reply.json == R"({"text":"hello"})" && host.drain() && host.mistakes().empty();
    std::printf("echo.say answered %s: %s\n", reply.json.c_str(), good ? "ok" : "NOT what it was told");
    return good ? 0 : 1;
}
