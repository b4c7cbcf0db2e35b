// Barcodes and two-dimensional codes. Whether they can be read is tested with zbar
// (integration/printer_receipts).
#include "rig.hpp"

#include "plugins/printer/render/code128.hpp"

using namespace agenthost::printer::render;
using namespace agenthost::printer::render::test;

namespace {

std::string barcode(char system, std::string_view data)
{
    return "\x1dk"s + system + static_cast<char>(data.size()) + std::string{data};
}

std::string widths(std::string_view data)
{
    const auto code = encode_code128(bytes(data));
    if (!code) return "none";
    std::string out;
    for (const std::uint8_t width : code->widths) out += static_cast<char>('0' + width);
    return out;
}

TEST(RenderSymbol, DrawsTheBarsOfEan8)
{
    // 7 digits; the check digit 0 is made. EAN-8 has 67 modules, 2 dots each.
    const Receipt receipt = drawn("\x1dh\x04\x1dw\x02" + barcode(68, "9638507"));
    EXPECT_EQ(lines_of(receipt), "0,0 134x4 EAN8 9638507|");
    std::string modules;
    for (int x = 0; x < 134; x += 2) modules += receipt.picture.at(x, 3) ? '1' : '0';
    EXPECT_EQ(modules, "1010001011010111101111010110111010101001110111001010001001011100101");
}

TEST(RenderSymbol, DrawsEverySystem)
{
    const std::vector<std::pair<char, std::string>> all{{65, "03600029145"},
                                                        {66, "0425261"},
                                                        {67, "400638133393"},
                                                        {68, "9638507"},
                                                        {69, "*CODE-39*"},
                                                        {70, "12345678"},
                                                        {71, "A123B"},
                                                        {72, "CODE93"},
                                                        {73, "{BCode{C\x0c"},
                                                        {74, "(01)09506000134352"},
                                                        {75, "0950600013435"},
                                                        {77, "0950600013435"},
                                                        {78, "(01)09506000134352(10)AB"},
                                                        {79, "auto 128"}};
    for (const auto& [system, data] : all) {
        const Receipt receipt = drawn("\x1dw\x02" + barcode(system, data));
        EXPECT_EQ(warnings_of(receipt), "") << data;
        EXPECT_GT(receipt.picture.height(), 160) << data;
    }
    // The old form, ended by NUL.
    EXPECT_EQ(lines_of("\x1dk\x02"
                       "400638133393\x00"s),
              "0,0 285x162 EAN13 400638133393|");
}

TEST(RenderSymbol, PrintsWhatPeopleReadBesideTheBars)
{
    EXPECT_EQ(lines_of("\x1dH\x03\x1dh\x10\x1dw\x02" + barcode(67, "400638133393")),
              "17,0 156x24 4006381333931|0,24 190x16 EAN13 400638133393|17,40 156x24 4006381333931|");
}

TEST(RenderSymbol, SaysWhyABarcodeIsNotPrinted)
{
    EXPECT_EQ(warnings_of(drawn(barcode(67, "4006x"))).substr(0, 22), "EAN13 is not printed: ");
    EXPECT_EQ(warnings_of(drawn("\x1dw\x08" + barcode(69, std::string(40, 'A')))),
              "CODE39 is not printed: it is wider than the printing area x1|");
    EXPECT_EQ(warnings_of(drawn(barcode(90, "1"))).substr(0, 24), "barcode is not printed: ");
    EXPECT_EQ(lines_of(barcode(67, "4006x")), "0,0 0x0 EAN13 4006x|");
}

TEST(RenderSymbol, EncodesCode128AsItIsTold)
{
    // Start B, 'A', stop; check value (104 + 33) mod 103 = 34.
    EXPECT_EQ(widths("{BA"), "211214"
                             "111323"
                             "131123"
                             "2331112");
    // Start C, 12, code B, 'x': 105 + 12 + 2 * 100 + 3 * 88 = 581, mod 103 = 66.
    EXPECT_EQ(widths("{C\x0c{Bx"), "211232"
                                   "112232"
                                   "114131"
                                   "421211"
                                   "121421"
                                   "2331112");
    EXPECT_EQ(widths("A"), "none");
    EXPECT_EQ(widths("{C\x64"), "none");
    EXPECT_EQ(widths("{A"), "none");
    EXPECT_EQ(widths("{Aa"), "none");
    EXPECT_EQ(widths("{B{"), "none");
    EXPECT_NE(widths("{B{{{1{S\x01"), "none");
}

TEST(RenderSymbol, DrawsMatrixCodes)
{
    const auto code = [](char kind, const std::string& settings, const std::string& data) {
        const auto size = static_cast<char>(data.size() + 3);
        return settings + "\x1d(k" + size + '\0' + kind + "P0" + data + "\x1d(k\x03\0"s + kind + "Q0";
    };
    // Version 1: 21 modules.
    EXPECT_EQ(lines_of(code('1', "\x1d(k\x03\x00\x31\x43\x04"s, "hi")), "0,0 84x84 QR hi|");
    EXPECT_EQ(lines_of(code('1', "\x1d(k\x04\x00\x31\x41\x33\x00\x1d(k\x03\x00\x31\x43\x02"s, "12")),
              "0,0 22x22 Micro QR 12|");
    EXPECT_THAT(lines_of(code('0', "", "PDF417")), testing::HasSubstr("PDF417 PDF417|"));
    EXPECT_EQ(lines_of(code('6', "\x1d(k\x03\x00\x36\x43\x03"s, "123456")), "0,0 30x30 DataMatrix 123456|");
    EXPECT_THAT(lines_of(code('5', "", "Aztec")), testing::HasSubstr("Aztec Aztec|"));
    EXPECT_EQ(warnings_of(drawn(code('9', "", "x"))), "GS ( k: symbols of kind 57 are not drawn x2|");
    EXPECT_EQ(warnings_of(drawn("\x1d(k\x03\x00\x31Q0"s)), "QR is not printed: no data x1|");
    EXPECT_EQ(lines_of("\x1bZ\x00L\x04\x02\x00hi"s), "0,0 84x84 QR hi|");
    EXPECT_EQ(lines_of(code('1', "", "a\x01\xff")), "0,0 63x63 QR a\\x01\\xff|");
}

} // namespace
