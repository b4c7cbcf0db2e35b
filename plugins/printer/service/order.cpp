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

// The text of a member. Returns false if it is of another type; null and absent are the empty text.
bool read_text(const Json& object, const char* key, std::string& to)
{
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) return true;
    if (!found->is_string()) return false;
    to = found->get<std::string>();
    return true;
}

TargetOrProblem read_address(const Json& printer)
{
    std::string host, port;
    if (!read_text(printer, "ip", host))
        return invalid("printer.ip must be a text, such as \"192.168.1.50\"");
    const auto number = printer.find("port");
    if (number != printer.end() && number->is_number_integer())
        port = number->dump();
    else if (!read_text(printer, "port", port))
        return invalid("printer.port must be a number from 1 to 65535");
    const bool v6 = host.find(':') != std::string::npos;
    const std::string text = port.empty() ? host : (v6 ? "[" + host + "]" : host) + ":" + port;
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

Content compose(std::string_view text, const std::string& charset, const Json& params, const Profile& profile)
{
    TextOptions options;
    options.charset = charset;
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
    for (const auto& [key, to] : {std::pair{"name", &out.target.text}, std::pair{"alias", &out.target.text},
                                  std::pair{"serial", &out.target.wanted.serial}})
        if (!read_text(*found, key, *to)) return invalid(std::string{"printer."} + key + " must be a text");
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

// A network printer may have been forgotten since: its address makes it known again.
Target target_of(const std::string& key)
{
    constexpr std::string_view prefix{"net:"};
    Target out;
    std::string why;
    if (key.starts_with(prefix)) out.address = network::parse_address(key.substr(prefix.size()), why);
    if (!out.address) out.text = key;
    return out;
}

Problem check_settings(const Json& settings)
{
    const auto wrong = [](const std::string& what) { return problem(code::invalid_request, what); };
    if (!settings.is_object()) return wrong("updates must be an object");
    if (const auto chosen = settings.find("defaultPrinter"); chosen != settings.end()) {
        const TargetOrProblem target = read_target(Json{{"printer", *chosen}});
        if (!target.problem.code.empty()) return wrong("updates.defaultPrinter: " + target.problem.message);
    }
    const auto printers = settings.find("printers");
    if (printers == settings.end() || printers->is_null()) return {};
    if (!printers->is_array()) return wrong("updates.printers must be an array of {printer, alias, role}");
    for (std::size_t i = 0; i < printers->size(); ++i) {
        const Json& one = (*printers)[i];
        const std::string where = "updates.printers[" + std::to_string(i) + "]";
        if (!one.is_object()) return wrong(where + " must be an object: {printer, alias, role}");
        const TargetOrProblem target = read_target(one);
        if (!target.problem.code.empty()) return wrong(where + ": " + target.problem.message);
        if (!target.target.anything())
            return wrong(where + R"( names no printer. Give it, such as {"printer": {"ip": "192.168.1.50"}, )"
                                 R"("alias": "Bar"})");
        for (const char* key : {"alias", "role"}) {
            std::string name;
            if (!read_text(one, key, name) || !is_label(name))
                return wrong(where + "." + key +
                             " must be a text of at most 128 bytes without control characters");
        }
    }
    return {};
}

bool is_drawn(const Json& params, const Profile& profile)
{
    const auto encoding = params.find("encoding");
    const bool as_it_is = !params.contains("text") && !params.contains("charset") &&
                          (encoding == params.end() || *encoding == "base64");
    return !as_it_is || profile.model.commit != Commit::plain;
}

Content read_content(const Json& params, const Profile& profile, std::uint64_t max_bytes)
{
    const bool has_text = params.contains("text");
    const auto data = params.value(has_text ? "text" : "data", std::string{});
    const auto encoding = params.value("encoding", std::string{has_text ? "text" : "base64"});
    if (data.empty()) return refused(code::invalid_request, "data is missing or empty");
    Content out;
    if (has_text || encoding == "text" || encoding == "utf8" || encoding == "utf-8") {
        // A text of JSON is Unicode: a charset beside it says what the sender believes of the printer.
        out = compose(data, {}, params, profile);
    } else if (encoding != "base64") {
        return refused(code::invalid_request, "encoding \"" + encoding + "\" is neither base64 nor text");
    } else {
        if (!base::append_from_base64(out.bytes, data))
            return refused(code::invalid_request, "data is not base64");
        if (params.contains("charset"))
            out = compose(std::exchange(out.bytes, {}), params.value("charset", std::string{}), params,
                          profile);
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
    render::Options options = render_options(profile);
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
