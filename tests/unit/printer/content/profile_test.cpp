#include "plugins/printer/content/charset.hpp"
#include "plugins/printer/content/code_page.hpp"
#include "plugins/printer/content/profile.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

using namespace agenthost::printer;
using Json = nlohmann::json;

namespace {

TEST(PrinterProfiles, EachIsCompleteAndItsCodePagesAreKnown)
{
    const auto names = profile_names();
    EXPECT_TRUE(std::ranges::is_sorted(names));
    EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
    for (const std::string_view name : names) {
        SCOPED_TRACE(name);
        const auto profile = find_profile(name);
        ASSERT_TRUE(profile);
        EXPECT_EQ(profile->model.profile, name);
        EXPECT_EQ(profile->model.commit, Commit::plain)
            << "commit printing is off until an administrator turns it on";
        EXPECT_GE(profile->dots, profile->columns_a * 9);
        EXPECT_GT(profile->columns_b, profile->columns_a);
        ASSERT_FALSE(profile->pages.empty());
        EXPECT_EQ(profile->pages.front().number, profile->default_page);
        for (std::size_t i = 0; i < profile->pages.size(); ++i) {
            EXPECT_TRUE(find_code_page(profile->pages[i].charset)) << profile->pages[i].charset;
            EXPECT_EQ(canonical_charset(profile->pages[i].charset), profile->pages[i].charset);
            if (i > 0) {
                EXPECT_LT(profile->pages[i - 1].number, profile->pages[i].number);
            }
        }
        if (!profile->cjk.charset.empty()) {
            EXPECT_TRUE(is_cjk_charset(profile->cjk.charset));
        }
        // A printer that cannot be asked cannot confirm.
        if (!profile->model.realtime_status) {
            EXPECT_EQ(profile->model.confirmation, Confirmation::none);
        }
        EXPECT_GE(profile->model.raster_rows, 8u);
    }
    EXPECT_FALSE(find_profile("no such profile"));
}

TEST(PrinterProfiles, TheModelsNameDecidesBeforeTheUsbId)
{
    EXPECT_EQ(profile_for(0x04b8, 0x0202, "TM-T88V"), "tm-t88v");
    EXPECT_EQ(profile_for(0x04b8, 0x0202, "EPSON TM-T88VII"), "tm-t88vii");
    EXPECT_EQ(profile_for(0x04b8, 0x0202, "TM-T88III"), "tm-t88iii");
    EXPECT_EQ(profile_for(0x04b8, 0x0e15, ""), "tm-t20ii");
    EXPECT_EQ(profile_for(0x04b8, 0x0202, ""), "epson")
        << "many models share this id: only what they have in common";
    EXPECT_EQ(profile_for(0x0fe6, 0x811e, ""), "pos-80");
    EXPECT_EQ(profile_for(0x0fe6, 0x811e, "Rongta RP326"), "rongta-rp326");
    EXPECT_EQ(profile_for(0x0416, 0x5011, ""), "pos-58");
    EXPECT_EQ(profile_for(0x6868, 0x0200, ""), "pos-58");
    EXPECT_EQ(profile_for(0x1fc9, 0x2016, "Printer-80"), "xprinter-80");
    EXPECT_EQ(profile_for(0x1234, 0x5678, "\xff\xfe"), "default");
    for (unsigned vendor = 0; vendor < 0x10000; vendor += 7)
        ASSERT_TRUE(find_profile(profile_for(static_cast<std::uint16_t>(vendor), 1, "")));
}

TEST(PrinterProfiles, OnlyModelsThatHaveItPromiseProof)
{
    for (const char* name : {"tm-t88iii", "tm-t88ii", "tm-u220", "default", "pos-80"})
        EXPECT_NE(find_profile(name)->model.confirmation, Confirmation::process_id) << name;
    for (const char* name : {"tm-t88v", "tm-t20iii", "tm-l90"})
        EXPECT_EQ(find_profile(name)->model.confirmation, Confirmation::process_id) << name;
}

std::string message(const std::string& text)
{
    const auto out = configured_profile(Json::parse(text), "tm-t88v", "devices[0]");
    EXPECT_EQ(out.problem.code, "INVALID_REQUEST") << text;
    std::string what = out.problem.message;
    const std::string remedy = ' ' + std::string{remedy_of(code::invalid_request)};
    EXPECT_TRUE(what.ends_with(remedy)) << what;
    what.resize(what.size() - std::min(what.size(), remedy.size()));
    if (what.ends_with('.')) what.pop_back();
    return what;
}

TEST(PrinterProfileSettings, EachValueOverridesTheProfile)
{
    const auto out = configured_profile(
        Json::parse(
            R"({"profile": "pos-80", "columns": 42, "code_pages": {"16": "Windows-1252", "0": "IBM437"},
        "default_code_page": 16, "cjk_select": "1B3900", "cjk_charset": "GBK", "cjk_at_start": false, "cutter": "partial", "commit": "page",
        "commit_buffer": 65536, "confirmation": "process_id", "no_progress_seconds": 30, "image": "none",
        "raster_rows": 24, "zero_length_packet": true, "pacing": 10000, "qr": false, "barcodes": "basic"})"),
        "tm-t88v", "devices[0]");
    ASSERT_EQ(out.problem.code, "") << out.problem.message;
    const Profile& p = out.profile;
    EXPECT_EQ(p.name, "pos-80");
    EXPECT_EQ(p.columns_a, 42u);
    EXPECT_EQ(p.pages, (std::vector<PageNumber>{{0, "cp437"}, {16, "cp1252"}}));
    EXPECT_EQ(p.default_page, 16);
    EXPECT_EQ(p.cjk, (Cjk{"gbk", {"\x1B\x39\x00", 3}, false}));
    EXPECT_TRUE(p.partial_cut && !p.full_cut && !p.qr);
    EXPECT_EQ(p.model.commit, Commit::page);
    EXPECT_EQ(p.model.commit_buffer, 65'536u);
    EXPECT_EQ(p.model.confirmation, Confirmation::process_id);
    EXPECT_EQ(p.model.no_progress, std::chrono::seconds{30});
    EXPECT_EQ(p.image, Image::none);
    EXPECT_EQ(p.model.raster_rows, 24u);
    EXPECT_TRUE(p.model.zero_length_packet);
    EXPECT_EQ(p.model.pacing, 10'000u);
    EXPECT_EQ(p.barcodes, Barcodes::basic);
    EXPECT_EQ(configured_profile(Json{}, "tm-t88v", "").profile.name, "tm-t88v");
    EXPECT_EQ(configured_profile(Json::object(), "tm-t88v", "").problem.code, "");
}

TEST(PrinterProfileSettings, AMistakeIsNamedWithWhatWasProbablyMeant)
{
    EXPECT_EQ(message(R"({"colums": 42})"), R"(devices[0]: unknown key "colums"; did you mean "columns"?)");
    EXPECT_EQ(message(R"({"profile": "tm-t88w"})"),
              R"(devices[0]: unknown profile "tm-t88w"; did you mean "tm-t88v"?)");
    EXPECT_EQ(message(R"({"columns": "42"})"),
              R"(devices[0]: "columns" must be a whole number from 8 to 255)");
    EXPECT_EQ(message(R"({"columns": 7})"), R"(devices[0]: "columns" must be a whole number from 8 to 255)");
    EXPECT_EQ(message(R"({"columns": 18446744073709551615})"),
              R"(devices[0]: "columns" must be a whole number from 8 to 255)");
    EXPECT_EQ(message(R"({"commit": "pages"})"),
              R"(devices[0]: "commit" must be one of "plain", "page", "raster"; did you mean "page"?)");
    EXPECT_EQ(message(R"({"qr": 1})"), R"(devices[0]: "qr" must be true or false)");
    EXPECT_EQ(message(R"({"code_pages": {"16": "cp1253x"}})"),
              R"(devices[0]: "code_pages" has the unknown code page "cp1253x"; did you mean "cp1253"?)");
    EXPECT_TRUE(message(R"({"code_pages": {"256": "cp1252"}})")
                    .starts_with("devices[0]: \"code_pages\" must be an object"));
    EXPECT_TRUE(message(R"({"code_pages": {}})").starts_with("devices[0]: \"code_pages\" must be an object"));
    EXPECT_TRUE(message(R"({"cjk_charset": "klingon"})")
                    .starts_with("devices[0]: \"cjk_charset\" must be \"gb18030\""));
    for (const char* hex : {"1", "zz", "1B3", "0102030405060708090a0b0c0d0e0f1011"})
        EXPECT_TRUE(message(Json{{"cjk_select", hex}}.dump())
                        .starts_with("devices[0]: \"cjk_select\" must be at most 16 bytes"))
            << hex;
    EXPECT_EQ(message("[1]"), "devices[0]: the profile's settings must be an object");
    EXPECT_TRUE(message(R"({"profile": "pos-58", "commit": "page"})")
                    .starts_with("devices[0]: commit needs commit_buffer"));
    EXPECT_TRUE(message(R"({"trailing_nul": true, "zero_length_packet": true})")
                    .starts_with("devices[0]: zero_length_packet and"));
}

TEST(PrinterCharsets, OneNameForEachHoweverItIsSpelled)
{
    for (const auto& [name, canonical] :
         std::initializer_list<std::pair<const char*, const char*>>{{"IBM437", "cp437"},
                                                                    {"pc437", "cp437"},
                                                                    {"437", "cp437"},
                                                                    {"Windows-1252", "cp1252"},
                                                                    {"win1251", "cp1251"},
                                                                    {"ISO_8859-15", "iso8859-15"},
                                                                    {"latin9", "iso8859-15"},
                                                                    {"Shift_JIS", "shift-jis"},
                                                                    {"CP932", "shift-jis"},
                                                                    {"MS936", "gbk"},
                                                                    {"gb2312", "gbk"},
                                                                    {"GB18030", "gb18030"},
                                                                    {"Big5", "big5"},
                                                                    {"EUC-KR", "euc-kr"},
                                                                    {"utf8", "utf-8"},
                                                                    {"TIS-620", "cp874"},
                                                                    {"", ""},
                                                                    {"Klingon", "klingon"}})
        EXPECT_EQ(canonical_charset(name), canonical) << name;
}

TEST(PrinterCharsets, EveryPageReadsBackWhatItWrites)
{
    for (const std::string_view name : code_page_names()) {
        const auto* page = find_code_page(name);
        ASSERT_TRUE(page) << name;
        EXPECT_EQ(canonical_charset(name), name);
        std::size_t letters = 0;
        for (unsigned byte = 0x80; byte < 0x100; ++byte) {
            const auto c = decode(*page, static_cast<std::uint8_t>(byte));
            if (!c) continue;
            ++letters;
            const auto back = encode(*page, *c);
            ASSERT_TRUE(back);
            EXPECT_EQ(decode(*page, *back), c);
        }
        EXPECT_GE(letters, 40u) << name;
        EXPECT_FALSE(encode(*page, 0x1B));
    }
    EXPECT_EQ(encode(*find_code_page("cp858"), U'€'), 0xD5);
    EXPECT_EQ(encode(*find_code_page("cp863"), U'€'), std::nullopt) << "CP863 has no euro";
    EXPECT_EQ(encode(*find_code_page("katakana"), U'ｱ'), 0xB1);
}

TEST(PrinterCharsets, TextIsReadAsItsSenderSays)
{
    EXPECT_EQ(to_unicode("caf\xe9", "iso-8859-1").text, U"café");
    EXPECT_EQ(to_unicode("caf\x82", "cp437").text, U"café");
    EXPECT_EQ(to_unicode("\xd6\xd0\xce\xc4", "gb18030").text, U"中文");
    EXPECT_EQ(to_unicode("\x93\xfa\x96\x7b", "Shift_JIS").text, U"日本");
    EXPECT_EQ(to_unicode("\xb1\xb9", "euc-kr").text, U"국");
    EXPECT_EQ(to_unicode("\xa4\xa4\xa4\xe5", "big5").text, U"中文");
    EXPECT_EQ(to_unicode("\xef\xbb\xbf"
                         "a",
                         "")
                  .text,
              U"a");
    EXPECT_EQ(to_unicode(std::string_view{"a\0b\0", 4}, "utf-16le").text, U"ab");
    const std::string long_text(5'000, 'x');
    EXPECT_EQ(to_unicode(long_text, "gbk").text.size(), 5'000u);
}

TEST(PrinterCharsets, AWrongByteIsNamedByItsPosition)
{
    const auto problem_of = [](std::string_view bytes, std::string_view charset) {
        return to_unicode(bytes, charset).problem;
    };
    EXPECT_TRUE(
        problem_of("abc\xff", "").message.starts_with("the text is not valid UTF-8 at byte 3 (0xFF)"));
    EXPECT_TRUE(problem_of("ab\xd6", "GB18030")
                    .message.starts_with("the text is not valid GB18030 at byte 2 (0xD6)"));
    EXPECT_TRUE(
        problem_of("a\x81", "cp1252").message.starts_with("the text is not valid cp1252 at byte 1 (0x81)"));
    EXPECT_TRUE(
        problem_of("a\x81", "ascii").message.starts_with("the text is not valid ASCII at byte 1 (0x81)"));
    EXPECT_EQ(problem_of("a", "utf-7").code, "CHARSET_UNSUPPORTED");
    EXPECT_EQ(problem_of("a", "UTF-8//TRANSLIT").code, "CHARSET_UNSUPPORTED");
    EXPECT_EQ(problem_of("a", "iso-2022-cn-ext").code, "CHARSET_UNSUPPORTED")
        << "only charsets of the list reach iconv";
}

} // namespace
