// The renderer against arbitrary bytes: it never crashes, keeps its bounds, and draws the same however the
// job is cut. The first byte chooses the printer and the length of the pieces.
#include "tests/fuzz/promise.hpp"

#include "plugins/printer/render/png.hpp"
#include "plugins/printer/render/receipt_json.hpp"
#include "plugins/printer/render/renderer.hpp"

#include "base/utf8.hpp"

namespace {

using namespace agenthost::printer::render;
using agenthost::wire::demand;

Options printer(std::uint8_t choice)
{
    Options options;
    options.max_rows = 3'000;
    options.max_work = 10'000'000;
    options.max_lines = 500;
    options.max_text = 20'000;
    options.max_data = 20'000;
    options.max_stored = 30'000;
    options.page_height = 600;
    options.width = (choice & 1) != 0 ? 384 : 576;
    options.kanji = (choice & 2) != 0;
    options.charset = (choice & 4) != 0 ? "SHIFT_JIS" : "GB18030";
    if ((choice & 8) != 0) options.wide_font = WideFont::installed();
    return options;
}

bool same(const Picture& a, const Picture& b)
{
    if (a.width() != b.width() || a.height() != b.height()) return false;
    for (int y = 0; y < a.height(); ++y)
        if (!std::ranges::equal(a.row(y), b.row(y))) return false;
    return true;
}

void check(Bytes job, std::uint8_t choice)
{
    const Options options = printer(choice);
    const Receipt whole = render(job, options);
    demand(whole.picture.height() <= options.max_rows, "the paper ends");
    demand(whole.lines.size() <= options.max_lines, "the lines end");
    Renderer pieces{options};
    const std::size_t size = 1U + choice % 13U;
    for (Bytes rest = job; !rest.empty(); rest = rest.subspan(std::min(size, rest.size())))
        pieces.feed(rest.first(std::min(size, rest.size())));
    const Receipt cut = pieces.finish();
    demand(same(whole.picture, cut.picture), "the dots are the same however the job is cut");
    const std::string text = as_text(whole), json = as_json(whole);
    demand(text == as_text(cut) && json == as_json(cut), "the text is the same however the job is cut");
    demand(agenthost::base::utf8_valid_prefix(text) == text.size(), "the text is UTF-8");
    demand(nlohmann::json::accept(json), "the JSON is JSON");
    demand(!as_png(whole.picture).empty(), "the picture is a file");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    // A copy, so that reading past its end is found.
    const std::vector<std::uint8_t> job(data + 1, data + size);
    check(job, data[0]);
    return 0;
}
