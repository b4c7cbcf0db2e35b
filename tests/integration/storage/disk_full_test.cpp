// A disk of 64 MiB: a tmpfs in a mount namespace of its own, in which this program runs again.
#include "../../support/proxy.hpp"
#include "box.hpp"

#include <gtest/gtest.h>
#include <sys/statvfs.h>

namespace {

using namespace agenthost::test;

constexpr std::size_t mib = 1 << 20;

std::uint64_t free_on(const std::string& path)
{
    struct statvfs info {};
    ::statvfs(path.c_str(), &info);
    return info.f_bavail * info.f_frsize;
}

// Someone else takes all but `left` bytes.
void fill(const std::filesystem::path& file, std::size_t left)
{
    const auto free = free_on(file.parent_path().string());
    if (free > left) write_file(file, std::string(free - left, 'x'));
}

TEST(SmallDisk, DISABLED_Inside)
{
    const std::string disk = std::getenv("SMALL_DISK");
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

    // Others fill the disk under a running transfer that had room.
    size = 10 * mib;
    meanwhile = [&] { fill(disk + "/other", mib); };
    EXPECT_EQ(code_of(box.upload("third", server.url())), "DISK_FULL");
    EXPECT_TRUE(box.clean());
    EXPECT_EQ(box.host().health().status, AGH_E_BUSY);
    meanwhile = [] {};
    fill(disk + "/more", 0);
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

TEST(SmallDisk, AFullDiskIsSaidInTimeAndBreaksNothing)
{
    const TempDir dir;
    const std::string script = "mount -t tmpfs -o size=64m none '" + dir.path().string() +
                               "' && exec \"$0\" --gtest_filter=SmallDisk.DISABLED_Inside "
                               "--gtest_also_run_disabled_tests";
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::map<std::string, std::string> env{{"SMALL_DISK", dir.path().string()}};
    Ran ran = run({"unshare", "-rm", "sh", "-c", script, self}, env);
    if (ran.code != 0 && ran.err.find("unshare") != std::string::npos)
        ran = run({"unshare", "-m", "sh", "-c", script, self}, env);
    if (ran.code != 0 && ran.err.find("unshare") != std::string::npos)
        GTEST_SKIP() << "no mount namespace to be had here: " << ran.err;
    EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    EXPECT_NE(ran.out.find("[  PASSED  ] 1 test"), std::string::npos) << ran.out;
}

} // namespace
