#include "plugins/docker/files/archive.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/write.hpp"

#include "make_archive.hpp"
#include "world.hpp"

#include <algorithm>
#include <random>

namespace {

using namespace agenthost::docker::files;
using namespace agenthost::test;
using agenthost::base::Cancel;

Unpacked unpack_here(World& world, std::string_view archive, std::string_view to, UnpackOptions options = {})
{
    return unpack(*world.root, path(archive), path(to), options, world.control);
}

void fill(World& world)
{
    world.put("world/level.dat", "level");
    world.put("world/region/r.0.0.mca", random_bytes(300'000, 1));
    world.put("world/caf\xe9", "latin");
    world.put("world/gr\xc3\xb6\xc3\x9f"
              "e",
              "utf-8");
    world.put("world/session.lock", "lock");
    world.put("logs/a.log", "log");
    world.put("empty", "");
    fs::create_directory(world.in("world/none"));
    fs::create_symlink("level.dat", world.in("world/link"));
    ::chmod(world.in("world/level.dat").c_str(), 0640);
}

class Archives : public ::testing::TestWithParam<std::pair<const char*, ArchiveFormat>> {};

TEST_P(Archives, GiveBackWhatWasPacked)
{
    World world;
    fill(world);
    const auto [name, format] = GetParam();
    const Packed packed = pack(*world.root, {}, {path("world"), path("logs"), path("empty")}, path(name),
                               {.format = format, .exclude = {"*.log", "world/session.lock"}}, world.control);
    EXPECT_EQ(packed.entries, 10u);
    EXPECT_EQ(packed.size, fs::file_size(world.in(name)));
    const Unpacked unpacked = unpack_here(world, name, "back");
    EXPECT_EQ(unpacked.entries, 10u);
    EXPECT_EQ(unpacked.left_out, 0u);
    for (const char* file : {"world/level.dat", "world/region/r.0.0.mca", "world/caf\xe9",
                             "world/gr\xc3\xb6\xc3\x9f"
                             "e",
                             "empty"})
        EXPECT_EQ(world.get(std::string{"back/"} + file), world.get(file)) << file;
    EXPECT_EQ(fs::read_symlink(world.in("back/world/link")), "level.dat");
    EXPECT_TRUE(fs::is_directory(world.in("back/world/none")));
    EXPECT_FALSE(fs::exists(world.in("back/logs/a.log")));
    EXPECT_FALSE(fs::exists(world.in("back/world/session.lock")));
    struct stat info {};
    ::stat(world.in("back/world/level.dat").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, 0640u);
    EXPECT_EQ(world.leftovers(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Formats, Archives,
                         ::testing::Values(std::pair{"a.tar.gz", ArchiveFormat::tar_gz},
                                           std::pair{"a.tar", ArchiveFormat::tar},
                                           std::pair{"a.zip", ArchiveFormat::zip}));

TEST(ArchivePack, LeavesItsOwnFileOut)
{
    World world;
    fill(world);
    fs::create_directory(world.in("backups"));
    pack(*world.root, {}, {Path{}}, path("backups/all.tar"), {.format = ArchiveFormat::tar}, world.control);
    pack(*world.root, path("world"), {path("world")}, path("world/in.zip"), {.format = ArchiveFormat::zip},
         world.control);
    unpack_here(world, "backups/all.tar", "back");
    EXPECT_FALSE(fs::exists(world.in("back/backups/all.tar")));
    EXPECT_TRUE(fs::exists(world.in("back/logs/a.log")));
    unpack_here(world, "world/in.zip", "back2");
    EXPECT_EQ(world.get("back2/level.dat"), "level");
    EXPECT_EQ(world.leftovers(), 0u);
}

TEST(ArchivePack, RefusesWhatItCannotDo)
{
    World world;
    fill(world);
    const auto code = [&](const Path& base, const std::vector<Path>& sources, std::string_view to,
                          PackOptions options = {}) {
        return code_of([&] { pack(*world.root, base, sources, path(to), options, world.control); });
    };
    EXPECT_EQ(code({}, {}, "a.tar"), "INVALID_REQUEST");
    EXPECT_EQ(code(path("world"), {path("logs")}, "a.tar"), "INVALID_REQUEST");
    EXPECT_EQ(code({}, {path("nothing")}, "a.tar"), "FILE_NOT_FOUND");
    EXPECT_EQ(code({}, {path("world")}, "empty"), "INVALID_REQUEST");
    EXPECT_EQ(code({}, {path("world")}, "no/a.tar"), "FILE_NOT_FOUND");
    EXPECT_EQ(code({}, {path("world")}, "a.tar", {.max_entries = 3}), "TOO_LARGE");
    EXPECT_EQ(code({}, {path("world")}, "a.tar", {.max_bytes = 1000}), "TOO_LARGE");
    EXPECT_FALSE(fs::exists(world.in("a.tar")));
    EXPECT_EQ(world.leftovers(), 0u);
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
        World world;
        make_archive(world.in("a"), format, filter, entries);
        EXPECT_EQ(unpack_here(world, "a", "to").entries, 3u) << format << filter;
        EXPECT_EQ(world.get("to/d/a.txt"), "A") << format << filter;
        EXPECT_EQ(world.get("to/b.txt"), "B") << format << filter;
    }
}

TEST(ArchiveUnpack, MergesIntoWhatIsThere)
{
    World world;
    world.put("to/d/old", "old");
    world.put("to/d/a.txt", "old");
    make_archive(world.in("a.tar"), "ustar", "none",
                 {{.name = "d/a.txt", .content = "new"}, {.name = "d/sub/b", .content = "b"}});
    std::string text;
    EXPECT_EQ(code_of([&] { unpack_here(world, "a.tar", "to", {.replace = false}); }, &text),
              "INVALID_REQUEST");
    EXPECT_NE(text.find("to/d/a.txt: is in the way"), std::string::npos) << text;
    EXPECT_EQ(world.get("to/d/a.txt"), "old");
    EXPECT_FALSE(fs::exists(world.in("to/d/sub")));
    unpack_here(world, "a.tar", "to");
    EXPECT_EQ(world.get("to/d/a.txt"), "new");
    EXPECT_EQ(world.get("to/d/old"), "old");
    EXPECT_EQ(world.get("to/d/sub/b"), "b");
    fs::remove_all(world.in("to/d"));
    world.put("to/d", "a file where a folder should be");
    EXPECT_EQ(code_of([&] { unpack_here(world, "a.tar", "to"); }), "INVALID_REQUEST");
    EXPECT_EQ(world.get("to/d"), "a file where a folder should be");
    EXPECT_EQ(world.leftovers(), 0u);
}

TEST(ArchiveUnpack, DropsSpecialBitsAndTypes)
{
    World world;
    make_archive(world.in("a.tar"), "ustar", "none",
                 {{.name = "suid", .content = "x", .mode = 06755},
                  {.name = "dev", .type = AE_IFCHR},
                  {.name = "blk", .type = AE_IFBLK},
                  {.name = "fifo", .type = AE_IFIFO},
                  {.name = "dir", .type = AE_IFDIR, .mode = 01000},
                  {.name = "good", .content = "g"},
                  {.name = "hard", .hard_link = "good"}});
    const Unpacked unpacked = unpack_here(world, "a.tar", "to");
    EXPECT_EQ(unpacked.left_out, 3u);
    EXPECT_EQ(unpacked.reports.at(0), "dev is a device, FIFO or socket");
    struct stat info {};
    ::stat(world.in("to/suid").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, 0755u);
    EXPECT_EQ(info.st_uid, ::geteuid());
    ::stat(world.in("to/dir").c_str(), &info);
    EXPECT_EQ(info.st_mode & 07777, 0700u);
    EXPECT_EQ(world.get("to/hard"), "g");
    EXPECT_FALSE(fs::exists(fs::symlink_status(world.in("to/dev"))));
}

// Each tries to write or to link outside, by another way. `refused`: the whole archive; else the entry is left out.
struct Slip {
    const char* what;
    std::vector<MadeEntry> entries;
    bool refused;
};
std::vector<Slip> slips(const World& world)
{
    const std::string absolute = world.out("secret").string();
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
         {{.name = "l", .type = AE_IFLNK, .link = world.out("").string()},
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
        const World names;
        for (const Slip& planned : slips(names)) {
            World world;
            const auto all = slips(world);
            const auto slip = *std::find_if(
                all.begin(), all.end(), [&](const Slip& s) { return s.what == std::string{planned.what}; });
            const bool has_hard_link = std::any_of(slip.entries.begin(), slip.entries.end(),
                                                   [](const MadeEntry& e) { return !e.hard_link.empty(); });
            if (format == "zip" && has_hard_link) continue; // zip has none
            make_archive(world.in("a"), format, "none", slip.entries);
            const auto before = world.outside();
            std::string text;
            const std::string code = code_of([&] { unpack_here(world, "a", "to"); }, &text);
            EXPECT_EQ(code, slip.refused ? "INVALID_REQUEST" : "")
                << format << " " << slip.what << ": " << text;
            EXPECT_EQ(world.outside(), before) << format << " " << slip.what;
            EXPECT_EQ(world.leftovers(), 0u) << format << " " << slip.what;
            EXPECT_TRUE(!slip.refused || !fs::exists(world.in("to"))) << format << " " << slip.what;
            if (!slip.refused && fs::exists(world.in("to"))) {
                for (const auto& entry : fs::recursive_directory_iterator{world.in("to")}) {
                    if (!entry.is_symlink()) continue;
                    const auto points_to = fs::weakly_canonical(entry.path()).string();
                    EXPECT_TRUE(points_to.starts_with(world.in("").string()))
                        << slip.what << " " << points_to;
                }
            }
        }
    }
}

TEST(ArchiveUnpack, BombsStopAtTheirLimits)
{
    World world;
    make_archive(world.in("zeros.tar.gz"), "ustar", "gzip",
                 {{.name = "zeros", .content = std::string(64 << 20, '\0')}});
    make_archive(world.in("zeros.zip"), "zip", "none",
                 {{.name = "zeros", .content = std::string(64 << 20, '\0')}});
    make_archive(world.in("zeros.7z"), "7zip", "none",
                 {{.name = "zeros", .content = std::string(64 << 20, '\0')}});
    std::vector<MadeEntry> many;
    for (int i = 0; i < 2000; ++i) many.push_back({.name = "f" + std::to_string(i)});
    make_archive(world.in("many.tar.gz"), "ustar", "gzip", many);
    std::string deep;
    for (int i = 0; i < 200; ++i) deep += "d/";
    make_archive(world.in("deep.tar"), "gnutar", "none", {{.name = deep + "f", .content = "x"}});
    for (const char* name : {"zeros.tar.gz", "zeros.zip", "zeros.7z"}) {
        EXPECT_EQ(code_of([&] { unpack_here(world, name, "to", {.max_bytes = 32 << 20}); }), "TOO_LARGE")
            << name;
        EXPECT_EQ(code_of([&] { unpack_here(world, name, "to", {.max_ratio = 100, .ratio_from = 1 << 20}); }),
                  "TOO_LARGE")
            << name;
    }
    EXPECT_EQ(code_of([&] { unpack_here(world, "many.tar.gz", "to", {.max_entries = 1000}); }), "TOO_LARGE");
    EXPECT_EQ(code_of([&] { unpack_here(world, "deep.tar", "to"); }), "INVALID_REQUEST");
    EXPECT_FALSE(fs::exists(world.in("to")));
    EXPECT_EQ(world.leftovers(), 0u);
}

// A tar of one entry that is said to be 1 TiB of hole takes nothing on disk, and is refused all the same.
TEST(ArchiveUnpack, HolesCount)
{
    World world;
    const ArchiveWriter a{archive_write_new()};
    archive_write_set_format_pax(a.get());
    archive_write_open_filename(a.get(), world.in("hole.tar").c_str());
    const ArchiveEntry entry{archive_entry_new()};
    archive_entry_set_pathname(entry.get(), "hole");
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_size(entry.get(), 1LL << 40);
    archive_entry_sparse_add_entry(entry.get(), (1LL << 40) - 1, 1);
    ASSERT_EQ(archive_write_header(a.get(), entry.get()), ARCHIVE_OK) << archive_error_string(a.get());
    archive_write_data(a.get(), "x", 1);
    archive_write_close(a.get());
    ASSERT_LT(fs::file_size(world.in("hole.tar")), 1u << 20);
    EXPECT_EQ(code_of([&] { unpack_here(world, "hole.tar", "to"); }), "TOO_LARGE");
    EXPECT_EQ(world.leftovers(), 0u);
}

TEST(ArchiveUnpack, RefusesWhatIsNoArchiveOrDamaged)
{
    World world;
    fill(world);
    world.put("text.zip", "this is no archive");
    world.put("mtree", "#mtree\nf type=file contents=/etc/passwd\n");
    for (const auto& [name, format] :
         {std::pair{"a.tar.gz", ArchiveFormat::tar_gz}, {"a.zip", ArchiveFormat::zip}}) {
        pack(*world.root, {}, {path("world")}, path(name), {.format = format}, world.control);
        fs::resize_file(world.in(name), fs::file_size(world.in(name)) / 2);
    }
    for (const char* name : {"text.zip", "mtree", "empty", "a.tar.gz", "a.zip"}) {
        std::string text;
        EXPECT_EQ(code_of([&] { unpack_here(world, name, "to"); }, &text), "INVALID_REQUEST") << name;
        EXPECT_NE(text.find(name), std::string::npos) << text;
        EXPECT_FALSE(fs::exists(world.in("to"))) << name;
    }
    EXPECT_EQ(world.leftovers(), 0u);
    EXPECT_EQ(code_of([&] { unpack_here(world, "nothing.zip", "to"); }), "FILE_NOT_FOUND");
}

TEST(ArchiveUnpack, RefusesEncryptedArchives)
{
    World world;
    world.put("f", "secret");
    const auto ran = run({"sh", "-c", "cd '" + world.in("").string() + "' && zip -q -P password a.zip f"});
    if (ran.code != 0) GTEST_SKIP() << "no zip program";
    std::string text;
    EXPECT_EQ(code_of([&] { unpack_here(world, "a.zip", "to"); }, &text), "INVALID_REQUEST");
    EXPECT_NE(text.find("encrypted"), std::string::npos) << text;
}

TEST(ArchiveUnpack, DamagedBytesNeverCrashOrEscape)
{
    World world;
    fill(world);
    pack(*world.root, {}, {path("world/level.dat"), path("logs"), path("world/link")}, path("a.zip"),
         {.format = ArchiveFormat::zip}, world.control);
    pack(*world.root, {}, {path("world/level.dat"), path("logs"), path("world/link")}, path("a.tar.gz"), {},
         world.control);
    make_archive(world.in("a.7z"), "7zip", "none",
                 {{.name = "x/a", .content = "A"}, {.name = "b", .content = "B"}});
    const auto before = world.outside();
    std::mt19937 random{7};
    for (const char* name : {"a.zip", "a.tar.gz", "a.7z"}) {
        const std::string good = world.get(name);
        for (int i = 0; i < 150; ++i) {
            std::string bad = good;
            for (unsigned n = 1 + random() % 8; n > 0; --n)
                bad[random() % bad.size()] = static_cast<char>(random());
            world.put("bad", bad);
            code_of([&] { unpack_here(world, "bad", "to", {.max_bytes = 1 << 20}); });
            fs::remove_all(world.in("to"));
        }
    }
    EXPECT_EQ(world.outside(), before);
    EXPECT_EQ(world.leftovers(), 0u);
}

TEST(ArchiveCancel, LeavesNothing)
{
    World world;
    fill(world);
    for (int i = 0; i < 50; ++i) world.put("many/" + std::to_string(i), random_bytes(100'000, i));
    pack(*world.root, {}, {path("many")}, path("good.tar.gz"), {}, world.control);
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
                begin([&](Control& c) { pack(*world.root, {}, {path("many")}, path("b.tar.gz"), {}, c); }),
                "CANCELLED");
            EXPECT_EQ(begin([&](Control& c) { unpack(*world.root, path("good.tar.gz"), path("to"), {}, c); }),
                      "CANCELLED");
        }
    }
    EXPECT_FALSE(fs::exists(world.in("b.tar.gz")));
    EXPECT_FALSE(fs::exists(world.in("to")));
    EXPECT_EQ(world.leftovers(), 0u);
}

TEST(ArchivePack, TheThreadKeepsItsLocale)
{
    World world;
    fill(world);
    const std::string before = ::setlocale(LC_CTYPE, nullptr);
    const locale_t thread_before = ::uselocale(nullptr);
    pack(*world.root, {}, {path("world")}, path("a.zip"), {.format = ArchiveFormat::zip}, world.control);
    unpack_here(world, "a.zip", "to");
    EXPECT_EQ(::setlocale(LC_CTYPE, nullptr), before);
    EXPECT_EQ(::uselocale(nullptr), thread_before);
}

} // namespace
