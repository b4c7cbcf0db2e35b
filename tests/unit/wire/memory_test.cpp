// A decoder takes no more memory than a small multiple of its input, whoever sends it, and keeps little of
// it: counted at operator new.
#include "tests/unit/wire/environment.hpp"
#include "tests/unit/wire/messages.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <new>
#include <thread>

namespace {

// What this thread asked for; only counted while a test looks.
thread_local bool counting = false;
thread_local std::size_t asked = 0;

void* take(std::size_t size)
{
    if (counting) asked += size;
    return std::malloc(size == 0 ? 1 : size);
}
void* take_or_throw(std::size_t size)
{
    void* const memory = take(size);
    if (!memory) throw std::bad_alloc{};
    return memory;
}

} // namespace

void* operator new(std::size_t size) { return take_or_throw(size); }
void* operator new[](std::size_t size) { return take_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return take(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return take(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

using namespace agenthost::wire;

namespace {

template <class F> std::size_t bytes_asked(F&& f)
{
    asked = 0;
    counting = true;
    f();
    counting = false;
    return asked;
}

struct Frame {
    std::string name, text;
    Protocol protocol;
    bool down;
};

std::vector<Frame> frames()
{
    std::vector<Frame> all;
    const std::filesystem::path root = agenthost::test::source_dir() / "tests/wire/vectors";
    for (const auto& entry : std::filesystem::recursive_directory_iterator{root}) {
        const auto of = protocol(entry.path().parent_path().filename().string());
        if (!of || entry.path().extension() != ".json") continue;
        const Json vector = Json::parse(agenthost::test::read_file(entry.path()));
        if (const std::string text = vector.value("frame", ""); !text.empty())
            all.push_back({entry.path().filename(), text, *of, vector.at("direction") == "server_to_agent"});
    }
    return all;
}

class Memory : public testing::Test {
protected:
    // Reads with a parser that is new, as the first frame of a thread does: everything that is ever asked for
    // is counted.
    static std::size_t of_first_frame(const Frame& frame)
    {
        std::size_t bytes = 0;
        std::thread{[&] { bytes = of_next_frame(frame); }}.join();
        return bytes;
    }
    static std::size_t of_next_frame(const Frame& frame)
    {
        TestNonces nonces;
        TestEnvironment environment;
        const auto agent =
            agent_codec(frame.protocol, {.environment = environment.environment(), .nonces = &nonces});
        const auto server = server_codec(
            frame.protocol, {.environment = environment.environment(),
                             .agent_id = {},
                             .secret_of = [](std::string_view) { return std::optional<std::string>{"s"}; },
                             .nonces = &nonces});
        return bytes_asked([&] {
            if (frame.down)
                (void)agent->decode(frame.text, false);
            else
                (void)server->decode(frame.text);
        });
    }
};

constexpr std::size_t parser = 192 << 10; // once a thread: a parser and space for members
constexpr std::size_t multiple = 24;      // a parser of the next power of two takes 8 to 17, the rest is ours
constexpr std::size_t small = 4 << 10;    // scratch memory, reasons, ids

TEST_F(Memory, OfAFrameIsASmallMultipleOfItsSize)
{
    const auto all = frames();
    ASSERT_GT(all.size(), 100u);
    for (const Frame& frame : all) {
        EXPECT_LE(of_first_frame(frame), parser + multiple * frame.text.size()) << frame.name;
        (void)of_next_frame(frame); // this thread has its parser from here on
        EXPECT_LE(of_next_frame(frame), small + 8 * frame.text.size()) << frame.name;
    }
}

// What costs a reader most: escapes, tiny values, many members, in every place a codec looks into.
std::vector<Frame> hostile(std::size_t size)
{
    const std::string escapes = "\"" + [&] {
        std::string out;
        while (out.size() < size) out += "\\u0041";
        return out;
    }() + "\"";
    const std::string values = "[" + [&] {
        std::string out = "1";
        while (out.size() < size) out += ",1";
        return out;
    }() + "]";
    const std::string members = "{" + [&] {
        std::string out = "\"k\":0";
        for (int i = 0; i < 254; ++i)
            out += ",\"k" + std::to_string(i) + "\":\"" + std::string(size / 256, 'x') + "\"";
        return out;
    }() + "}";
    std::vector<Frame> all;
    for (const std::string& value : {escapes, values, members}) {
        const std::vector<std::string> texts{
            R"({"type":"command","id":"c1","action":"a","payload":{"serverId":"s","x":)" + value + "}}",
            R"({"type":"command","id":"c1","data":{"action":"a","x":)" + value + "}}",
            R"({"type":"response","id":"c1","success":true,"message":"m","data":{"a":"message","x":)" +
                value + "}}",
            R"({"type":"pong","id":"c1","data":{"systemLoad":)" + value + "}}",
            R"({"type":"event","event":"progress","data":{"id":"c1","x":)" + value + "}}",
            R"({"type":"task_print","payload":{"id":"t1","vendorId":"0x1","x":)" + value + "}}",
            R"({"type":"task_config","payload":{"id":"t1","vendorId":"0x1","x":)" + value + "}}",
            R"({"type":"print","taskId":"t1","vendorId":"0x1","x":)" + value + "}",
            R"({"type":"heartbeat","payload":{"devices":[{"vendorId":"0x1"},)" + value + "]}}",
            R"({"type":"task_result","payload":{"id":"t1","status":"success","message":"m","meta":{"a":"message","x":)" +
                value + "}}}",
            R"({"type":"task_result","payload":{"id":"t1","status":"error","message":"m","meta":{"outcome":"unknown","x":)" +
                value + "}}}",
            R"({"action":"info","request_id":"r1","x":)" + value + "}",
            R"({"type":"response","payload":{"requestId":"r1","status":"ok","data":)" + value + "}}",
            R"({"type":"command:request","payload":{"commandId":"c1","command":"x","env":)" + value + "}}",
            R"({"type":"command","agentId":"a","ts":1,"nonce":"n","payload":{"command":"x","args":)" + value +
                R"(},"signature":"s"})",
        };
        for (const auto each :
             {Protocol::storage, Protocol::panel, Protocol::print, Protocol::dashboard, Protocol::signed_}) {
            for (const std::string& text : texts) {
                for (const bool down : {true, false}) all.push_back({text.substr(0, 60), text, each, down});
            }
        }
    }
    return all;
}

TEST_F(Memory, OfAHostileFrameIsASmallMultipleOfItsSize)
{
    for (const Frame& frame :
         hostile(200'000)) // bigger than what a thread's parser keeps: all is asked for anew
        EXPECT_LE(of_first_frame(frame), parser + multiple * frame.text.size())
            << name(frame.protocol) << frame.name;
}

} // namespace
