// The index, the folders and the sink, on a real disk.
#include "plugins/storage/file_sink.hpp"
#include "plugins/storage/index.hpp"
#include "plugins/storage/mark.hpp"
#include "plugins/storage/store.hpp"

#include "../../support/support.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace {

using namespace agenthost::storage;
using agenthost::test::read_file;
using agenthost::test::sha256_hex;
using agenthost::test::TempDir;
using agenthost::test::write_file;

FileRecord row(const std::string& id, const std::string& blob, std::uint64_t size = 1)
{
    return {id, id + ".txt", "owner", blob, size, "", 1};
}

TEST(Index, ReplacesAndRemovesThroughTheTrash)
{
    const TempDir dir;
    Index index{dir / "i.db"};
    EXPECT_EQ(index.put(row("a", "blob1", 10)), std::nullopt);
    EXPECT_EQ(index.put(row("a", "blob2", 20)), "blob1");
    EXPECT_EQ(index.find("a")->blob, "blob2");
    EXPECT_EQ(index.totals().bytes, 20u);
    EXPECT_EQ(index.trash(), std::set<std::string>{"blob1"});
    EXPECT_EQ(index.remove("a"), "blob2");
    EXPECT_EQ(index.remove("a"), std::nullopt);
    EXPECT_EQ(index.trash(), (std::set<std::string>{"blob1", "blob2"}));
    index.unlinked("blob1");
    index.put(row("b", "blob3"));
    EXPECT_EQ(index.trash(), std::set<std::string>{"blob2"}); // forgotten with the next change
}

TEST(Index, SurvivesNamesOfAllKinds)
{
    const TempDir dir;
    Index index{dir / "i.db"};
    for (const std::string name :
         {"'; DROP TABLE files; --", "../../etc/passwd", "\xc3\xa4\xf0\x9f\x98\x80", "a*b", "[x]?", "%_"}) {
        FileRecord record = row(name, "blob-" + name);
        record.name = name;
        index.put(record);
        EXPECT_EQ(index.find(name)->name, name);
        EXPECT_FALSE(index.list({.name = name}).empty()) << name;
    }
    EXPECT_EQ(index.totals().files, 6u);
}

TEST(Store, PlacesRemovesAndKeepsToItsFolder)
{
    const TempDir dir;
    const Store store{dir / "s"};
    MaybeProblem problem;
    std::string blob;
    {
        auto temp = store.create(problem);
        ASSERT_TRUE(temp);
        blob = temp->blob();
        EXPECT_TRUE(is_blob_name(blob));
        ASSERT_EQ(::write(temp->fd(), "abc", 3), 3);
        EXPECT_TRUE(store.scan().empty()); // not in place yet
        EXPECT_EQ(store.place(*temp), std::nullopt);
    }
    int error = 0;
    EXPECT_TRUE(store.open(blob, error));
    ASSERT_EQ(store.scan().size(), 1u);
    EXPECT_EQ(store.scan()[0].size, 3u);
    EXPECT_FALSE(store.remove(blob));
    EXPECT_FALSE(store.open(blob, error));
    EXPECT_EQ(error, ENOENT);
    EXPECT_FALSE(store.remove(blob)); // gone is fine
}

TEST(Store, NoticesThatAFolderOrTheIndexWasRemovedOrReplaced)
{
    for (const char* part : {"", "files", "incoming", "quarantine", "index.db"}) {
        const TempDir dir;
        const std::filesystem::path path = dir / "s";
        Store store{path.string()};
        write_file(path / "index.db", "open");
        store.watch_index();
        EXPECT_EQ(store.lost(), std::nullopt) << part;
        const auto what = *part == '\0' ? path : path / part;
        std::filesystem::rename(what, dir / "away");
        ASSERT_TRUE(store.lost()) << part;
        EXPECT_EQ(store.lost()->code, "DISK_ERROR");
        EXPECT_NE(store.lost()->detail.find(what.string()), std::string::npos) << store.lost()->detail;
        if (std::filesystem::is_directory(dir / "away")) // another one in its place
            std::filesystem::copy(dir / "away", what, std::filesystem::copy_options::recursive);
        else
            write_file(what, "another");
        EXPECT_TRUE(store.lost()) << part;
        std::filesystem::remove_all(what);
        std::filesystem::rename(dir / "away", what);
        EXPECT_EQ(store.lost(), std::nullopt) << part;
    }
}

TEST(Store, ForgetsATemporaryFileThatWasNotPlaced)
{
    const TempDir dir;
    const Store store{dir / "s"};
    MaybeProblem problem;
    {
        const auto temp = store.create(problem);
    }
    EXPECT_TRUE(store.remove_incoming().empty());
    write_file(dir / "s/incoming/0123456789abcdef0123456789abcdef", "left by a crash");
    write_file(dir / "s/incoming/somebody's", "not ours");
    EXPECT_EQ(store.remove_incoming().size(), 1u);
    EXPECT_TRUE(std::filesystem::exists(dir / "s/incoming/somebody's"));
}

TEST(Store, QuarantinesOrphansAndLeavesStrangersAlone)
{
    const TempDir dir;
    const Store store{dir / "s"};
    const std::string blob = "ab" + std::string(30, '1');
    std::filesystem::create_directories(dir / "s/files/ab");
    write_file(dir / ("s/files/ab/" + blob), "orphan");
    write_file(dir / "s/files/ab/notes.txt", "a stranger");
    std::filesystem::create_symlink("/etc/passwd", dir / ("s/files/ab/ab" + std::string(30, '2')));
    ASSERT_EQ(store.scan().size(), 1u);
    EXPECT_EQ(store.strangers().size(), 2u);
    EXPECT_TRUE(store.quarantine(blob));
    EXPECT_EQ(store.quarantined().size(), 1u);
    EXPECT_EQ(read_file(dir / ("s/quarantine/" + blob)), "orphan");
}

// What a first start does, and what it leaves.
std::string first_use(const std::string& path)
{
    Store store{path};
    const Index index{store.index_file()};
    EXPECT_EQ(store.sign(), std::nullopt);
    return store.id();
}

template <class F> std::string refusal(F&& fn)
{
    try {
        fn();
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return {};
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(StoreMark, IsMadeAtFirstUseAndKnownAgain)
{
    const TempDir dir;
    const std::string id = first_use(dir / "s");
    EXPECT_EQ(id.size(), 32u);
    const Store again{dir / "s", id};
    EXPECT_EQ(again.id(), id);
    EXPECT_TRUE(again.strangers().empty());
}

TEST(StoreMark, RefusesTheEmptyFolderOfADiskThatIsNotMounted)
{
    const TempDir dir;
    const std::string id = first_use(dir / "disk/s");
    std::filesystem::rename(dir / "disk", dir / "elsewhere");
    const auto start = [&] { const Store store{dir / "disk/s", id, "/state/known-stores"}; };
    // Neither the mount point nor the folder on it is there, then the mount point is, then an empty folder.
    for (const char* folder : {"", "disk", "disk/s"}) {
        if (*folder != '\0') std::filesystem::create_directory(dir / folder);
        const std::string why = refusal(start);
        EXPECT_TRUE(says(why, dir / "disk/s")) << why;
        EXPECT_TRUE(says(why, "mounted")) << why;
        EXPECT_TRUE(says(why, "/state/known-stores")) << why;
        EXPECT_FALSE(std::filesystem::exists(dir / "disk/s/files")); // nothing is made there
        EXPECT_FALSE(std::filesystem::exists(dir / "disk/s/lock"));
    }
    std::filesystem::remove_all(dir / "disk");
    std::filesystem::rename(dir / "elsewhere", dir / "disk");
    EXPECT_EQ(refusal(start), "");
}

TEST(StoreMark, RefusesAnotherStore)
{
    const TempDir dir;
    first_use(dir / "s");
    const std::string why = refusal([&] { const Store store{dir / "s", std::string(32, 'a')}; });
    EXPECT_TRUE(says(why, "not the store")) << why;
}

TEST(StoreMark, RefusesAnIndexWhoseFilesVanished)
{
    const TempDir dir;
    const std::string id = first_use(dir / "s");
    const auto start = [&] { const Store store{dir / "s"}; };
    std::filesystem::rename(dir / "s/files", dir / "files");
    EXPECT_TRUE(says(refusal(start), "files")) << refusal(start);
    std::filesystem::create_directory(dir / "s/files"); // the mount point of a disk for the files
    EXPECT_TRUE(says(refusal(start), "not mounted")) << refusal(start);
    std::filesystem::remove(dir / "s/files");
    std::filesystem::rename(dir / "files", dir / "s/files");
    EXPECT_EQ(refusal(start), "");
    std::filesystem::remove(dir / "s/store-id"); // a store of an earlier version has no mark
    std::filesystem::rename(dir / "s/files", dir / "files");
    EXPECT_TRUE(says(refusal(start), "files"));
}

TEST(StoreMark, RefusesAStoreWhoseIndexVanished)
{
    const TempDir dir;
    first_use(dir / "s");
    std::filesystem::remove(dir / "s/index.db");
    const std::string why = refusal([&] { const Store store{dir / "s"}; });
    EXPECT_TRUE(says(why, "index.db")) << why;
    EXPECT_TRUE(says(why, "backup")) << why;
}

// A power cut, a full disk or a restore leaves such a file; SQLite takes it for a new database, and every
// file would be a stranger.
TEST(StoreMark, RefusesAStoreWhoseIndexIsEmpty)
{
    const TempDir dir;
    const std::string id = first_use(dir / "s");
    for (const std::uintmax_t size : {0, 1, 511}) {
        std::filesystem::resize_file(dir / "s/index.db", size);
        const std::string why = refusal([&] { const Store store{dir / "s", id}; });
        EXPECT_TRUE(says(why, "index.db is empty")) << size << why;
        EXPECT_TRUE(says(why, "backup")) << why;
    }
}

TEST(StoreMark, IsGivenToAStoreOfAnEarlierVersion)
{
    const TempDir dir;
    const std::string id = first_use(dir / "s");
    std::filesystem::remove(dir / "s/store-id");
    std::filesystem::remove(dir / "s/files/store-id");
    Store store{dir / "s"};
    EXPECT_EQ(store.id(), "");
    EXPECT_EQ(store.sign(), std::nullopt);
    EXPECT_EQ(store.id().size(), 32u);
}

TEST(KnownStores, RemembersEachPathAndForgetsTheOldestOfMany)
{
    const TempDir dir;
    const KnownStores known{dir.path().string()};
    const std::string a(32, 'a'), b(32, 'b');
    EXPECT_EQ(known.find("/x"), "");
    EXPECT_EQ(known.remember("/x", a), 0);
    EXPECT_EQ(known.remember("/with space", b), 0);
    EXPECT_EQ(KnownStores{dir.path().string()}.find("/x"), a);
    EXPECT_EQ(known.find("/with space"), b);
    EXPECT_EQ(known.remember("/x", b), 0);
    EXPECT_EQ(known.find("/x"), b);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(known.remember("/p" + std::to_string(i), a), 0);
    EXPECT_EQ(known.find("/x"), "");
    EXPECT_EQ(known.find("/p99"), a);
    EXPECT_LE(read_file(known.file()).size(), 32u * 40);
    EXPECT_EQ(KnownStores{""}.remember("/x", a), 0); // nowhere to remember
    EXPECT_NE(KnownStores{dir / "absent"}.remember("/x", a), 0);
}

struct FakeSpace : Space {
    std::string raise(std::uint64_t size) override
    {
        if (size > most) return "no space";
        claimed = size;
        return {};
    }
    void allocated(std::uint64_t bytes) override { on_disk += bytes; }
    std::uint64_t most = 1 << 20, claimed = 0, on_disk = 0;
};

struct SinkTest : ::testing::Test {
    TempDir dir;
    agenthost::base::Fd fd{::open((dir / "f").c_str(), O_RDWR | O_CREAT, 0600)};
    FakeSpace space;
};

TEST_F(SinkTest, WritesHashesAndCutsToSize)
{
    FileSink sink{fd.get(), space, {}, true};
    ASSERT_TRUE(sink.begin(1000)); // what the other end says first
    ASSERT_TRUE(sink.write("hello ", 6));
    ASSERT_TRUE(sink.restart());
    ASSERT_TRUE(sink.begin(5));
    ASSERT_TRUE(sink.write("world", 5));
    EXPECT_EQ(sink.finish(), std::nullopt);
    EXPECT_EQ(sink.sha256(), sha256_hex("world"));
    EXPECT_EQ(read_file(dir / "f"), "world");
    EXPECT_EQ(space.on_disk, 1000u);
}

TEST_F(SinkTest, HoldsTheSourceToWhatWasDeclared)
{
    FileSink wrong{fd.get(), space, {5, ""}, false};
    EXPECT_FALSE(wrong.begin(6));
    EXPECT_EQ(wrong.problem()->code, "NETWORK_ERROR");
    FileSink longer{fd.get(), space, {5, ""}, false};
    ASSERT_TRUE(longer.begin(std::nullopt));
    EXPECT_FALSE(longer.write("123456", 6));
    FileSink shorter{fd.get(), space, {5, ""}, false};
    ASSERT_TRUE(shorter.begin(std::nullopt));
    ASSERT_TRUE(shorter.write("1234", 4));
    EXPECT_NE(shorter.finish(), std::nullopt);
    FileSink other{fd.get(), space, {std::nullopt, sha256_hex("other")}, false};
    ASSERT_TRUE(other.write("12345", 5));
    EXPECT_NE(other.finish()->detail.find("SHA-256"), std::string::npos);
}

TEST_F(SinkTest, ClaimsSpaceBeforeItWrites)
{
    space.most = 100;
    FileSink declared{fd.get(), space, {}, false};
    EXPECT_FALSE(declared.begin(101));
    EXPECT_EQ(declared.problem()->message, "Disk full");
    FileSink unknown{fd.get(), space, {}, false};
    ASSERT_TRUE(unknown.begin(std::nullopt));
    ASSERT_TRUE(
        unknown.write(std::string(100, 'x').data(), 100)); // the last 100 bytes, though no whole step fits
    EXPECT_FALSE(unknown.problem());
    EXPECT_FALSE(unknown.write("x", 1));
    EXPECT_EQ(unknown.problem()->code, "DISK_FULL");
}

} // namespace
