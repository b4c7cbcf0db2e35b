#include "plugins/printer/content/code_page.hpp"
#include "plugins/printer/content/commit.hpp"
#include "plugins/printer/content/documents.hpp"
#include "plugins/printer/content/raster.hpp"

#include <gtest/gtest.h>

#include <locale.h>
#include <wctype.h>

using namespace agenthost::printer;
using namespace std::string_literals;

namespace {

using Raw = std::vector<std::uint8_t>;

Raw raw(std::string_view text) { return {text.begin(), text.end()}; }
std::string text(const Raw& bytes) { return {bytes.begin(), bytes.end()}; }

Model with_buffer(std::size_t bytes)
{
    Model model;
    model.commit_buffer = bytes;
    return model;
}

TEST(PrinterCommit, APictureInPageModeIsPrintedByTheFormFeed)
{
    Bitmap picture{2, 25};
    picture.set(0, 0);
    picture.set(1, 24);
    const auto out = commit_by_page(picture, raw("\x1DVB\0"s), with_buffer(72));
    ASSERT_TRUE(out);
    EXPECT_EQ(text(out->bytes), "\x1BL\x1BW\0\0\0\0\x08\0\x48\0\x1BT\0"
                                "\x1B"
                                "3\x18"
                                "\x1B*!\x02\0\x80\0\0\0\0\0\n"
                                "\x1B*!\x02\0\0\0\0\x80\0\0\n"
                                "\x1B"
                                "2\x0C\x1DVB\0"s);
    EXPECT_EQ(out->bytes[out->commits_at], 0x0C);
    EXPECT_EQ(out->bytes.size() - out->commits_at, 5u);
    EXPECT_FALSE(commit_by_page(picture, {}, with_buffer(71)));
    EXPECT_FALSE(commit_by_page(picture, raw("1234567"), with_buffer(72)));
    EXPECT_FALSE(commit_by_page(Bitmap{}, {}, with_buffer(72)));
    EXPECT_TRUE(commit_by_page(Bitmap{576, 1'632}, {}, with_buffer(1'000'000)));
    EXPECT_FALSE(commit_by_page(Bitmap{576, 1'633}, {}, with_buffer(1'000'000))) << "longer than a page";
}

TEST(PrinterCommit, AStoredPictureIsPrintedByItsOwnCommand)
{
    Bitmap picture{12, 2};
    picture.set(0, 0);
    picture.set(11, 1);
    const auto out = commit_by_raster(picture, raw("\x1DVB\0"s), with_buffer(4));
    ASSERT_TRUE(out);
    EXPECT_EQ(text(out->bytes), "\x1D(L\x0E\0"
                                "0p0\x01\x01"
                                "1\x0C\0\x02\0\x80\0\0\x10\x1D(L\x02\0"
                                "02\x1DVB\0"s);
    EXPECT_EQ(out->bytes.size() - out->commits_at, 11u);
    EXPECT_EQ(out->bytes[out->commits_at], 0x1D);
    EXPECT_FALSE(commit_by_raster(picture, {}, with_buffer(3)));
    EXPECT_FALSE(commit_by_raster(picture, raw("1234567"), with_buffer(4)));
    EXPECT_FALSE(commit_by_raster(Bitmap{576, 1'663}, {}, with_buffer(1'000'000)));
    EXPECT_FALSE(commit_by_raster(Bitmap{}, {}, with_buffer(4)));
}

TEST(PrinterCommit, APictureOfMoreThan64KiBIsStoredByTheLongFormOfTheCommand)
{
    const auto head_of = [](unsigned rows) {
        const auto out = commit_by_raster(Bitmap{576, rows}, {}, with_buffer(1'000'000));
        return out ? text(out->bytes).substr(0, 9) : "refused"s;
    };
    EXPECT_EQ(head_of(910), "\x1D(L\xFA\xFF"
                            "0p0\x01"s);
    EXPECT_EQ(head_of(911), "\x1D"
                            "8L\x42\0\x01\0"
                            "0p"s);
    EXPECT_EQ(head_of(1'662), "\x1D"
                              "8L\x7A\xD3\x01\0"
                              "0p"s);
}

TEST(PrinterRaster, AnImpactPrinterGetsTouchingBands)
{
    Profile simple = *find_profile("simple");
    Bitmap picture{2, 25};
    picture.set(0, 0);
    picture.set(1, 24);
    Raw out;
    ASSERT_TRUE(append_picture(out, picture, simple));
    EXPECT_EQ(text(out), "\x1B"
                         "3\x18\x1B*!\x02\0\x80\0\0\0\0\0\n\x1B*!\x02\0\0\0\0\x80\0\0\n\x1B"
                         "2"s);
    simple.image = Image::none;
    EXPECT_FALSE(append_picture(out, picture, simple));
}

TEST(PrinterDocuments, TheTestPageShowsWhoThePrinterIsAndWhatItsPagesAre)
{
    const TestPage page{
        "Küche", "usb:04b8:0e15#SN-1", "agenthost 0.1.0", "2026-11-30 12:00", "agenthost 0.1.0", {}};
    const std::string out = text(test_page(page, *find_profile("tm-t88v"), nullptr));
    EXPECT_TRUE(out.starts_with("\x1B@"));
    for (const char* part :
         {"Printer: usb:04b8:0e15#SN-1\n", "Profile: tm-t88v\n", "Width: 512 dots, 42/56 columns\n",
          "Agent: agenthost 0.1.0\n", "\x1D(k\x12", "16 cp1252       \x1Bt\x10"})
        EXPECT_NE(out.find(part), std::string::npos) << part;
    EXPECT_TRUE(out.ends_with("\x1B"
                              "d\x02\x1DVB\0"s));
    EXPECT_EQ(text(test_page(page, *find_profile("pos-58"), nullptr)).find("\x1D(k"), std::string::npos)
        << "it prints no QR code by itself";
    TestPage long_qr = page;
    long_qr.qr = std::string(100'000, 'x');
    EXPECT_LT(test_page(long_qr, *find_profile("tm-t88v"), nullptr).size(), 8'000u);
}

// What the C library takes for letters is the judge, not the plugin's own list.
TEST(PrinterDocuments, TheTestPageShowsLettersAndTheEuroOfEachCodePage)
{
    const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    ASSERT_TRUE(utf8);
    for (const std::string_view name : code_page_names()) {
        const CodePage* page = find_code_page(name);
        Profile profile = *find_profile("tm-t88v");
        profile.pages = {{7, std::string{name}}};
        const std::string out = text(test_page({}, profile, nullptr));
        const auto begin = out.find("\x1Bt\x07");
        ASSERT_NE(begin, std::string::npos) << name;
        const std::string shown = out.substr(begin + 3, out.find('\n', begin) - begin - 3);
        std::size_t letters = 0, euros = 0;
        for (const char byte : shown) {
            const auto character = decode(*page, static_cast<std::uint8_t>(byte));
            ASSERT_TRUE(character) << name;
            if (*character == U'€')
                ++euros;
            else if (::iswalpha_l(static_cast<wint_t>(*character), utf8))
                ++letters;
        }
        EXPECT_EQ(euros, encode(*page, U'€') ? 1u : 0u) << name;
        EXPECT_EQ(letters, 12u) << name;
        EXPECT_EQ(letters + euros, shown.size()) << name << ": neither a letter nor the euro";
        EXPECT_LE(16 + shown.size(), 32u) << name;
    }
    ::freelocale(utf8);
}

TEST(PrinterDocuments, TheDrawersPulseIsBounded)
{
    const Profile epson = *find_profile("tm-t88v");
    EXPECT_EQ(drawer_pulse(2, 100, epson).bytes, (Raw{0x1B, 'p', 0, 50, 250}));
    EXPECT_EQ(drawer_pulse(5, 500, epson).bytes, (Raw{0x1B, 'p', 1, 250, 250}));
    for (const Document& bad :
         {drawer_pulse(3, 100, epson), drawer_pulse(2, 49, epson), drawer_pulse(2, 501, epson),
          drawer_pulse(2, 100, *find_profile("sunmi-58"))}) {
        EXPECT_EQ(bad.problem.code, "INVALID_REQUEST");
        EXPECT_TRUE(bad.bytes.empty());
    }
    EXPECT_EQ(cut_paper(Cut::full, 3, epson).bytes, (Raw{0x1B, 'd', 3, 0x1D, 'V', 65, 0}));
    EXPECT_EQ(cut_paper(Cut::partial, 0, epson).bytes, (Raw{0x1D, 'V', 66, 0}));
    EXPECT_EQ(cut_paper(Cut::partial, 256, epson).problem.code, "INVALID_REQUEST");
}

TEST(PrinterDocuments, AReprintIsMarkedBeforeItsContent)
{
    const Raw out = marked_as_copy(raw("\x1B@Receipt\n"), "2026-11-30 12:00", *find_profile("tm-t88v"));
    EXPECT_EQ(text(out), "\x1B@\x1B"
                         "E\x01\x1B"
                         "a\x01"
                         "COPY\n2026-11-30 12:00\n\x1B"
                         "a\0\x1B"
                         "E\0\x1B@Receipt\n"s);
}

} // namespace
