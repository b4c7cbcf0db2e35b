// A disk of 64 MiB: a tmpfs in a mount namespace of its own, in which this program runs again.
#include "../../support/proxy.hpp"
#include "../../support/small_disk.hpp"
#include "box.hpp"

#include <gtest/gtest.h>

namespace {

using namespace agenthost::test;

constexpr std::size_t mib = 1 << 20;

TEST(SmallDisk, DISABLED_Inside)
{
    const std::string disk = small_disk();
    Box box{Json::object(), disk + "/storage"};
    std::size_t size = 30 * mib;
    bool chunked = false;
    std::function<void()> meanwhile = [] {};
    HttpServer server{[&](const HttpRequest&) {
        meanwhile();
        const std::string body(size, 'c');
        return chunked ? http_chunked(body, 65536) : http_answer("200 OK", body);
    }};
    ASSERT_TRUE(box.upload("first", server.url(), {{"size", size}}).ok());
    EXPECT_EQ(code_of(box.upload("second", server.url(), {{"size", size}})), "DISK_FULL");
    EXPECT_EQ(server.connections(), 1); // before a byte was fetched
    chunked = true;
    const auto before = free_on(disk);
    EXPECT_EQ(box.upload("second", server.url()).message(), "Disk full"); // nobody says the size: on the way
    EXPECT_TRUE(box.clean());
    EXPECT_GE(free_on(disk) + mib, before);

    // Others fill the disk under a running transfer that had space.
    size = 10 * mib;
    meanwhile = [&] { fill_disk(disk + "/other", mib); };
    EXPECT_EQ(code_of(box.upload("third", server.url())), "DISK_FULL");
    EXPECT_TRUE(box.clean());
    EXPECT_EQ(box.host().health().status, AGH_E_BUSY);
    meanwhile = [] {};
    fill_disk(disk + "/more", 0);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(code_of(box.upload("fourth", server.url(), {{"size", 1}})), "DISK_FULL");
    box.restart(); // even now
    EXPECT_EQ(box.verify()["whole"], 1);

    EXPECT_TRUE(box.remove("first").ok()); // not a byte is free, and yet
    EXPECT_EQ(box.info()["files"], 0);
    std::filesystem::remove(disk + "/more");
    std::filesystem::remove(disk + "/other");
    size = 5 * mib;
    EXPECT_TRUE(box.upload("fifth", server.url()).ok());
    EXPECT_EQ(box.verify()["whole"], 1);
    EXPECT_TRUE(box.clean());
    EXPECT_TRUE(box.host().health().ok());
}

TEST(SmallDisk, AFullDiskIsReportedInTimeAndBreaksNothing)
{
    in_small_disk("size=64m", "SmallDisk.DISABLED_Inside");
}

} // namespace
