// The game races us: while operations run, another thread swaps folders for links that lead outside, files for links and
// FIFOs, and moves folders about. Nothing outside may be read or changed, and nothing may hang.
#include "plugins/docker/files/archive.hpp"
#include "plugins/docker/files/change.hpp"
#include "plugins/docker/files/copy.hpp"
#include "plugins/docker/files/edit_file.hpp"
#include "plugins/docker/files/list.hpp"
#include "plugins/docker/files/read.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/tree_walk.hpp"
#include "plugins/docker/files/write.hpp"

#include "files_fixture.hpp"

#include <fcntl.h>
#include <stdio.h>

#include <atomic>
#include <thread>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;
using namespace std::chrono_literals;

constexpr auto run_for = 700ms;

// Swaps pairs of names for each other, as fast as it can.
class Flipper {
public:
    Flipper(const FilesFixture& fixture, std::vector<std::pair<std::string, std::string>> pairs)
        : thread_{[this, dir = fixture.in(""), pairs = std::move(pairs)] {
              while (!stop_) {
                  for (const auto& [a, b] : pairs) {
                      ::renameat2(AT_FDCWD, (dir / a).c_str(), AT_FDCWD, (dir / b).c_str(), RENAME_EXCHANGE);
                      ++flips_;
                  }
              }
          }}
    {}
    ~Flipper()
    {
        stop_ = true;
        thread_.join();
        EXPECT_GT(flips_, 0);
    }

private:
    std::atomic<bool> stop_{false};
    std::atomic<int> flips_{0};
    std::thread thread_;
};

// A folder "d" with files, and a link "l" to the outside folder with the same names in it; they are swapped.
struct Arena : FilesFixture {
    Arena()
    {
        put("d/secret", "inside");
        put("d/sub/deep", "inside");
        fs::create_directory(out("sub"));
        write_file(out("sub/deep"), "classified");
        fs::create_symlink("../outside", in("l"));
        put("f", "inside");
        fs::create_symlink("../outside/secret", in("fl"));
        put("g", "inside");
        EXPECT_EQ(::mkfifo(in("pipe").c_str(), 0666), 0);
        before = outside();
    }
    // Calls it repeatedly, on a busy machine until it has succeeded once. Returns how often it succeeded.
    int repeat(const std::function<void()>& action)
    {
        int good = run(action);
        if (good == 0) wait_for([&] { return (good += code_of(action).empty()) > 0; });
        return good;
    }
    // The same, where it may fail each time.
    static int run(const std::function<void()>& action)
    {
        int good = 0;
        const auto end = std::chrono::steady_clock::now() + run_for;
        while (std::chrono::steady_clock::now() < end) good += code_of(action).empty();
        return good;
    }
    void check()
    {
        EXPECT_EQ(outside(), before);
        for (const auto& entry : fs::recursive_directory_iterator{in("")})
            if (entry.is_regular_file() && !entry.is_symlink()) {
                EXPECT_EQ(read_file(entry.path()).find("classified"), std::string::npos) << entry.path();
            }
    }
    std::map<std::string, std::string> before;
};

TEST(FileRaces, ReadingNeverShowsWhatIsOutside)
{
    Arena arena;
    int good = 0;
    {
        const Flipper flipper{arena, {{"d", "l"}, {"f", "fl"}, {"g", "pipe"}}};
        good += arena.repeat([&] { EXPECT_EQ(read_part(*arena.root, path("d/secret")).bytes, "inside"); });
        arena.run([&] { EXPECT_EQ(read_part(*arena.root, path("f")).bytes, "inside"); });
        arena.run([&] { EXPECT_EQ(read_part(*arena.root, path("g")).bytes, "inside"); });
        arena.run([&] {
            for (const Entry& entry : list_folder(*arena.root, path("d"), {}, arena.control).entries)
                EXPECT_NE(entry.name, "outside-only");
        });
        write_file(arena.out("outside-only"), "x");
        arena.before = arena.outside();
        arena.run([&] {
            for (const Entry& entry : list_folder(*arena.root, path("d"), {}, arena.control).entries)
                EXPECT_NE(entry.name, "outside-only");
        });
    }
    EXPECT_GT(good, 0);
    arena.check();
}

TEST(FileRaces, WritingNeverReachesOutside)
{
    Arena arena;
    int good = 0, edits = 0;
    {
        const Flipper flipper{arena, {{"d", "l"}, {"f", "fl"}, {"g", "pipe"}}};
        good += arena.repeat([&] { write_file(*arena.root, path("d/secret"), "ours", {}); });
        good += arena.run([&] { write_file(*arena.root, path("d/new/x"), "ours", {.make_parents = true}); });
        arena.run([&] { change_mode(*arena.root, path("d/secret"), 0777); });
        arena.run([&] { change_mode(*arena.root, path("f"), 0777); });
        arena.run([&] { make_folder(*arena.root, path("d/a/b/c"), {.parents = true}); });
        arena.run([&] {
            edit_file(*arena.root, path("d/secret"), FileFormat::properties,
                      {{.where = "k", .value = std::to_string(edits++)}});
        });
        arena.run([&] {
            rename_path(*arena.root, path("d/secret"), path("d/moved"), {.replace = true});
            rename_path(*arena.root, path("d/moved"), path("d/secret"), {.replace = true});
        });
    }
    EXPECT_GT(good, 0);
    arena.check();
    EXPECT_FALSE(fs::exists(arena.out("new")));
}

TEST(FileRaces, DeletingNeverReachesOutside)
{
    Arena arena;
    int good = 0;
    {
        const Flipper flipper{arena, {{"d/sub", "l"}}};
        good = arena.repeat([&] {
            remove_path(*arena.root, path("d"), arena.control);
            fs::create_directories(arena.in("d/sub"));
            std::ofstream{arena.in("d/sub/deep")} << "inside";
            if (!fs::is_symlink(fs::symlink_status(arena.in("l")))) {
                std::error_code ignored;
                fs::remove_all(arena.in("l"), ignored);
            }
            std::error_code ignored;
            fs::create_directory_symlink("../outside", arena.in("l"), ignored);
        });
    }
    EXPECT_GT(good, 0);
    EXPECT_EQ(arena.outside(), arena.before);
}

TEST(FileRaces, CopyingAndPackingNeverReadOutside)
{
    Arena arena;
    int good = 0;
    {
        const Flipper flipper{arena, {{"d/sub", "l"}, {"f", "fl"}}};
        good += arena.repeat([&] {
            copy_path(*arena.root, path("d"), path("copy"), {}, arena.control);
            remove_path(*arena.root, path("copy"), arena.control);
        });
        good += arena.repeat([&] {
            pack(*arena.root, {}, {path("d"), path("f")}, path("a.tar"),
                 {.format = ArchiveFormat::tar, .replace = true}, arena.control);
            EXPECT_EQ(arena.get("a.tar").find("classified"), std::string::npos);
        });
    }
    EXPECT_GT(good, 0);
    arena.check();
    EXPECT_EQ(arena.leftovers(), 0u);
}

TEST(FileRaces, UnpackingNeverReachesOutside)
{
    Arena arena;
    pack(*arena.root, path("d"), {path("d")}, path("a.tar"), {.format = ArchiveFormat::tar}, arena.control);
    const std::string archive = arena.get("a.tar");
    int good = 0;
    {
        const Flipper flipper{arena, {{"d", "l"}}};
        good = arena.repeat([&] { unpack(*arena.root, path("a.tar"), path("d"), {}, arena.control); });
        arena.run([&] { unpack(*arena.root, path("a.tar"), path("d/sub"), {}, arena.control); });
    }
    EXPECT_GT(good, 0);
    fs::remove(arena.in("a.tar"));
    arena.check();
    EXPECT_EQ(arena.leftovers(), 0u);
}

// The unfinished folder itself is attacked: its owner may be the game's user.
TEST(FileRaces, AnUnfinishedFolderThatIsSwappedForALinkLeadsNowhere)
{
    Arena arena;
    for (int i = 0; i < 50; ++i) arena.put("many/" + std::to_string(i), "inside");
    pack(*arena.root, path("many"), {path("many")}, path("a.tar"), {.format = ArchiveFormat::tar},
         arena.control);
    std::atomic<bool> stop{false};
    std::thread attacker{[&] {
        while (!stop) {
            std::error_code ignored;
            for (const auto& entry : fs::directory_iterator{arena.in(""), ignored}) {
                const auto name = entry.path().filename().string();
                if (!name.ends_with(".part")) continue;
                ::renameat2(AT_FDCWD, entry.path().c_str(), AT_FDCWD, arena.in("l").c_str(), RENAME_EXCHANGE);
                ::renameat2(AT_FDCWD, entry.path().c_str(), AT_FDCWD, arena.in("l").c_str(), RENAME_EXCHANGE);
            }
        }
    }};
    arena.run([&] { unpack(*arena.root, path("a.tar"), path("to"), {}, arena.control); });
    arena.run([&] {
        copy_path(*arena.root, path("many"), path("copy"), {}, arena.control);
        remove_path(*arena.root, path("copy"), arena.control);
    });
    arena.run([&] { write_file(*arena.root, path("w"), "inside", {}); });
    stop = true;
    attacker.join();
    fs::remove(arena.in("a.tar"));
    EXPECT_EQ(arena.outside(), arena.before);
}

// Deeper than the levels that stay open, so that the walk goes back by "..", while folders move between two places.
TEST(FileRaces, AWalkNeverLeavesItsTreeWhenFoldersMove)
{
    FilesFixture fixture;
    fs::create_directories(fixture.in("elsewhere"));
    std::string deep = "tree";
    for (int i = 0; i < 60; ++i) deep += "/d";
    fs::create_directories(fixture.in(deep));
    for (int i = 0; i < 200; ++i) fixture.put(deep + "/f" + std::to_string(i), "x");
    std::string middle = "tree";
    for (int i = 0; i < 50; ++i) middle += "/d";
    write_file(fixture.dir.path() / "above", "never visited");
    std::atomic<bool> stop{false};
    std::thread mover{[&] {
        while (!stop) {
            ::rename(fixture.in(middle).c_str(), fixture.in("elsewhere/m").c_str());
            ::rename(fixture.in("elsewhere/m").c_str(), fixture.in(middle).c_str());
        }
    }};
    std::uint64_t lost = 0, walks = 0;
    const auto end = std::chrono::steady_clock::now() + run_for;
    while (std::chrono::steady_clock::now() < end) {
        TreeWalk walk{fixture.root->open_folder(path("tree"))};
        while (const auto* at = walk.next()) {
            ASSERT_NE(at->name, "above");
            ASSERT_NE(at->name, "secret");
            ASSERT_NE(at->name, "elsewhere");
        }
        lost += walk.lost();
        ++walks;
        code_of([&] { measure_usage(fixture.root->fd(), {}, fixture.control); });
        code_of([&] { copy_path(*fixture.root, path("tree"), path("copy"), {}, fixture.control); });
        code_of([&] { remove_path(*fixture.root, path("copy"), fixture.control); });
    }
    stop = true;
    mover.join();
    EXPECT_GT(walks, 0u);
    RecordProperty("lost", std::to_string(lost));
    EXPECT_EQ(read_file(fixture.out("secret")), "classified");
}

TEST(FileRaces, DeletingATreeThatGrowsEndsWithAnAnswer)
{
    FilesFixture fixture;
    fs::create_directory(fixture.in("tree"));
    std::atomic<bool> stop{false};
    std::thread grower{[&] {
        for (int i = 0; !stop; ++i) {
            ::mkdir(fixture.in("tree").c_str(), 0755);
            std::ofstream{fixture.in("tree/f" + std::to_string(i))} << "x";
        }
    }};
    for (int i = 0; i < 20; ++i) {
        const std::string code = code_of([&] { remove_path(*fixture.root, path("tree"), fixture.control); });
        EXPECT_TRUE(code.empty() || code == "BUSY" || code == "FILE_NOT_FOUND") << code;
    }
    stop = true;
    grower.join();
}

} // namespace
