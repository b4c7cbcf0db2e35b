// Every parser reads random bytes and damaged messages: each answer is a value or an error, never a crash,
// and nothing grows without a bound. (A sanitizer build makes it strict.)
#include "plugins/docker/engine/error.hpp"
#include "plugins/docker/engine/events.hpp"
#include "plugins/docker/engine/facts.hpp"
#include "plugins/docker/engine/log_parts.hpp"
#include "plugins/docker/engine/pull_progress.hpp"
#include "plugins/docker/engine/reply_reader.hpp"
#include "plugins/docker/engine/stamp.hpp"
#include "plugins/docker/engine/stats.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace {

using namespace agenthost::docker::engine;

const std::vector<std::string> seeds{
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw",
    std::string{"\x01\x00\x00\x00\x00\x00\x00\x24"
                "2026-11-30T08:00:00.000000001Z line\n\x02\x00\x00\x00\x00\x00\x00\x00",
                52},
    "2026-11-30T08:00:00.123456789+01:00 text of a terminal\r\n",
    R"({"Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{"exitCode":"1"}},"timeNano":1})",
    R"({"Id":"a","Name":"/b","State":{"Status":"running","ExitCode":0},"Config":{"Labels":{"a":"b"}}})",
    R"([{"Id":"a","Names":["/b"],"Ports":[{"PrivatePort":1,"PublicPort":2}],"Created":1}])",
    R"({"read":"2026-11-30T08:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":1}},"networks":{"e":{"rx_bytes":1}}})",
    R"({"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"a"})",
    R"({"message":"No such container: x"})"};

void read_as_everything(const std::string& bytes, std::size_t step)
{
    ReplyReader reply{agenthost::netclient::Switching::expected};
    LogParts frames{LogParts::Format::multiplexed}, raw{LogParts::Format::raw};
    std::size_t given = 0;
    const auto on_part = [&](const LogPart& part) { given += part.text.size(); };
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        auto part = std::string_view{bytes}.substr(at, step);
        frames.push(part, on_part);
        raw.push(part, on_part);
        for (;;) {
            const auto next = reply.step(part);
            part.remove_prefix(next.taken);
            if (next.event != ReplyReader::Event::head && next.event != ReplyReader::Event::content) break;
        }
    }
    frames.finish(on_part);
    raw.finish(on_part);
    EXPECT_LE(given, 2 * bytes.size());
    const auto last = reply.finish();
    EXPECT_TRUE(last == ReplyReader::Event::end || last == ReplyReader::Event::failed);

    read_event(bytes);
    read_stamp(bytes);
    read_engine(bytes, bytes);
    read_container(bytes);
    read_containers(bytes);
    read_image(bytes);
    read_disk_use(bytes);
    read_created(bytes);
    read_exit(bytes);
    if (const auto sample = read_stats(bytes)) EXPECT_GE(use_of(*sample).cpu_percent, 0);
    PullProgress pull;
    pull.read(bytes);
    EXPECT_LE(engine_message(bytes).size(), max_engine_message);
}

TEST(Garbage, IsAnErrorAndNotACrash)
{
    std::mt19937 random{7};
    for (int round = 0; round < 3000; ++round) {
        std::string bytes;
        if (round % 4 == 0)
            for (auto size = random() % 200; size > 0; --size) bytes += static_cast<char>(random());
        else
            bytes = seeds[random() % seeds.size()];
        for (auto changes = random() % 4; changes > 0 && !bytes.empty(); --changes) {
            const auto at = random() % bytes.size();
            switch (random() % 4) {
            case 0: bytes[at] = static_cast<char>(random()); break;
            case 1: bytes.erase(at, random() % 10); break;
            case 2: bytes.insert(at, bytes.substr(random() % bytes.size(), 20)); break;
            default: bytes.insert(at, random() % 2 == 0 ? "99999999999999999999" : "[[[{"); break;
            }
        }
        read_as_everything(bytes, 1 + random() % 64);
    }
}

} // namespace
