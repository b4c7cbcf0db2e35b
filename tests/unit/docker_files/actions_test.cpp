#include "plugins/docker/files/answers.hpp"
#include "plugins/docker/files/change.hpp"
#include "plugins/docker/files/list.hpp"
#include "plugins/docker/files/part.hpp"
#include "plugins/docker/files/read.hpp"
#include "plugins/docker/files/write.hpp"

#include "files_fixture.hpp"

#include <fcntl.h>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;

Listing all(FilesFixture& fixture, std::string_view folder, ListOptions options = {})
{
    return list_folder(*fixture.root, path(folder), options, fixture.control);
}

TEST(FileList, DescribesEachKindOfEntry)
{
    FilesFixture fixture;
    fixture.put("b.txt", "12345");
    fs::create_directory(fixture.in("a"));
    fs::create_symlink("b.txt", fixture.in("link"));
    ASSERT_EQ(::mkfifo(fixture.in("pipe").c_str(), 0600), 0);
    const Listing listing = all(fixture, "/");
    ASSERT_EQ(listing.entries.size(), 4u);
    EXPECT_EQ(listing.entries[0].name, "a");
    EXPECT_EQ(listing.entries[0].type, Type::folder);
    EXPECT_EQ(listing.entries[1].size, 5u);
    EXPECT_EQ(listing.entries[1].mode, 0644u);
    EXPECT_EQ(listing.entries[2].type, Type::link);
    EXPECT_EQ(listing.entries[2].target, "b.txt");
    EXPECT_EQ(listing.entries[3].type, Type::other);
    EXPECT_EQ(listing.total, 4u);
    EXPECT_EQ(listing.next, "");
    EXPECT_EQ(describe(*fixture.root, path("link")).target, "b.txt");
    EXPECT_EQ(describe(*fixture.root, path("/")).type, Type::folder);
    EXPECT_EQ(code_of([&] { describe(*fixture.root, path("x")); }), "FILE_NOT_FOUND");
    EXPECT_EQ(code_of([&] { all(fixture, "b.txt"); }), "FILE_NOT_FOUND");
}

TEST(FileList, ShowsEveryEntryOnceWhateverIsCreatedAndDeletedMeanwhile)
{
    FilesFixture fixture;
    for (int i = 0; i < 100; ++i) fixture.put("f" + std::to_string(1000 + i), "");
    std::vector<std::string> seen;
    std::string cursor;
    int page = 0;
    do {
        const Listing listing = all(fixture, "/", {.after = cursor, .limit = 7});
        for (const Entry& entry : listing.entries) seen.push_back(entry.name);
        cursor = listing.next;
        // Behind the cursor: never seen. Deleted: not repeated, nothing skipped.
        fixture.put("a" + std::to_string(page), "");
        fs::remove(fixture.in(seen.front()));
        ++page;
    } while (!cursor.empty());
    EXPECT_EQ(seen.size(), 100u);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end());
}

TEST(FileList, AnswersAHundredThousandEntriesInPages)
{
    FilesFixture fixture;
    fs::create_directory(fixture.in("many"));
    const int folder = ::open(fixture.in("many").c_str(), O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 100'000; ++i) {
        const std::string name = "player-" + std::to_string(i) + ".dat";
        const int fd = ::openat(folder, name.c_str(), O_CREAT | O_WRONLY, 0600);
        ASSERT_GE(fd, 0);
        ::close(fd);
    }
    ::close(folder);
    std::size_t seen = 0, pages = 0;
    std::string cursor, last;
    do {
        const Listing listing = all(fixture, "many", {.after = cursor, .limit = 5000});
        EXPECT_EQ(listing.total, 100'000u);
        EXPECT_LT(list_answer("many", listing).size(), 1u << 20);
        for (const Entry& entry : listing.entries) {
            EXPECT_LT(last, entry.name);
            last = entry.name;
        }
        seen += listing.entries.size();
        cursor = listing.next;
        ++pages;
    } while (!cursor.empty());
    EXPECT_EQ(seen, 100'000u);
    EXPECT_GE(pages, 20u);
    const Listing middle = all(fixture, "many", {.offset = 50'000, .limit = 1});
    ASSERT_EQ(middle.entries.size(), 1u);
    EXPECT_EQ(code_of([&] { all(fixture, "many", {.offset = 100'001}); }), "INVALID_REQUEST");
}

TEST(FileList, KeepsLongNamesWithinAMessage)
{
    FilesFixture fixture;
    for (int i = 0; i < 3000; ++i) {
        std::string name = std::to_string(i) + std::string(240, '\xff');
        fixture.put(name, "");
    }
    std::size_t seen = 0;
    std::string cursor;
    do {
        const Listing listing = all(fixture, "/", {.after = cursor, .limit = 5000});
        EXPECT_LT(list_answer("/", listing).size(), 1u << 20);
        seen += listing.entries.size();
        cursor = listing.next;
    } while (!cursor.empty());
    EXPECT_EQ(seen, 3000u);
}

TEST(FileList, AddressesNamesThatAreNotUtf8)
{
    FilesFixture fixture;
    fixture.put("caf\xe9.txt", "latin");
    fixture.put("back\\slash", "b");
    const Listing listing = all(fixture, "/");
    ASSERT_EQ(listing.entries.size(), 2u);
    for (const Entry& entry : listing.entries) {
        const Path given_back = path(escape_name(entry.name));
        EXPECT_EQ(read_part(*fixture.root, given_back).bytes, fixture.get(entry.name));
        write_file(*fixture.root, given_back, "new", {});
        EXPECT_EQ(fixture.get(entry.name), "new");
    }
    EXPECT_NE(list_answer("/", listing).find(R"("name":"caf\\xe9.txt")"), std::string::npos);
}

TEST(FileRead, ReadsAPartWithinItsBounds)
{
    FilesFixture fixture;
    fixture.put("a", "0123456789");
    const Content content = read_part(*fixture.root, path("a"), 3, 4);
    EXPECT_EQ(content.bytes, "3456");
    EXPECT_EQ(content.size, 10u);
    EXPECT_FALSE(content.complete());
    EXPECT_TRUE(read_part(*fixture.root, path("a")).complete());
    EXPECT_EQ(read_part(*fixture.root, path("a"), 100, 4).bytes, "");
    EXPECT_EQ(code_of([&] { read_part(*fixture.root, path("a"), 0, max_read_bytes + 1); }),
              "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { read_whole(*fixture.root, path("a"), 9); }), "TOO_LARGE");
    EXPECT_EQ(code_of([&] { read_part(*fixture.root, path("b")); }), "FILE_NOT_FOUND");
    EXPECT_EQ(code_of([&] { read_part(*fixture.root, path("/")); }), "INVALID_REQUEST");
    fs::create_directory(fixture.in("d"));
    EXPECT_EQ(code_of([&] { read_part(*fixture.root, path("d")); }), "INVALID_REQUEST");
    Reader reader{*fixture.root, path("a")};
    char some[4];
    EXPECT_EQ(reader.read(some, 4), 4u);
    reader.seek(8);
    EXPECT_EQ(reader.read(some, 4), 2u);
    EXPECT_EQ(reader.read(some, 4), 0u);
}

TEST(FileRead, AnswersTextAsTextAndTheRestAsBase64)
{
    Content text{.bytes = "h\xc3\xa9", .size = 3};
    EXPECT_NE(content_answer("/a", text).find(R"("encoding":"utf-8","content":"hé")"), std::string::npos);
    Content cut{.bytes = "h\xc3", .size = 3};
    EXPECT_NE(content_answer("/a", cut).find(R"("content":"h","offset":0,"bytes":1)"), std::string::npos);
    Content binary{.bytes = std::string{"\0\1", 2}, .size = 2};
    EXPECT_NE(content_answer("/a", binary).find(R"("encoding":"base64","content":"AAE=")"),
              std::string::npos);
}

TEST(FileWrite, ReplacesAFileWithAllOfTheNewContent)
{
    FilesFixture fixture;
    fixture.put("a", "old");
    fs::permissions(fixture.in("a"), fs::perms{0640});
    EXPECT_EQ(write_file(*fixture.root, path("a"), "new content", {}), 11u);
    EXPECT_EQ(fixture.get("a"), "new content");
    EXPECT_EQ(describe(*fixture.root, path("a")).mode, 0640u);
    write_file(*fixture.root, path("deep/er/b"), "b", {.mode = 0600, .make_parents = true});
    EXPECT_EQ(fixture.get("deep/er/b"), "b");
    EXPECT_EQ(describe(*fixture.root, path("deep/er/b")).mode, 0600u);
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path("x/y"), "", {}); }), "FILE_NOT_FOUND");
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path("a"), "", {.replace = false}); }),
              "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path("deep"), "", {}); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path("/"), "", {}); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { write_file(*fixture.root, path("s"), "", {.mode = 04755}); }), "INVALID_REQUEST");
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(FileWrite, LeavesNothingBehindWithoutCommit)
{
    FilesFixture fixture;
    fixture.put("a", "old");
    {
        Writer writer{*fixture.root, path("a"), {.max_size = 10}};
        writer.write("12345");
        EXPECT_EQ(fixture.leftovers(), 1u);
        EXPECT_EQ(list_folder(*fixture.root, path("/"), {}, fixture.control).total, 1u);
        EXPECT_EQ(code_of([&] { writer.write("1234567"); }), "TOO_LARGE");
    }
    {
        Writer writer{*fixture.root, path("a"), {.declared_size = 6}};
        writer.write("12345");
        EXPECT_EQ(code_of([&] { writer.commit(); }), "INVALID_REQUEST");
    }
    {
        Writer writer{*fixture.root, path("a"), {}};
        writer.write("wrong start");
        writer.restart();
        writer.write("right");
        writer.commit();
    }
    EXPECT_EQ(fixture.get("a"), "right");
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(FileWrite, GivesNewFilesToTheOwner)
{
    if (!is_root()) GTEST_SKIP() << "only root gives files away";
    FilesFixture fixture;
    const Root owned{fixture.in("").string(), Owner{.uid = 4321, .gid = 4322}, {.keep_free = 0}};
    write_file(owned, path("a/b"), "x", {.make_parents = true});
    for (const char* name : {"a", "a/b"}) {
        struct stat info {};
        ASSERT_EQ(::stat(fixture.in(name).c_str(), &info), 0);
        EXPECT_EQ(info.st_uid, 4321u) << name;
        EXPECT_EQ(info.st_gid, 4322u) << name;
    }
}

TEST(FileChange, MakesFoldersWithTheirParents)
{
    FilesFixture fixture;
    make_folder(*fixture.root, path("a/b/c"), {.parents = true});
    make_folder(*fixture.root, path("a/b/c"), {.parents = true});
    EXPECT_TRUE(fs::is_directory(fixture.in("a/b/c")));
    EXPECT_EQ(code_of([&] { make_folder(*fixture.root, path("a"), {}); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { make_folder(*fixture.root, path("x/y"), {}); }), "FILE_NOT_FOUND");
    fixture.put("file", "");
    EXPECT_EQ(code_of([&] { make_folder(*fixture.root, path("file/x"), {.parents = true}); }),
              "INVALID_REQUEST");
}

TEST(FileChange, RenamesAndMoves)
{
    FilesFixture fixture;
    fixture.put("a", "A");
    fixture.put("b", "B");
    fs::create_directory(fixture.in("d"));
    EXPECT_EQ(code_of([&] { rename_path(*fixture.root, path("a"), path("b"), {}); }), "INVALID_REQUEST");
    EXPECT_EQ(fixture.get("b"), "B");
    rename_path(*fixture.root, path("a"), path("b"), {.replace = true});
    EXPECT_EQ(fixture.get("b"), "A");
    rename_path(*fixture.root, path("b"), path("d/e/b"), {.make_parents = true});
    EXPECT_EQ(fixture.get("d/e/b"), "A");
    EXPECT_EQ(code_of([&] { rename_path(*fixture.root, path("d"), path("d/e/f"), {}); }), "INVALID_REQUEST");
    EXPECT_EQ(code_of([&] { rename_path(*fixture.root, path("none"), path("x"), {}); }), "FILE_NOT_FOUND");
    EXPECT_EQ(code_of([&] { rename_path(*fixture.root, path("/"), path("x"), {}); }), "INVALID_REQUEST");
    rename_path(*fixture.root, path("d"), path("d2"), {});
    EXPECT_TRUE(fs::exists(fixture.in("d2/e/b")));
}

TEST(FileChange, SetsPermissionBitsOnly)
{
    FilesFixture fixture;
    fixture.put("run.sh", "");
    change_mode(*fixture.root, path("run.sh"), 0755);
    EXPECT_EQ(describe(*fixture.root, path("run.sh")).mode, 0755u);
    change_mode(*fixture.root, path("run.sh"), 0);
    change_mode(*fixture.root, path("run.sh"), 0644); // also what we may not open
    EXPECT_EQ(describe(*fixture.root, path("run.sh")).mode, 0644u);
    for (const mode_t mode : {04755u, 02755u, 01755u, 0100644u})
        EXPECT_EQ(code_of([&] { change_mode(*fixture.root, path("run.sh"), mode); }), "INVALID_REQUEST");
}

} // namespace
