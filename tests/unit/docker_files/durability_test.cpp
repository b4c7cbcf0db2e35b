// The order of the calls that make a write safe. The functions below stand in for the C library's in this program.
#include "plugins/docker/files/write.hpp"

#include "files_fixture.hpp"

#include <fcntl.h>
#include <sys/syscall.h>

#include <climits>
#include <mutex>
#include <vector>

namespace {

std::mutex mutex;
bool recording = false;
std::vector<std::string> calls;

void record(const std::string& call)
{
    const std::lock_guard lock{mutex};
    if (recording) calls.push_back(call);
}

std::string kind_of(int fd)
{
    struct stat info {};
    ::fstat(fd, &info);
    return S_ISDIR(info.st_mode) ? "folder" : "file";
}

} // namespace

extern "C" {
// Visible, so that the library's calls come here.
__attribute__((visibility("default"))) int fsync(int fd)
{
    record("fsync " + kind_of(fd));
    return static_cast<int>(::syscall(SYS_fsync, fd));
}
__attribute__((visibility("default"))) int renameat2(int from_fd, const char* from, int to_fd, const char* to,
                                                     unsigned flags) noexcept
{
    record("rename");
    return static_cast<int>(::syscall(SYS_renameat2, from_fd, from, to_fd, to, flags));
}
__attribute__((visibility("default"))) int fchmod(int fd, mode_t mode) noexcept
{
    record("chmod");
    return static_cast<int>(::syscall(SYS_fchmod, fd, mode));
}
__attribute__((visibility("default"))) ssize_t write(int fd, const void* bytes, std::size_t size)
{
    if (recording) record("write");
    return ::syscall(SYS_write, fd, bytes, size);
}
}

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;

TEST(FileDurability, SyncsTheContentThenRenamesThenSyncsTheFolder)
{
    FilesFixture fixture;
    fixture.put("a", "old");
    recording = true;
    write_file(*fixture.root, path("a"), "new", {});
    recording = false;
    EXPECT_EQ(calls, (std::vector<std::string>{"write", "chmod", "fsync file", "rename", "fsync folder"}));
    EXPECT_EQ(fixture.get("a"), "new");
}

} // namespace
