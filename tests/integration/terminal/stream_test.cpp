// How output travels: in chunks, in time, in order; with readers that are slow, late, or come back.
#include "rig.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace agenthost::test;
using namespace std::chrono_literals;
using testing::HasSubstr;

namespace {

std::string numbers(int from, int to)
{
    std::string text;
    for (int i = from; i <= to; ++i) text += std::to_string(i) + "\n";
    return text;
}

TEST(TerminalStream, SendsTheFirstOutputAfterSilenceAtOnce)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "s"}, {"argv", {"cat"}}, {"input", true}});
    ASSERT_TRUE(wait_for([&] { return rig.running("s"); }));
    // The best of several: the machine may be busy, but a batching delay would be in all of them.
    auto best = 1'000'000us;
    for (int i = 0; i < 10; ++i) {
        std::this_thread::sleep_for(60ms); // silence
        const auto asked = std::chrono::steady_clock::now();
        rig.call("input", {{"commandId", "s"}, {"data", "ping" + std::to_string(i) + "\n"}});
        ASSERT_TRUE(rig.wait_out(id, "ping" + std::to_string(i)));
        best = std::min(
            best, std::chrono::duration_cast<std::chrono::microseconds>(rig.chunks(id).back().at - asked));
    }
    EXPECT_LT(best, 30ms);
    rig.call("input", {{"commandId", "s"}, {"eof", true}});
    rig.finish(id);
}

TEST(TerminalStream, BatchesSmallPieces)
{
    Rig rig;
    const auto ran = rig.sh("i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); sleep 0.001; done");
    EXPECT_EQ(ran.out, numbers(0, 299));
    const auto chunks = rig.chunks(ran.id);
    EXPECT_GT(chunks.size(), 1u);
    const auto span =
        std::chrono::duration_cast<std::chrono::milliseconds>(chunks.back().at - chunks.front().at);
    EXPECT_LE(chunks.size(),
              static_cast<std::size_t>(span.count()) / 45 + 12); // one in 50 ms; the machine may be busy
}

TEST(TerminalStream, SendsChunksOf10KbAtMost)
{
    Rig rig;
    const auto ran = rig.sh("seq 1 100000");
    EXPECT_TRUE(ran.out == numbers(1, 100'000));
    std::uint64_t at = 0;
    for (const auto& chunk : rig.chunks(ran.id)) {
        EXPECT_LE(chunk.bytes.size(), 10u << 10);
        EXPECT_EQ(chunk.offset, at);
        at += chunk.bytes.size();
    }
    EXPECT_EQ(at, ran.data.at("bytes").get<std::uint64_t>());
    EXPECT_THAT(rig.host().mistakes(), testing::IsEmpty());
}

TEST(TerminalStream, NeverSplitsACharacter)
{
    Rig rig;
    // Three bytes a character: neither 10 KB nor a pipe's pages are a multiple. Then bytes of one character
    // far apart in time.
    const auto ran = rig.sh(
        "i=0; while [ $i -lt 4000 ]; do printf "
        "'\\342\\202\\254\\342\\202\\254\\342\\202\\254\\342\\202\\254\\342\\202\\254'; i=$((i+1)); done; "
        "printf '\\342'; sleep 0.15; printf '\\202'; sleep 0.15; printf '\\254|'");
    std::string expected;
    for (int i = 0; i < 20'001; ++i) expected += "\xe2\x82\xac";
    EXPECT_TRUE(ran.out == expected + "|");
    for (const auto& chunk : rig.chunks(ran.id)) {
        ASSERT_NE(static_cast<unsigned char>(chunk.bytes[0]) & 0xc0, 0x80);
        ASSERT_EQ(agenthost::json_string(chunk.bytes).find("\xef\xbf\xbd"), std::string::npos);
    }
}

TEST(TerminalStream, DeliversAnIncompleteCharacterAtTheEnd)
{
    Rig rig;
    EXPECT_EQ(rig.sh("printf 'a\\342\\202'").out, "a\xe2\x82");
}

TEST(TerminalStream, CarriesBinaryUnchanged)
{
    TempDir dir;
    std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
    const std::string bytes = random_bytes(3'000'000, 7);
    write_file(dir / "file", bytes, 0644);
    Rig rig;
    const auto ran = rig.run({{"argv", {"cat", (dir / "file").string()}}});
    EXPECT_TRUE(ran.out == bytes);
}

TEST(TerminalStream, WaitsForASlowReader)
{
    Rig rig{{{"wait", "60s"}}};
    rig.budget(100'000);
    const auto id = rig.start({{"command", "seq 1 200000"}});
    for (int i = 0; i < 1000 && !rig.host().reply(id); ++i) {
        rig.more(id, 50'000);
        std::this_thread::sleep_for(1ms);
    }
    rig.more(id, Tap::unlimited);
    const auto ran = rig.finish(id);
    EXPECT_TRUE(ran.out == numbers(1, 200'000));
    EXPECT_EQ(ran.data.at("dropped"), 0);
}

TEST(TerminalStream, DropsTheOldestOutputForAStalledReader)
{
    Rig rig{{{"wait", "50ms"}}};
    rig.budget(30'000);
    const auto id = rig.start({{"command", "seq 1 500000"}}); // 3.4 MB
    ASSERT_TRUE(wait_for([&] {                                // the command ends although nobody reads
        const Json list = Json::parse(rig.call("list", Json::object()).json).at("commands");
        return list.at(0).at("status") == "ended";
    }));
    EXPECT_FALSE(rig.host().reply(id)); // but the last 100 KB still wait for their reader
    rig.more(id, Tap::unlimited);
    const auto ran = rig.finish(id);
    const auto chunks = rig.chunks(id);
    const auto total = ran.data.at("bytes").get<std::uint64_t>();
    const std::string all = numbers(1, 500'000);
    ASSERT_EQ(total, all.size());
    std::uint64_t sent = 0, gaps = 0, at = 0;
    for (const auto& chunk : chunks) {
        gaps += chunk.offset > at;
        at = chunk.offset + chunk.bytes.size();
        sent += chunk.bytes.size();
        EXPECT_TRUE(chunk.bytes == all.substr(chunk.offset, chunk.bytes.size()))
            << chunk.offset; // offsets tell the truth
    }
    EXPECT_EQ(at, total); // the newest is there
    EXPECT_EQ(gaps, 1u);
    EXPECT_EQ(sent + ran.data.at("dropped").get<std::uint64_t>(), total);
    EXPECT_LE(sent, 30'000u + (100u << 10) + (10u << 10));
    EXPECT_GE(sent, 30'000u - (10u << 10) + (90u << 10));
}

std::uint64_t memory_kib()
{
    const std::string status = read_file("/proc/self/status");
    return std::stoull(status.substr(status.find("VmRSS:") + 6));
}

TEST(TerminalStream, EndlessOutputToAStalledReaderNeitherBlocksNorGrows)
{
    Rig rig{{{"wait", "50ms"}}};
    rig.budget(0);
    const auto id = rig.start({{"commandId", "y"}, {"argv", {"yes"}}});
    const auto written = [&] {
        const Json list = Json::parse(rig.call("list", Json::object()).json).at("commands");
        return list.at(0).at("bytes").get<std::uint64_t>();
    };
    ASSERT_TRUE(wait_for([&] { return written() > 20u << 20; }));
    const auto memory = memory_kib();
    ASSERT_TRUE(wait_for([&] { return written() > 120u << 20; })); // it goes on
    if (!sanitized) {
        EXPECT_LT(memory_kib(), memory + 4096);
    }
    rig.call("interrupt", {{"commandId", "y"}});
    ASSERT_TRUE(wait_for([&] {
        const Json list = Json::parse(rig.call("list", Json::object()).json).at("commands");
        return list.at(0).at("status") == "ended";
    }));
    rig.more(id, Tap::unlimited);
    const auto ran = rig.finish(id);
    EXPECT_EQ(ran.reason(), "interrupted");
    EXPECT_LE(ran.out.size(), (100u << 10) + (10u << 10));
    EXPECT_EQ(ran.out.size() + ran.data.at("dropped").get<std::uint64_t>(),
              ran.data.at("bytes").get<std::uint64_t>());
}

TEST(TerminalStream, LimitsTheOutputSent)
{
    Rig rig{{{"max_output", 1'000}}};
    const auto ran = rig.sh("seq 1 10000; echo end >&2");
    EXPECT_EQ(ran.out.size() + ran.err.size(), 1'000u);
    EXPECT_EQ(ran.exit_code(), 0); // it was read to the end
    EXPECT_EQ(ran.data.at("bytes").get<std::uint64_t>(), numbers(1, 10'000).size() + 4);
    EXPECT_EQ(rig.sh("seq 1 10000", {{"max_output", 10}}).out.size(), 10u);
    EXPECT_EQ(rig.sh("seq 1 10000", {{"max_output", 100'000}}).out.size(),
              1'000u); // the configuration's is the most
}

TEST(TerminalAttach, ReplaysFromAnOffsetAndContinuesLive)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "a"},
                               {"command", "echo one; echo err >&2; read x; echo two; exit 5"},
                               {"input", true}});
    ASSERT_TRUE(rig.wait_out(id, "one\n"));
    ASSERT_TRUE(rig.wait_out(id, "err\n", 2));
    const auto again =
        rig.host().invoke("terminal.attach", R"({"commandId":"a","offset":2,"stderr_offset":1})");
    ASSERT_TRUE(rig.wait_out(again, "e\n"));
    EXPECT_EQ(rig.out(again, 2), "rr\n");
    rig.call("input", {{"commandId", "a"}, {"data", "\n"}});
    EXPECT_EQ(rig.finish(id).out, "one\ntwo\n");
    const auto ran = rig.finish(again);
    EXPECT_EQ(ran.out, "e\ntwo\n");
    EXPECT_EQ(rig.chunks(again).front().offset, 2u);
    EXPECT_EQ(ran.exit_code(), 5);
    EXPECT_EQ(ran.data.at("status"), "ended");
}

TEST(TerminalAttach, ReplaysWithoutFollowing)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "a"}, {"command", "echo one; read x"}, {"input", true}});
    ASSERT_TRUE(rig.wait_out(id, "one\n"));
    const auto ran = rig.finish(rig.host().invoke("terminal.attach", R"({"commandId":"a","follow":false})"));
    EXPECT_EQ(ran.out, "one\n");
    EXPECT_EQ(ran.data.at("status"), "running");
    EXPECT_EQ(ran.data.at("offset"), 4);
    rig.call("input", {{"commandId", "a"}, {"eof", true}});
    rig.finish(id);
}

TEST(TerminalAttach, ReplaysAFinishedCommandFromItsRing)
{
    Rig rig{{{"ring", "500KiB"}}};
    rig.sh("seq 1 200000", {{"commandId", "old"}});
    const auto ran = rig.finish(rig.host().invoke("terminal.attach", R"({"commandId":"old"})"));
    const std::string all = numbers(1, 200'000);
    EXPECT_GE(ran.out.size(), 500u << 10);
    EXPECT_TRUE(ran.out == all.substr(all.size() - ran.out.size()));
    EXPECT_EQ(ran.data.at("dropped").get<std::uint64_t>(), all.size() - ran.out.size());
    const auto tail = rig.finish(rig.host().invoke(
        "terminal.attach", Json{{"commandId", "old"}, {"offset", all.size() - 100}}.dump()));
    EXPECT_EQ(tail.out, all.substr(all.size() - 100));
}

// A session that was lost in the middle: the host took the bytes and they went nowhere; the agent's ring
// still has them.
TEST(TerminalAttach, LosesNoOutputWhenASessionIsLost)
{
    Rig rig;
    const auto id = rig.start(
        {{"commandId", "a"}, {"command", "seq 1 100000; read x; seq 100001 120000"}, {"input", true}});
    ASSERT_TRUE(rig.wait_out(id, "100000\n"));
    const auto seen = 12'345u; // what the hub has of it
    const auto again =
        rig.host().invoke("terminal.attach", Json{{"commandId", "a"}, {"offset", seen}}.dump());
    rig.call("input", {{"commandId", "a"}, {"data", "\n"}});
    const auto ran = rig.finish(again);
    EXPECT_TRUE(ran.out == numbers(1, 120'000).substr(seen));
    rig.finish(id);
}

TEST(TerminalAttach, ManyReadersSeeTheSameOutput)
{
    Rig rig;
    const auto id = rig.start({{"commandId", "a"}, {"command", "read x; seq 1 20000"}, {"input", true}});
    ASSERT_TRUE(wait_for([&] { return rig.running("a"); }));
    std::vector<agh_req> readers;
    for (int i = 0; i < 50; ++i)
        readers.push_back(rig.host().invoke("terminal.attach", R"({"commandId":"a"})"));
    rig.call("input", {{"commandId", "a"}, {"data", "\n"}});
    for (const auto reader : readers) EXPECT_TRUE(rig.finish(reader).out == numbers(1, 20'000));
    EXPECT_TRUE(rig.finish(id).out == numbers(1, 20'000));
}

TEST(TerminalAttach, DetachingDoesNotEndTheCommand)
{
    Rig rig;
    const auto id =
        rig.start({{"commandId", "a"}, {"command", "echo one; read x; echo two"}, {"input", true}});
    ASSERT_TRUE(rig.wait_out(id, "one\n"));
    const auto reader = rig.host().invoke("terminal.attach", R"({"commandId":"a"})");
    rig.host().cancel(reader);
    EXPECT_EQ(rig.host().wait_reply(reader).code(), "CANCELLED");
    rig.call("input", {{"commandId", "a"}, {"data", "\n"}});
    EXPECT_EQ(rig.finish(id).out, "one\ntwo\n");
}

TEST(TerminalAttach, KeepsOnlyTheNewestCommands)
{
    Rig rig{{{"keep", 3}}};
    for (int i = 0; i < 6; ++i) rig.sh("echo x", {{"commandId", "c" + std::to_string(i)}});
    const auto count = [&] {
        const Json list = Json::parse(rig.call("list", Json::object()).json).at("commands");
        return list.size();
    };
    EXPECT_TRUE(wait_for([&] { return count() == 3; }));
    EXPECT_EQ(rig.call("attach", {{"commandId", "c0"}}).code(), "COMMAND_NOT_FOUND");
    EXPECT_TRUE(rig.call("attach", {{"commandId", "c5"}}).ok());
    Rig brief{{{"keep_for", "10ms"}}};
    brief.sh("echo x", {{"commandId", "c"}});
    EXPECT_TRUE(wait_for([&] {
        return brief.call("attach", {{"commandId", "c"}}).code() == "COMMAND_NOT_FOUND";
    }));
}

TEST(TerminalAttach, LeavesNoRingsBehind)
{
    std::filesystem::path state;
    {
        Rig rig{{{"keep", 0}}};
        rig.sh("seq 1 200000");
        state = rig.host().state_directory();
        EXPECT_TRUE(std::filesystem::exists(state / "rings"));
        EXPECT_TRUE(wait_for([&] { return std::filesystem::is_empty(state / "rings"); }));
    }
}

} // namespace
