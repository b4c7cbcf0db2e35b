#include "order.hpp"

#include "adapters.hpp"

#include "plugins/printer/content/commit.hpp"
#include "plugins/printer/render/renderer.hpp"

#include "base/base64.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::printer::service {

namespace {

using Json = nlohmann::json;

TargetOrProblem invalid(std::string what) { return {{}, problem(code::invalid_request, std::move(what))}; }

TargetOrProblem read_address(const Json& printer)
{
    const auto host = printer.value("ip", std::string{});
    std::string text = host;
    if (const auto port = printer.find("port"); port != printer.end() && port->is_number_integer()) {
        const bool v6 = host.find(':') != std::string::npos;
        text = (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port->get<std::int64_t>());
    }
    std::string why;
    TargetOrProblem out;
    out.target.address = network::parse_address(text, why);
    if (!out.target.address) return invalid("printer.ip \"" + text + "\" " + why);
    return out;
}

std::string to_string(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

Json meta_of(const TextMeta& meta)
{
    return {{"lines", meta.lines},
            {"rasterLines", meta.raster_lines},
            {"rasterCharacters", meta.raster_characters},
            {"missingGlyphs", meta.missing_glyphs},
            {"replacedCharacters", meta.replaced}};
}

Content compose(std::string_view text, const Json& params, const Profile& profile)
{
    TextOptions options;
    options.charset = params.value("charset", std::string{});
    options.feed = params.value("feed", 0U);
    const auto cut = params.value("cut", std::string{"partial"});
    options.cut = cut == "none" ? Cut::none : cut == "full" ? Cut::full : Cut::partial;
    const RenderGlyphs glyphs;
    const Composed composed = compose_text(text, options, profile, &glyphs);
    Content out;
    out.problem = composed.problem;
    out.bytes = to_string(composed.bytes);
    out.meta = {{"text", meta_of(composed.meta)}};
    return out;
}

Content refused(const char* code, std::string what)
{
    Content out;
    out.problem = problem(code, std::move(what));
    return out;
}

Bitmap bitmap_of(const render::Picture& picture)
{
    Bitmap out{static_cast<unsigned>(picture.width()), static_cast<unsigned>(picture.height())};
    for (int y = 0; y < picture.height(); ++y) {
        const auto row = picture.row(y);
        std::copy(row.begin(), row.end(),
                  out.bits.begin() + static_cast<std::ptrdiff_t>(out.row_bytes()) * y);
    }
    return out;
}

} // namespace

TargetOrProblem read_target(const Json& params)
{
    TargetOrProblem out;
    const auto found = params.find("printer");
    if (found == params.end() || found->is_null()) return out;
    if (found->is_string()) {
        out.target.text = found->get<std::string>();
        return out;
    }
    if (!found->is_object()) return invalid("printer must be an object or a text");
    if (found->contains("ip")) return read_address(*found);
    out.target.text = found->value("alias", found->value("name", std::string{}));
    out.target.wanted.serial = found->value("serial", std::string{});
    for (const auto& [key, to] : {std::pair{"vendorId", &out.target.wanted.vendor},
                                  std::pair{"productId", &out.target.wanted.product}}) {
        const auto id = found->find(key);
        if (id == found->end()) continue;
        const auto number = usb_id(*id);
        if (!number) return invalid(std::string{"printer."} + key + " is not a USB id");
        *to = *number;
    }
    if (!out.target.anything() && !found->empty())
        return invalid("printer needs vendorId and productId, ip and port, or alias");
    return out;
}

Content read_content(const Json& params, const Profile& profile, std::uint64_t max_bytes)
{
    const bool has_text = params.contains("text");
    const auto data = params.value(has_text ? "text" : "data", std::string{});
    const auto encoding = params.value("encoding", std::string{has_text ? "text" : "base64"});
    if (data.empty()) return refused(code::invalid_request, "data is missing or empty");
    Content out;
    if (has_text || encoding == "text" || encoding == "utf8" || encoding == "utf-8") {
        out = compose(data, params, profile);
    } else if (encoding != "base64") {
        return refused(code::invalid_request, "encoding \"" + encoding + "\" is neither base64 nor text");
    } else {
        if (!base::append_from_base64(out.bytes, data))
            return refused(code::invalid_request, "data is not base64");
        if (params.contains("charset")) out = compose(std::exchange(out.bytes, {}), params, profile);
    }
    if (!out.problem.code.empty()) return out;
    if (out.bytes.empty()) return refused(code::invalid_request, "data is empty");
    if (out.bytes.size() > max_bytes)
        return refused(code::too_large, "The job has " + std::to_string(out.bytes.size()) + " bytes; " +
                                            std::to_string(max_bytes) + " are allowed");
    return out;
}

Content with_commit(Content content, const Profile& profile)
{
    const Commit mode = profile.model.commit;
    if (mode == Commit::plain) return content;
    render::Options options;
    options.width = static_cast<int>(profile.dots);
    options.cut_marks = false;
    const Bytes bytes{reinterpret_cast<const std::uint8_t*>(content.bytes.data()), content.bytes.size()};
    const render::Receipt receipt = render::render(bytes, options);
    // What a picture does not show, or what it shows wrongly, is printed in plain mode.
    const bool cut_at_end = receipt.cuts.size() == 1 && receipt.cuts[0].y >= receipt.picture.height();
    if (!receipt.notes.empty() || !receipt.warnings.empty() || receipt.clipped ||
        (!receipt.cuts.empty() && !cut_at_end))
        return content;
    std::vector<std::uint8_t> tail;
    if (cut_at_end) tail = {0x1d, 'V', 66, 0};
    const Bitmap picture = bitmap_of(receipt.picture);
    const auto committed = mode == Commit::page ? commit_by_page(picture, tail, profile.model)
                                                : commit_by_raster(picture, tail, profile.model);
    if (!committed || committed->commits_at == 0) return content;
    content.bytes = to_string(committed->bytes);
    content.commit_at = committed->commits_at;
    content.meta["commit"] = mode == Commit::page ? "page" : "raster";
    return content;
}

} // namespace agenthost::printer::service
