// Text, settings and jobs for printers, arbitrary bytes. First byte: what the rest is ('p': the settings of a profile as JSON, 'c': a job to be
// committed, else text; its value selects profile, charset and style). Never crashes; what comes out is bounded; no control
// character of the text reaches the printer; a picture that is committed is whole.
#include "tests/fuzz/promise.hpp"

#include "plugins/printer/content/commit.hpp"
#include "plugins/printer/content/documents.hpp"
#include "plugins/printer/content/text_cells.hpp"

#include <algorithm>
#include <array>

using namespace agenthost::printer;
using agenthost::wire::demand;

namespace {

class Boxes : public GlyphSource {
public:
    [[nodiscard]] std::optional<Bitmap> glyph(char32_t character, unsigned width,
                                              unsigned height) const override
    {
        if (character % 3 == 0) return std::nullopt;
        return Bitmap{width + character % 2, height};
    }
};

void read_settings(std::string_view rest)
{
    const auto json = nlohmann::json::parse(rest, nullptr, false);
    if (json.is_discarded()) return;
    const auto out = configured_profile(json, "tm-t88v", "devices[0]");
    demand(out.problem.code.empty() == out.problem.message.empty(), "a problem has a code and a message");
    demand(out.problem.message.size() < 1'000, "a message is bounded");
    if (!out.problem.code.empty()) return;
    demand(compose_text("a\xC3\xA9\xE4\xB8\xAD", {}, out.profile, nullptr).problem.code.empty(),
           "a profile prints text");
    test_page({"a", "b", "c", "d", "e", {}}, out.profile, nullptr);
}

void commit(std::string_view rest)
{
    if (rest.size() < 6) return;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
    Bitmap picture{byte(1) * 4U, byte(2) * 8U + byte(3)};
    const std::size_t given = std::min(picture.bits.size(), rest.size() - 6);
    std::copy_n(rest.begin() + 6, given, picture.bits.begin());
    const std::vector<std::uint8_t> tail(byte(4) % 8U, 'V');
    Model model;
    model.commit_buffer = byte(5) * 512U;
    const auto out =
        byte(0) % 2 == 0 ? commit_by_page(picture, tail, model) : commit_by_raster(picture, tail, model);
    if (!out) return;
    demand(out->commits_at < out->bytes.size() && out->bytes.size() - out->commits_at <= max_commit_tail,
           "the last bytes commit");
    demand(out->bytes.size() * 8 >= picture.width * picture.height, "a committed picture is whole");
}

void compose(std::string_view rest, unsigned select)
{
    static constexpr std::array<const char*, 8> charsets{"",       "gb18030", "shift-jis", "cp437",
                                                         "euc-kr", "big5",    "utf-16le",  "koi8-r"};
    const auto names = profile_names();
    const Profile profile = *find_profile(names[select % names.size()]);
    const TextOptions options{.charset = charsets[select / 2 % charsets.size()],
                              .font_b = select % 3 == 0,
                              .bold = select % 5 == 0,
                              .width = 1 + select % 8,
                              .height = 1 + select / 8 % 8,
                              .words = select % 2 == 0};
    const Boxes boxes;
    const Composed out = compose_text(rest, options, profile, select % 7 == 0 ? nullptr : &boxes);
    demand(out.problem.code.empty() || out.bytes.empty(), "a refused text has no bytes");
    demand(out.bytes.size() <= max_composed_bytes + 1024 * 1024, "what is printed is bounded");
    if (!out.problem.code.empty()) return;
    const Composed again = compose_text(rest, options, profile, select % 7 == 0 ? nullptr : &boxes);
    demand(again.bytes == out.bytes && again.meta == out.meta, "the same text is the same job");
    Repertoire repertoire{profile};
    std::size_t dropped = 0;
    const LineRules rules{2 + select % 40, 8, options.words};
    for (const Cells& line :
         break_lines(to_unicode(rest, options.charset).text, rules, repertoire, dropped)) {
        demand(width_of(line) <= rules.columns, "a line has at most its columns");
        for (const Cell& cell : line)
            demand(cell.character >= 0x20 && cell.character != 0x7F, "no control is printed");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const std::string rest{reinterpret_cast<const char*>(data + 1), size - 1};
    if (data[0] == 'p')
        read_settings(rest);
    else if (data[0] == 'c')
        commit(rest);
    else
        compose(rest, data[0]);
    return 0;
}
