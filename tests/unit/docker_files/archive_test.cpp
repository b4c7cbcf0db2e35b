#include "plugins/docker/files/archive.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/write.hpp"

#include "files_fixture.hpp"
#include "make_archive.hpp"

#include <algorithm>
#include <random>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;
using agenthost::base::Cancel;

Unpacked unpack_here(FilesFixture& fixture, std::string_view archive, std::string_view to,
                     UnpackOptions options = {})
{
    return unpack(*fixture.root, path(archive), path(to), options, fixture.control);
}

void fill_server(FilesFixture& fixture)
{
    fixture.put("fixture/level.dat", "level");
    fixture.put("fixture/region/r.0.0.mca", random_bytes(300'000, 1));
    fixture.put("fixture/caf\xe9", "latin");
    fixture.put("fixture/gr\xc3\xb6\xc3\x9f"
                "e",
                "utf-8");
    fixture.put("fixture/session.lock", "lock");
    fixture.put("logs/a.log", "log");
    fixture.put("empty", "");
    fs::create_directory(fixture.in("fixture/none"));
    fs::create_symlink("level.dat", fixture.in("fixture/link"));
    ::chmod(fixture.in("fixture/level.dat").c_str(), 0640);
}

class Archives : public ::testing::TestWithParam<std::pair<const char*, ArchiveFormat>> {};

TEST_P(Archives, GiveBackWhatWasPacked)
{
    FilesFixture fixture;
    fill_server(fixture);
    const auto [name, format] = GetParam();
    const Packed packed =
        pack(*fixture.root, {}, {path("fixture"), path("logs"), path("empty")}, path(name),
             {.format = format, .exclude = {"*.log", "fixture/session.lock"}}, fixture.control);
    EXPECT_EQ(packed.entries, 10u);
    EXPECT_EQ(packed.size, fs::file_size(fixture.in(name)));
    const Unpacked unpacked = unpack_here(fixture, name, "back");
    EXPECT_EQ(unpacked.entries, 10u);
    EXPECT_EQ(unpacked.left_out, 0u);
    for (const char* file : {"fixture/level.dat", "fixture/region/r.0.0.mca", "fixture/caf\xe9",
                             "fixture/gr\xc3\xb6\xc3\x9f"
                             "e",
                             "empty"})
        EXPECT_EQ(fixture.get(std::string{"back/"} + file), fixture.get(file)) << file;
    EXPECT_EQ(fs::read_symlink(fixture.in("back/fixture/link")), "level.dat");
    EXPECT_TRUE(fs::is_directory(fixture.in("back/fixture/none")));
    EXPECT_FALSE(fs::exists(fixture.in("back/logs/a.log")));
    EXPECT_FALSE(fs::exists(fixture.in("back/fixture/session.lock")));
    struct stat info {};
    ::stat(fixture.in("back/fixture/level.dat").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, 0640u);
    EXPECT_EQ(fixture.leftovers(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Formats, Archives,
                         ::testing::Values(std::pair{"a.tar.gz", ArchiveFormat::tar_gz},
                                           std::pair{"a.tar", ArchiveFormat::tar},
                                           std::pair{"a.zip", ArchiveFormat::zip}));

TEST(ArchivePack, LeavesItsOwnFileOut)
{
    FilesFixture fixture;
    fill_server(fixture);
    fs::create_directory(fixture.in("backups"));
    pack(*fixture.root, {}, {Path{}}, path("backups/all.tar"), {.format = ArchiveFormat::tar},
         fixture.control);
    pack(*fixture.root, path("fixture"), {path("fixture")}, path("fixture/in.zip"),
         {.format = ArchiveFormat::zip}, fixture.control);
    unpack_here(fixture, "backups/all.tar", "back");
    EXPECT_FALSE(fs::exists(fixture.in("back/backups/all.tar")));
    EXPECT_TRUE(fs::exists(fixture.in("back/logs/a.log")));
    unpack_here(fixture, "fixture/in.zip", "back2");
    EXPECT_EQ(fixture.get("back2/level.dat"), "level");
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(ArchivePack, RefusesWhatItCannotDo)
{
    FilesFixture fixture;
    fill_server(fixture);
    const auto code = [&](const Path& base, const std::vector<Path>& sources, std::string_view to,
                          PackOptions options = {}) {
        return code_of([&] { pack(*fixture.root, base, sources, path(to), options, fixture.control); });
    };
    EXPECT_EQ(code({}, {}, "a.tar"), "INVALID_REQUEST");
    EXPECT_EQ(code(path("fixture"), {path("logs")}, "a.tar"), "INVALID_REQUEST");
    EXPECT_EQ(code({}, {path("nothing")}, "a.tar"), "FILE_NOT_FOUND");
    EXPECT_EQ(code({}, {path("fixture")}, "empty"), "INVALID_REQUEST");
    EXPECT_EQ(code({}, {path("fixture")}, "no/a.tar"), "FILE_NOT_FOUND");
    EXPECT_EQ(code({}, {path("fixture")}, "a.tar", {.max_entries = 3}), "TOO_LARGE");
    EXPECT_EQ(code({}, {path("fixture")}, "a.tar", {.max_bytes = 1000}), "TOO_LARGE");
    EXPECT_FALSE(fs::exists(fixture.in("a.tar")));
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(ArchiveUnpack, ReadsWhatOthersMake)
{
    const std::vector<MadeEntry> entries{{.name = "d/", .type = AE_IFDIR, .mode = 0755},
                                         {.name = "d/a.txt", .content = "A"},
                                         {.name = "./b.txt", .content = "B"}};
    for (const auto& [format, filter] : {std::pair{"ustar", "gzip"},
                                         {"ustar", "bzip2"},
                                         {"ustar", "xz"},
                                         {"ustar", "zstd"},
                                         {"ustar", "lz4"},
                                         {"pax", "none"},
                                         {"gnutar", "gzip"},
                                         {"zip", "none"},
                                         {"7zip", "none"}}) {
        FilesFixture fixture;
        make_archive(fixture.in("a"), format, filter, entries);
        EXPECT_EQ(unpack_here(fixture, "a", "to").entries, 3u) << format << filter;
        EXPECT_EQ(fixture.get("to/d/a.txt"), "A") << format << filter;
        EXPECT_EQ(fixture.get("to/b.txt"), "B") << format << filter;
    }
}

TEST(ArchiveUnpack, MergesIntoWhatIsThere)
{
    FilesFixture fixture;
    fixture.put("to/d/old", "old");
    fixture.put("to/d/a.txt", "old");
    make_archive(fixture.in("a.tar"), "ustar", "none",
                 {{.name = "d/a.txt", .content = "new"}, {.name = "d/sub/b", .content = "b"}});
    std::string text;
    EXPECT_EQ(code_of([&] { unpack_here(fixture, "a.tar", "to", {.replace = false}); }, &text),
              "INVALID_REQUEST");
    EXPECT_NE(text.find("to/d/a.txt: is in the way"), std::string::npos) << text;
    EXPECT_EQ(fixture.get("to/d/a.txt"), "old");
    EXPECT_FALSE(fs::exists(fixture.in("to/d/sub")));
    unpack_here(fixture, "a.tar", "to");
    EXPECT_EQ(fixture.get("to/d/a.txt"), "new");
    EXPECT_EQ(fixture.get("to/d/old"), "old");
    EXPECT_EQ(fixture.get("to/d/sub/b"), "b");
    fs::remove_all(fixture.in("to/d"));
    fixture.put("to/d", "a file where a folder should be");
    EXPECT_EQ(code_of([&] { unpack_here(fixture, "a.tar", "to"); }), "INVALID_REQUEST");
    EXPECT_EQ(fixture.get("to/d"), "a file where a folder should be");
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(ArchiveUnpack, DropsSpecialBitsAndTypes)
{
    FilesFixture fixture;
    make_archive(fixture.in("a.tar"), "ustar", "none",
                 {{.name = "suid", .content = "x", .mode = 06755},
                  {.name = "dev", .type = AE_IFCHR},
                  {.name = "blk", .type = AE_IFBLK},
                  {.name = "fifo", .type = AE_IFIFO},
                  {.name = "dir", .type = AE_IFDIR, .mode = 01000},
                  {.name = "good", .content = "g"},
                  {.name = "hard", .hard_link = "good"}});
    const Unpacked unpacked = unpack_here(fixture, "a.tar", "to");
    EXPECT_EQ(unpacked.left_out, 3u);
    EXPECT_EQ(unpacked.reports.at(0), "dev is a device, FIFO or socket");
    struct stat info {};
    ::stat(fixture.in("to/suid").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, 0755u);
    EXPECT_EQ(info.st_uid, ::geteuid());
    ::stat(fixture.in("to/dir").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, 0700u);
    EXPECT_EQ(fixture.get("to/hard"), "g");
    EXPECT_FALSE(fs::exists(fs::symlink_status(fixture.in("to/dev"))));
}

// Each tries to write or to link outside, by another way. `refused`: the whole archive; else the entry is left out.
struct Slip {
    const char* what;
    std::vector<MadeEntry> entries;
    bool refused;
};
std::vector<Slip> slips(const FilesFixture& fixture)
{
    const std::string absolute = fixture.out("secret").string();
    return {
        {"dots", {{.name = "../outside/secret", .content = "evil"}}, true},
        {"dots inside", {{.name = "a/../../outside/secret", .content = "evil"}}, true},
        {"dots at the end", {{.name = "a/..", .content = "evil"}}, true},
        {"only dots", {{.name = "..", .type = AE_IFDIR}}, true},
        {"absolute", {{.name = absolute, .content = "evil"}}, true},
        {"two slashes", {{.name = "/" + absolute, .content = "evil"}}, true},
        {"good, then bad", {{.name = "good", .content = "g"}, {.name = "../../x", .content = "evil"}}, true},
        {"through a link",
         {{.name = "l", .type = AE_IFLNK, .link = "d"}, {.name = "l/x", .content = "evil"}},
         true},
        {"through a link outside",
         {{.name = "l", .type = AE_IFLNK, .link = "../../outside"}, {.name = "l/secret", .content = "evil"}},
         false},
        {"through an absolute link",
         {{.name = "l", .type = AE_IFLNK, .link = fixture.out("").string()},
          {.name = "l/secret", .content = "evil"}},
         false},
        {"link to outside", {{.name = "l", .type = AE_IFLNK, .link = "../../outside/secret"}}, false},
        {"link to absolute", {{.name = "l", .type = AE_IFLNK, .link = absolute}}, false},
        {"link over file, then file",
         {{.name = "f", .content = "x"},
          {.name = "f", .type = AE_IFLNK, .link = "/etc"},
          {.name = "f", .content = "evil"}},
         false},
        {"hard link outside", {{.name = "h", .hard_link = "../outside/secret"}}, true},
        {"hard link absolute", {{.name = "h", .hard_link = absolute}}, true},
        {"hard link through a link",
         {{.name = "l", .type = AE_IFLNK, .link = "sub/../.."},
          {.name = "h", .hard_link = "l/outside/secret"}},
         false},
        {"hard link to a link",
         {{.name = "l", .type = AE_IFLNK, .link = "x"},
          {.name = "h", .hard_link = "l"},
          {.name = "h", .content = "evil"}},
         false},
        {"folder over link",
         {{.name = "l", .type = AE_IFLNK, .link = "x"},
          {.name = "l", .type = AE_IFDIR},
          {.name = "l/y", .content = "e"}},
         true},
        {"file as folder", {{.name = "f", .content = "x"}, {.name = "f/y", .content = "evil"}}, true},
        {"long name", {{.name = std::string(300, 'n'), .content = "x"}}, true},
    };
}

TEST(ArchiveUnpack, NothingSlipsOutside)
{
    for (const std::string format : {"gnutar", "pax", "zip"}) {
        const FilesFixture names;
        for (const Slip& planned : slips(names)) {
            FilesFixture fixture;
            const auto all = slips(fixture);
            const auto slip = *std::find_if(
                all.begin(), all.end(), [&](const Slip& s) { return s.what == std::string{planned.what}; });
            const bool has_hard_link = std::any_of(slip.entries.begin(), slip.entries.end(),
                                                   [](const MadeEntry& e) { return !e.hard_link.empty(); });
            if (format == "zip" && has_hard_link) continue; // zip has none
            make_archive(fixture.in("a"), format, "none", slip.entries);
            const auto before = fixture.outside();
            std::string text;
            const std::string code = code_of([&] { unpack_here(fixture, "a", "to"); }, &text);
            EXPECT_EQ(code, slip.refused ? "INVALID_REQUEST" : "")
                << format << " " << slip.what << ": " << text;
            EXPECT_EQ(fixture.outside(), before) << format << " " << slip.what;
            EXPECT_EQ(fixture.leftovers(), 0u) << format << " " << slip.what;
            EXPECT_TRUE(!slip.refused || !fs::exists(fixture.in("to"))) << format << " " << slip.what;
            if (!slip.refused && fs::exists(fixture.in("to"))) {
                for (const auto& entry : fs::recursive_directory_iterator{fixture.in("to")}) {
                    if (!entry.is_symlink()) continue;
                    const auto points_to = fs::weakly_canonical(entry.path()).string();
                    EXPECT_TRUE(points_to.starts_with(fixture.in("").string()))
                        << slip.what << " " << points_to;
                }
            }
        }
    }
}

TEST(ArchiveUnpack, BombsStopAtTheirLimits)
{
    FilesFixture fixture;
    make_archive(fixture.in("zeros.tar.gz"), "ustar", "gzip",
                 {{.name = "zeros", .content = std::string(64 << 20, '\0')}});
    make_archive(fixture.in("zeros.zip"), "zip", "none",
                 {{.name = "zeros", .content = std::string(64 << 20, '\0')}});
    make_archive(fixture.in("zeros.7z"), "7zip", "none",
                 {{.name = "zeros", .content = std::string(64 << 20, '\0')}});
    std::vector<MadeEntry> many;
    for (int i = 0; i < 2000; ++i) many.push_back({.name = "f" + std::to_string(i)});
    make_archive(fixture.in("many.tar.gz"), "ustar", "gzip", many);
    std::string deep;
    for (int i = 0; i < 200; ++i) deep += "d/";
    make_archive(fixture.in("deep.tar"), "gnutar", "none", {{.name = deep + "f", .content = "x"}});
    for (const char* name : {"zeros.tar.gz", "zeros.zip", "zeros.7z"}) {
        EXPECT_EQ(code_of([&] { unpack_here(fixture, name, "to", {.max_bytes = 32 << 20}); }), "TOO_LARGE")
            << name;
        EXPECT_EQ(
            code_of([&] { unpack_here(fixture, name, "to", {.max_ratio = 100, .ratio_from = 1 << 20}); }),
            "TOO_LARGE")
            << name;
    }
    EXPECT_EQ(code_of([&] { unpack_here(fixture, "many.tar.gz", "to", {.max_entries = 1000}); }),
              "TOO_LARGE");
    EXPECT_EQ(code_of([&] { unpack_here(fixture, "deep.tar", "to"); }), "INVALID_REQUEST");
    EXPECT_FALSE(fs::exists(fixture.in("to")));
    EXPECT_EQ(fixture.leftovers(), 0u);
}

// A tar whose only entry claims a hole of 1 TiB takes no disk space, but is refused as well.
TEST(ArchiveUnpack, HolesCount)
{
    FilesFixture fixture;
    const ArchiveWriter a{archive_write_new()};
    archive_write_set_format_pax(a.get());
    archive_write_open_filename(a.get(), fixture.in("hole.tar").c_str());
    const ArchiveEntry entry{archive_entry_new()};
    archive_entry_set_pathname(entry.get(), "hole");
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_size(entry.get(), 1LL << 40);
    archive_entry_sparse_add_entry(entry.get(), (1LL << 40) - 1, 1);
    ASSERT_EQ(archive_write_header(a.get(), entry.get()), ARCHIVE_OK) << archive_error_string(a.get());
    archive_write_data(a.get(), "x", 1);
    archive_write_close(a.get());
    ASSERT_LT(fs::file_size(fixture.in("hole.tar")), 1u << 20);
    EXPECT_EQ(code_of([&] { unpack_here(fixture, "hole.tar", "to"); }), "TOO_LARGE");
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(ArchiveUnpack, RefusesWhatIsDamagedOrNotAnArchive)
{
    FilesFixture fixture;
    fill_server(fixture);
    fixture.put("text.zip", "this is no archive");
    fixture.put("mtree", "#mtree\nf type=file contents=/etc/passwd\n");
    for (const auto& [name, format] :
         {std::pair{"a.tar.gz", ArchiveFormat::tar_gz}, {"a.zip", ArchiveFormat::zip}}) {
        pack(*fixture.root, {}, {path("fixture")}, path(name), {.format = format}, fixture.control);
        fs::resize_file(fixture.in(name), fs::file_size(fixture.in(name)) / 2);
    }
    for (const char* name : {"text.zip", "mtree", "empty", "a.tar.gz", "a.zip"}) {
        std::string text;
        EXPECT_EQ(code_of([&] { unpack_here(fixture, name, "to"); }, &text), "INVALID_REQUEST") << name;
        EXPECT_NE(text.find(name), std::string::npos) << text;
        EXPECT_FALSE(fs::exists(fixture.in("to"))) << name;
    }
    EXPECT_EQ(fixture.leftovers(), 0u);
    EXPECT_EQ(code_of([&] { unpack_here(fixture, "nothing.zip", "to"); }), "FILE_NOT_FOUND");
}

TEST(ArchiveUnpack, RefusesEncryptedArchives)
{
    FilesFixture fixture;
    fixture.put("f", "secret");
    const auto ran = run({"sh", "-c", "cd '" + fixture.in("").string() + "' && zip -q -P password a.zip f"});
    if (ran.code != 0) GTEST_SKIP() << "no zip program";
    std::string text;
    EXPECT_EQ(code_of([&] { unpack_here(fixture, "a.zip", "to"); }, &text), "INVALID_REQUEST");
    EXPECT_NE(text.find("encrypted"), std::string::npos) << text;
}

TEST(ArchiveUnpack, DamagedBytesNeverCrashOrEscape)
{
    FilesFixture fixture;
    fill_server(fixture);
    pack(*fixture.root, {}, {path("fixture/level.dat"), path("logs"), path("fixture/link")}, path("a.zip"),
         {.format = ArchiveFormat::zip}, fixture.control);
    pack(*fixture.root, {}, {path("fixture/level.dat"), path("logs"), path("fixture/link")}, path("a.tar.gz"),
         {}, fixture.control);
    make_archive(fixture.in("a.7z"), "7zip", "none",
                 {{.name = "x/a", .content = "A"}, {.name = "b", .content = "B"}});
    const auto before = fixture.outside();
    std::mt19937 random{7};
    for (const char* name : {"a.zip", "a.tar.gz", "a.7z"}) {
        const std::string good = fixture.get(name);
        for (int i = 0; i < 150; ++i) {
            std::string bad = good;
            for (unsigned n = 1 + random() % 8; n > 0; --n)
                bad[random() % bad.size()] = static_cast<char>(random());
            fixture.put("bad", bad);
            code_of([&] { unpack_here(fixture, "bad", "to", {.max_bytes = 1 << 20}); });
            fs::remove_all(fixture.in("to"));
        }
    }
    EXPECT_EQ(fixture.outside(), before);
    EXPECT_EQ(fixture.leftovers(), 0u);
}

// A server that runs writes to its files while they are packed.
TEST(ArchivePack, SaysWhatChangedMeanwhile)
{
    const auto changed = [](const std::function<void(const fs::path&)>& change) {
        FilesFixture fixture;
        fixture.put("a", random_bytes(1'000'000, 1));
        ::timespec past[2]{{1'000, 0}, {1'000, 0}};
        ::utimensat(AT_FDCWD, fixture.in("a").c_str(), past, 0);
        Control control{nullptr, [&](const Progress& progress) {
                            if (progress.bytes == 0) change(fixture.in("a")); // before its first byte is read
                        }};
        const Packed packed = pack(*fixture.root, {}, {path("a")}, path("b.tar"), {}, control);
        EXPECT_EQ(packed.changed, packed.reports.size());
        for (const std::string& report : packed.reports) EXPECT_EQ(report, "a changed while it was packed");
        EXPECT_EQ(code_of([&] { unpack_here(fixture, "b.tar", "to"); }), "") << "the archive is whole";
        return packed.changed;
    };
    EXPECT_EQ(changed([](const fs::path&) {}), 0u);
    EXPECT_EQ(changed([](const fs::path& file) { fs::resize_file(file, 10); }), 1u);
    EXPECT_EQ(changed([](const fs::path& file) { fs::resize_file(file, 2'000'000); }), 1u);
    EXPECT_EQ(changed([](const fs::path& file) {
                  std::fstream{file, std::ios::in | std::ios::out}.write("other", 5);
              }),
              1u);
}

TEST(ArchiveCancel, LeavesNothing)
{
    FilesFixture fixture;
    fill_server(fixture);
    for (int i = 0; i < 50; ++i) fixture.put("many/" + std::to_string(i), random_bytes(100'000, i));
    pack(*fixture.root, {}, {path("many")}, path("good.tar.gz"), {}, fixture.control);
    for (int after : {0, 1, 20}) {
        const auto begin = [&](std::function<void(Control&)> action) {
            Cancel stop;
            if (after == 0) stop.set();
            int seen = 0;
            Control control{&stop, [&](const Progress&) {
                                if (++seen >= after) stop.set();
                            }};
            return code_of([&] { action(control); });
        };
        if (after < 20) {
            EXPECT_EQ(
                begin([&](Control& c) { pack(*fixture.root, {}, {path("many")}, path("b.tar.gz"), {}, c); }),
                "CANCELLED");
            EXPECT_EQ(
                begin([&](Control& c) { unpack(*fixture.root, path("good.tar.gz"), path("to"), {}, c); }),
                "CANCELLED");
        }
    }
    EXPECT_FALSE(fs::exists(fixture.in("b.tar.gz")));
    EXPECT_FALSE(fs::exists(fixture.in("to")));
    EXPECT_EQ(fixture.leftovers(), 0u);
}

TEST(ArchivePack, TheThreadKeepsItsLocale)
{
    FilesFixture fixture;
    fill_server(fixture);
    const std::string before = ::setlocale(LC_CTYPE, nullptr);
    const locale_t thread_before = ::uselocale(nullptr);
    pack(*fixture.root, {}, {path("fixture")}, path("a.zip"), {.format = ArchiveFormat::zip},
         fixture.control);
    unpack_here(fixture, "a.zip", "to");
    EXPECT_EQ(::setlocale(LC_CTYPE, nullptr), before);
    EXPECT_EQ(::uselocale(nullptr), thread_before);
}

} // namespace
