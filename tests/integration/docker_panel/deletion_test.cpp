// The end of a server while people and the game work in its folder: nothing of it reaches a later server with
// the same id, and nothing stays behind.
#include "rig.hpp"

#include "base/fd.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

using namespace agenthost::test;
using agenthost::base::Fd;
using nlohmann::json;
using testing::AnyOf;
using testing::HasSubstr;

namespace {

class Deletion : public DockerPanel {
protected:
    [[nodiscard]] std::filesystem::path folder(const std::string& id) const { return dir_ / "servers" / id; }
    void create(const std::string& id)
    {
        const json created = panel_->call("create_server", id, egg(id));
        ASSERT_TRUE(created["success"]) << created;
        ASSERT_TRUE(is(id, "offline"));
    }
    // Takes a moment to walk over.
    void fill(const std::string& id, int files)
    {
        std::filesystem::create_directories(folder(id) / "world");
        for (int i = 0; i < files; ++i)
            write_file(folder(id) / "world" / std::to_string(i), std::string(64, 'x'));
    }
    static std::string code(const json& response)
    {
        return response["success"] == true ? "" : response.value("/error/code"_json_pointer, "?");
    }
};

TEST_F(Deletion, WorkThatWaitedDoesNotReachALaterServerWithTheSameId)
{
    start_agent();
    create("s1");
    fill("s1", 4000);
    std::vector<std::string> waiting;
    for (int i = 0; i < 6; ++i) // one after the other
        waiting.push_back(
            panel_->send("copy_file", "s1", {{"from", "/world"}, {"to", "/copy" + std::to_string(i)}}));
    waiting.push_back(panel_->send("delete_file", "s1", {{"path", "/world"}}));
    const json deleted = panel_->call("delete_server", "s1");
    EXPECT_EQ(code(deleted), "") << deleted;
    EXPECT_FALSE(std::filesystem::exists(folder("s1")));
    create("s1");
    ASSERT_EQ(code(panel_->call("write_file", "s1", {{"path", "/world"}, {"content", "new"}})), "");
    for (const std::string& id : waiting)
        EXPECT_THAT(code(panel_->response(id)), AnyOf("", "CANCELLED", "SERVER_NOT_FOUND"));
    const json list = panel_->call("list_files", "s1", {{"path", "/"}});
    ASSERT_EQ(code(list), "") << list;
    ASSERT_EQ(list["data"].at("files").size(), 1u) << list;
    EXPECT_EQ(read_file(folder("s1") / "world"), "new");
}

TEST_F(Deletion, SucceedsBesideFileActionsAndLeavesNothing)
{
    start_agent();
    for (int round = 0; round < 8; ++round) {
        create("s1");
        fill("s1", 500);
        std::vector<std::string> busy;
        for (int i = 0; i < 4; ++i) {
            const std::string n = std::to_string(i);
            busy.push_back(panel_->send("copy_file", "s1", {{"from", "/world"}, {"to", "/copy" + n}}));
            busy.push_back(panel_->send("write_file", "s1", {{"path", "/new" + n}, {"content", "x"}}));
        }
        busy.push_back(panel_->send("delete_file", "s1", {{"path", "/world"}}));
        const json deleted = panel_->call("delete_server", "s1");
        EXPECT_EQ(code(deleted), "") << deleted;
        EXPECT_FALSE(std::filesystem::exists(folder("s1")));
        for (const std::string& id : busy) ASSERT_FALSE(panel_->response(id).is_null());
        EXPECT_FALSE(std::filesystem::exists(folder("s1"))) << "nothing came afterwards";
    }
}

TEST_F(Deletion, AServerCanBeCreatedAgainAsSoonAsTheAnswerIsThere)
{
    start_agent();
    for (int round = 0; round < 20; ++round) {
        create("s1");
        const json deleted = panel_->call("delete_server", "s1");
        ASSERT_EQ(code(deleted), "") << deleted;
        create("s1");
        EXPECT_EQ(status("s1")["status"], "offline");
        ASSERT_EQ(code(panel_->call("delete_server", "s1")), "");
    }
}

TEST_F(Deletion, ACreationDuringTheDeletionIsRefused)
{
    start_agent();
    create("s1");
    fill("s1", 20000);
    const std::string deleting = panel_->send("delete_server", "s1");
    const json created = panel_->call("create_server", "s1", egg("s1"));
    const json deleted = panel_->response(deleting);
    ASSERT_EQ(code(deleted), "") << deleted;
    ASSERT_EQ(code(created), "BUSY") << created;
    EXPECT_THAT(created["error"]["message"].get<std::string>(), HasSubstr("is being deleted"));
    EXPECT_EQ(panel_->call("get_status", "s1")["error"]["code"], "SERVER_NOT_FOUND");
}

TEST_F(Deletion, RemovesATreeThatIsDeeperThanAProcessUsuallyHasDescriptors)
{
    start_agent();
    create("s1");
    std::filesystem::create_directories(folder("s1"));
    Fd at{::open(folder("s1").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    for (int i = 0; i < 2000; ++i) {
        ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
        at = Fd{::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        ASSERT_TRUE(at);
    }
    at.reset();
    const json deleted = panel_->call("delete_server", "s1");
    EXPECT_EQ(code(deleted), "") << deleted;
    EXPECT_FALSE(std::filesystem::exists(folder("s1")));
}

TEST_F(Deletion, FileActionsSeeAFolderThatWasReplacedByHand)
{
    start_agent();
    create("s1");
    ASSERT_EQ(code(panel_->call("write_file", "s1", {{"path", "/a"}, {"content", "old"}})), "");
    std::filesystem::rename(folder("s1"), dir_ / "backup");
    std::filesystem::create_directory(folder("s1"));
    write_file(folder("s1") / "a", "restored");
    EXPECT_EQ(panel_->call("get_file", "s1", {{"path", "/a"}})["data"]["content"], "restored");
    ASSERT_EQ(code(panel_->call("write_file", "s1", {{"path", "/b"}, {"content", "b"}})), "");
    EXPECT_EQ(read_file(folder("s1") / "b"), "b");
    EXPECT_FALSE(std::filesystem::exists(dir_ / "backup" / "b"));
    std::filesystem::remove_all(folder("s1"));
    ASSERT_EQ(code(panel_->call("write_file", "s1", {{"path", "/c"}, {"content", "c"}})), "");
    EXPECT_EQ(read_file(folder("s1") / "c"), "c");
}

TEST_F(Deletion, ASmallWriteDoesNotWaitForTheTreesOfOthers)
{
    start_agent();
    create("s1");
    create("s2");
    fill("s1", 30000);
    std::vector<std::string> copies;
    for (int i = 0; i < 4; ++i)
        copies.push_back(
            panel_->send("copy_file", "s1", {{"from", "/world"}, {"to", "/c" + std::to_string(i)}}));
    const std::string small = panel_->send("write_file", "s2", {{"path", "/a"}, {"content", "x"}});
    EXPECT_EQ(code(panel_->response(small)), "");
    EXPECT_FALSE(std::filesystem::exists(folder("s1") / "c3")) << "the copies are not done yet";
    const std::string other = panel_->send("copy_file", "s2", {{"from", "/a"}, {"to", "/b"}});
    EXPECT_EQ(code(panel_->response(other)), "") << "nor does another server's tree";
    EXPECT_FALSE(std::filesystem::exists(folder("s1") / "c3"));
    EXPECT_EQ(code(panel_->call("delete_server", "s1")), "") << "which ends them";
}

} // namespace
