#include "documents.hpp"

#include "charset.hpp"
#include "code_page.hpp"
#include "raster.hpp"

#include <algorithm>
#include <array>

namespace agenthost::printer {

namespace {

constexpr std::uint8_t esc = 0x1B, gs = 0x1D;
// Letters in the row of a page: enough to see whether its number is right. With the label (16 columns) and
// the euro they fit into the 32 columns of 58 mm paper.
constexpr std::size_t sample_letters = 12;
constexpr char32_t euro = 0x20AC;

// The letters of the alphabets that code pages have; what lies between is punctuation, marks and signs.
struct Letters {
    char32_t first, last;
};
constexpr std::array alphabets{// Latin
                               Letters{0xC0, 0xD6}, Letters{0xD8, 0xF6}, Letters{0xF8, 0x24F},
                               Letters{0x1E00, 0x1EFF},
                               // Greek, Cyrillic
                               Letters{0x388, 0x3CE}, Letters{0x400, 0x481}, Letters{0x48A, 0x52F},
                               // Hebrew, Arabic and its presentation forms
                               Letters{0x5D0, 0x5EA}, Letters{0x620, 0x63F}, Letters{0x641, 0x64A},
                               Letters{0x671, 0x6D3}, Letters{0xFE80, 0xFEFC},
                               // Thai, half-width katakana
                               Letters{0xE01, 0xE2E}, Letters{0xFF66, 0xFF9D}};

bool is_letter(char32_t c)
{
    return std::ranges::any_of(alphabets, [c](const Letters& a) { return c >= a.first && c <= a.last; });
}

using Buffer = std::vector<std::uint8_t>;

void add_text(Buffer& out, const std::string& text, TextOptions options, const Profile& profile,
              const GlyphSource* glyphs)
{
    options.initialize = false;
    const Composed composed = compose_text(text, options, profile, glyphs);
    out.insert(out.end(), composed.bytes.begin(), composed.bytes.end());
}

// GS ( k: model 2, size, error correction M, store, print.
void add_qr(Buffer& out, std::string_view text)
{
    text = text.substr(0, max_qr_bytes);
    const auto store = text.size() + 3;
    out.insert(out.end(), {esc, 'a', 1, gs, '(', 'k', 4,  0,   49,  65, 50, 0,  gs, '(',
                           'k', 3,   0, 49, 67,  6,   gs, '(', 'k', 3,  0,  49, 69, 49});
    out.insert(out.end(), {gs, '(', 'k', static_cast<std::uint8_t>(store & 0xFF),
                           static_cast<std::uint8_t>(store >> 8), 49, 80, 48});
    out.insert(out.end(), text.begin(), text.end());
    out.insert(out.end(), {gs, '(', 'k', 3, 0, 49, 81, 48, '\n', esc, 'a', 0});
}

// Returns the byte of the euro sign if the page has one, and letters from all of the page.
Buffer sample(const CodePage& page)
{
    Buffer letters, out;
    for (unsigned byte = 0x80; byte <= 0xFF; ++byte)
        if (const auto c = decode(page, static_cast<std::uint8_t>(byte)); c && is_letter(*c))
            letters.push_back(static_cast<std::uint8_t>(byte));
    if (const auto byte = encode(page, euro)) out.push_back(*byte);
    const std::size_t shown = std::min(sample_letters, letters.size());
    for (std::size_t i = 0; i < shown; ++i) out.push_back(letters[i * letters.size() / shown]);
    return out;
}

// Sends the bytes of the page unconverted, so that a wrong number prints wrong letters.
void add_page_row(Buffer& out, const PageNumber& page, const Profile& profile)
{
    const auto* table = find_code_page(page.charset);
    if (!table) return;
    const std::string label = std::to_string(page.number) + ' ' + page.charset + ' ';
    out.insert(out.end(), label.begin(), label.end());
    for (std::size_t i = label.size(); i < 16; ++i) out.push_back(' ');
    if (!profile.cjk.charset.empty()) out.insert(out.end(), {0x1C, '.'});
    out.insert(out.end(), {esc, 't', page.number});
    const Buffer letters = sample(*table);
    out.insert(out.end(), letters.begin(), letters.end());
    out.push_back('\n');
}

void add_pages(Buffer& out, const Profile& profile)
{
    if (profile.cjk.charset == "utf-8") return;
    for (const PageNumber& page : profile.pages) add_page_row(out, page, profile);
    out.insert(out.end(), {esc, 't', profile.default_page});
    if (!profile.cjk.charset.empty() && profile.cjk.on_at_start) out.insert(out.end(), {0x1C, '&'});
}

std::string ruler(unsigned columns)
{
    std::string text;
    for (unsigned i = 1; i <= columns; ++i) text += static_cast<char>('0' + i % 10);
    return text;
}

std::string facts(const TestPage& page, const Profile& profile)
{
    std::string text;
    const auto add = [&](std::string_view label, std::string_view value) {
        if (!value.empty()) text += std::string{label} + ": " + std::string{value} + '\n';
    };
    add("Printer", page.name);
    add("Profile", profile.name);
    add("Width", std::to_string(profile.dots) + " dots, " + std::to_string(profile.columns_a) + '/' +
                     std::to_string(profile.columns_b) + " columns");
    add("CJK", profile.cjk.charset);
    add("Agent", page.version);
    add("Time", page.time);
    return text;
}

} // namespace

std::vector<std::uint8_t> test_page(const TestPage& page, const Profile& profile, const GlyphSource* glyphs)
{
    Buffer out{esc, '@'};
    const auto text = [&](const std::string& what, const TextOptions& options) {
        add_text(out, what, options, profile, glyphs);
    };
    text(page.alias.empty() ? "Test page" : page.alias,
         {.bold = true, .width = 2, .height = 2, .align = Align::center});
    text(facts(page, profile), {});
    text(ruler(profile.columns_a), {});
    text(ruler(profile.columns_b), {.font_b = true});
    add_pages(out, profile);
    if (!profile.cjk.charset.empty()) text("中文 日本語 한국어", {});
    if (profile.qr && !page.qr.empty())
        add_qr(out, page.qr);
    else if (page.qr_picture)
        append_picture(out, *page.qr_picture, profile);
    text("", {.feed = 2, .cut = Cut::partial});
    return out;
}

Document drawer_pulse(unsigned pin, unsigned milliseconds, const Profile& profile)
{
    const auto wrong = [](const std::string& what) {
        return Document{{}, problem(code::invalid_request, what)};
    };
    if (!profile.drawer) return wrong("the profile \"" + profile.name + "\" has no connector for a drawer");
    if (pin != 2 && pin != 5) return wrong("the drawer's pin must be 2 or 5");
    if (milliseconds < 50 || milliseconds > 500) return wrong("the drawer's pulse must be from 50 to 500 ms");
    const auto on = static_cast<std::uint8_t>(milliseconds / 2);
    // Coils need a pause at least as long as the pulse.
    constexpr std::uint8_t off = 250;
    return {{esc, 'p', static_cast<std::uint8_t>(pin == 2 ? 0 : 1), on, off}, {}};
}

Document cut_paper(Cut cut, unsigned lines, const Profile& profile)
{
    if (lines > 255)
        return {{}, problem(code::invalid_request, "the feed before a cut must be from 0 to 255 lines")};
    Document out;
    if (lines > 0) out.bytes = {esc, 'd', static_cast<std::uint8_t>(lines)};
    append_cut(out.bytes, cut, profile);
    return out;
}

std::vector<std::uint8_t> marked_as_copy(std::span<const std::uint8_t> content,
                                         std::string_view original_time, const Profile& profile)
{
    Buffer out{esc, '@'};
    add_text(out, "COPY\n" + std::string{original_time.substr(0, 64)}, {.bold = true, .align = Align::center},
             profile, nullptr);
    out.insert(out.end(), content.begin(), content.end());
    return out;
}

} // namespace agenthost::printer
