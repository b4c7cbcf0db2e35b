// What encoders meant is what the renderer draws: each text line at its place, each code readable by zbar.
#include "plugins/printer/render/png.hpp"
#include "plugins/printer/render/renderer.hpp"

#include "base/hash.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <map>

using namespace agenthost::printer::render;
using agenthost::test::read_file;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

fs::path here() { return agenthost::test::source_dir() / "tests/integration/printer_receipts"; }

const json& receipts()
{
    static const json all = json::parse(read_file(here() / "receipts.json"));
    return all;
}

Receipt drawn(const json& meant)
{
    const std::string job = read_file(here() / "receipts" / (meant["name"].get<std::string>() + ".bin"));
    EXPECT_FALSE(job.empty());
    Options options;
    options.width = meant["width"];
    options.charset = meant["charset"];
    // So that the dots do not depend on what is installed.
    options.wide_font = nullptr;
    return render({reinterpret_cast<const std::uint8_t*>(job.data()), job.size()}, options);
}

// Columns that text takes: East Asian characters have two.
int columns_of(std::string_view utf8)
{
    int columns = 0;
    for (const char c : utf8) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xc0U) != 0x80) columns += byte >= 0xe3 && byte <= 0xed ? 2 : 1;
    }
    return columns;
}

// Whether `piece` is on this line with its first character at its x, within half a column.
bool has_piece(const TextLine& line, const json& piece)
{
    const std::string text = piece["text"];
    const int dot = piece["dot"], x = piece["x"];
    for (std::size_t at = line.text.find(text); at != std::string::npos; at = line.text.find(text, at + 1)) {
        const int found = line.where.x + columns_of(std::string_view{line.text}.substr(0, at)) * dot;
        if (std::abs(found - x) <= dot / 2) return true;
    }
    return false;
}

std::string listed(const Receipt& receipt)
{
    std::string out = as_text(receipt);
    for (const TextLine& line : receipt.lines)
        out += std::to_string(line.where.x) + ',' + std::to_string(line.where.y) + ' ' + line.text + '\n';
    return out;
}

class Receipts : public testing::TestWithParam<std::size_t> {
protected:
    const json& meant = receipts()[GetParam()];
    Receipt receipt = drawn(meant);
};

TEST_P(Receipts, HaveEachTextLineAtItsPlace)
{
    auto next = receipt.lines.begin();
    int y = -1;
    for (const json& row : meant["lines"]) {
        const auto has_all = [&](const TextLine& line) {
            return line.kind == TextLine::Kind::text &&
                   std::ranges::all_of(row, [&](const json& piece) { return has_piece(line, piece); });
        };
        next = std::find_if(next, receipt.lines.end(), has_all);
        ASSERT_NE(next, receipt.lines.end()) << row << "\nis not on\n" << listed(receipt);
        EXPECT_GT(next->where.y, y) << row;
        y = next->where.y;
        ++next;
    }
}

TEST_P(Receipts, HaveNothingThatIsUnknownOrClipped)
{
    // The font of the machine draws them; without it they are boxes.
    std::erase_if(receipt.warnings,
                  [](const Warning& w) { return w.text.starts_with("no font has a character"); });
    EXPECT_TRUE(receipt.warnings.empty()) << listed(receipt);
    EXPECT_FALSE(receipt.clipped);
}

TEST_P(Receipts, HaveTheirSymbolsImagesCutsAndPulses)
{
    const auto count = [&](TextLine::Kind kind) {
        return std::ranges::count(receipt.lines, kind, &TextLine::kind);
    };
    EXPECT_EQ(receipt.cuts.size(), meant["cuts"].get<std::size_t>());
    EXPECT_EQ(std::ranges::count(receipt.notes, Note::Kind::drawer, &Note::kind),
              meant["drawers"].get<int>());
    EXPECT_EQ(count(TextLine::Kind::image), meant["images"].get<int>()) << listed(receipt);
    auto line = receipt.lines.begin();
    for (const json& symbol : meant["symbols"]) {
        if (!symbol.contains("symbology")) continue; // drawn as an image by the encoder
        line = std::ranges::find(line, receipt.lines.end(), TextLine::Kind::symbol, &TextLine::kind);
        ASSERT_NE(line, receipt.lines.end()) << symbol;
        EXPECT_EQ(line->symbology, symbol["symbology"].get<std::string>());
        // The printer makes the check digit where the encoder did not.
        EXPECT_THAT(symbol["text"].get<std::string>(), testing::StartsWith(line->text));
        EXPECT_LE(symbol["text"].get<std::string>().size(), line->text.size() + 1);
        ++line;
    }
}

TEST_P(Receipts, HaveCodesThatAScannerReads)
{
    const bool scanned =
        std::ranges::any_of(meant["symbols"], [](const json& s) { return s.contains("zbar"); });
    if (!scanned) return;
    const agenthost::test::TempDir dir;
    const std::vector<std::uint8_t> png = as_png(receipt.picture);
    agenthost::test::write_file(dir / "receipt.png", {reinterpret_cast<const char*>(png.data()), png.size()});
    const auto ran = agenthost::test::run({"zbarimg", "--quiet", "--nodbus", (dir / "receipt.png").string()});
    for (const json& symbol : meant["symbols"]) {
        if (!symbol.contains("zbar")) continue;
        const std::string line = symbol["zbar"].get<std::string>() + ':' +
                                 symbol.value("read", symbol["text"].get<std::string>()) + '\n';
        EXPECT_THAT(ran.out, testing::HasSubstr(line)) << ran.err << listed(receipt);
    }
}

std::map<std::string, std::string> goldens()
{
    std::map<std::string, std::string> all;
    std::ifstream file{here() / "goldens.txt"};
    for (std::string hash, name; file >> hash >> name;) all[name] = hash;
    return all;
}

TEST_P(Receipts, HaveTheSameDotsAsBefore)
{
    if (!meant["symbols"].empty()) return;
    std::string dots = std::to_string(receipt.picture.width()) + ' ';
    for (int y = 0; y < receipt.picture.height(); ++y) {
        const auto row = receipt.picture.row(y);
        dots.append(reinterpret_cast<const char*>(row.data()), row.size());
    }
    const std::string name = meant["name"], hash = agenthost::base::hex(agenthost::base::sha256(dots));
    EXPECT_EQ(goldens()[name], hash) << "goldens.txt: " << hash << ' ' << name;
}

INSTANTIATE_TEST_SUITE_P(All, Receipts, testing::Range<std::size_t>(0, receipts().size()),
                         [](const auto& info) {
                             return receipts()[info.param]["name"].template get<std::string>();
                         });

TEST(ReceiptFiles, AreAtLeastForty) { EXPECT_GE(receipts().size(), 40U); }

} // namespace
