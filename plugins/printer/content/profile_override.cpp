#include "charset.hpp"
#include "code_page.hpp"
#include "profile.hpp"

#include "base/suggestion.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace agenthost::printer {

namespace {

using Json = nlohmann::json;

std::string in_quotes(std::string_view text) { return '"' + std::string{text.substr(0, 64)} + '"'; }

// Each setter takes the value, or returns what it should have been ("must be a number from 1 to 100").
using Setter = std::string (*)(Profile&, const Json&);

template <class Number>
std::string number(const Json& value, Number& out, std::int64_t least, std::int64_t most)
{
    if (value.is_number_integer() && value >= least && value <= most) {
        out = static_cast<Number>(value.get<std::int64_t>());
        return {};
    }
    return "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

std::string boolean(const Json& value, bool& out)
{
    if (!value.is_boolean()) return "must be true or false";
    out = value.get<bool>();
    return {};
}

template <class Value, std::size_t n>
std::string one_of(const Json& value, Value& out,
                   const std::array<std::pair<std::string_view, Value>, n>& words)
{
    std::string list;
    std::array<std::string_view, n> known;
    for (std::size_t i = 0; i < n; ++i) {
        known[i] = words[i].first;
        if (value.is_string() && value.get_ref<const std::string&>() == words[i].first) {
            out = words[i].second;
            return {};
        }
        list += (list.empty() ? "" : ", ") + in_quotes(words[i].first);
    }
    return "must be one of " + list +
           (value.is_string() ? base::did_you_mean(value.get_ref<const std::string&>(), known)
                              : std::string{});
}

std::string set_pages(Profile& profile, const Json& value)
{
    constexpr auto shape =
        R"(must be an object of page numbers and charsets, {"0": "cp437", "16": "cp1252"})";
    if (!value.is_object() || value.empty()) return shape;
    std::vector<PageNumber> pages;
    for (const auto& [key, charset] : value.items()) {
        PageNumber page;
        const auto read = std::from_chars(key.data(), key.data() + key.size(), page.number);
        if (read.ec != std::errc{} || read.ptr != key.data() + key.size() || !charset.is_string())
            return shape;
        page.charset = canonical_charset(charset.get_ref<const std::string&>());
        if (!find_code_page(page.charset))
            return "has the unknown code page " + in_quotes(charset.get_ref<const std::string&>()) +
                   base::did_you_mean(page.charset, code_page_names());
        pages.push_back(std::move(page));
    }
    std::ranges::sort(pages, {}, &PageNumber::number);
    profile.pages = std::move(pages);
    return {};
}

std::string set_cjk_charset(Profile& profile, const Json& value)
{
    constexpr std::array<std::string_view, 7> known{"gb18030", "gbk",   "big5", "shift-jis",
                                                    "euc-kr",  "utf-8", "none"};
    const std::string name =
        value.is_string() ? canonical_charset(value.get_ref<const std::string&>()) : std::string{};
    if (name == "none") return profile.cjk = {}, std::string{};
    if (!is_cjk_charset(name))
        return R"(must be "gb18030", "gbk", "big5", "shift-jis", "euc-kr", "utf-8" or "none")" +
               base::did_you_mean(name, known);
    profile.cjk.charset = name;
    // Japanese models start with JIS codes and without Kanji mode.
    constexpr std::string_view shift_jis_codes{"\x1C\x43\x01", 3};
    profile.cjk.select = name == "shift-jis" ? shift_jis_codes : std::string_view{};
    profile.cjk.on_at_start = name != "shift-jis" && name != "utf-8";
    return {};
}

std::string set_cjk_select(Profile& profile, const Json& value)
{
    constexpr auto shape = R"(must be at most 16 bytes in hexadecimal, "1B3901")";
    if (!value.is_string()) return shape;
    const auto& hex = value.get_ref<const std::string&>();
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned byte = 0;
        const auto read = std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
        if (read.ec != std::errc{} || read.ptr != hex.data() + i + 2) return shape;
        bytes += static_cast<char>(byte);
    }
    if (hex.size() % 2 != 0 || bytes.size() > 16) return shape;
    profile.cjk.select = std::move(bytes);
    return {};
}

std::string set_cutter(Profile& profile, const Json& value)
{
    constexpr std::array<std::pair<std::string_view, unsigned>, 4> words{
        {{"none", 0}, {"partial", 1}, {"full", 2}, {"both", 3}}};
    unsigned kinds = 0;
    if (std::string wrong = one_of(value, kinds, words); !wrong.empty()) return wrong;
    profile.partial_cut = (kinds & 1) != 0;
    profile.full_cut = (kinds & 2) != 0;
    return {};
}

constexpr std::array<std::pair<std::string_view, Confirmation>, 3> confirmations{
    {{"none", Confirmation::none},
     {"status", Confirmation::status},
     {"process_id", Confirmation::process_id}}};
constexpr std::array<std::pair<std::string_view, Commit>, 3> commits{
    {{"plain", Commit::plain}, {"page", Commit::page}, {"raster", Commit::raster}}};
constexpr std::array<std::pair<std::string_view, Image>, 3> images{
    {{"none", Image::none}, {"column", Image::column}, {"raster", Image::raster}}};
constexpr std::array<std::pair<std::string_view, Barcodes>, 3> barcode_kinds{
    {{"none", Barcodes::none}, {"basic", Barcodes::basic}, {"full", Barcodes::full}}};

std::string set_no_progress(Profile& profile, const Json& value)
{
    std::int64_t seconds = 0;
    std::string wrong = number(value, seconds, 1, 3'600);
    if (wrong.empty()) profile.model.no_progress = std::chrono::seconds{seconds};
    return wrong;
}

struct Key {
    std::string_view name;
    Setter set;
};
constexpr std::int64_t mega = 1 << 20;
constexpr std::array<Key, 26> keys{{
    {"barcodes", [](Profile& p, const Json& v) { return one_of(v, p.barcodes, barcode_kinds); }},
    {"cjk_at_start", [](Profile& p, const Json& v) { return boolean(v, p.cjk.on_at_start); }},
    {"cjk_charset", set_cjk_charset},
    {"cjk_select", set_cjk_select},
    {"clear_buffer", [](Profile& p, const Json& v) { return boolean(v, p.model.clear_buffer); }},
    {"code_pages", set_pages},
    {"columns", [](Profile& p, const Json& v) { return number(v, p.columns_a, 8, 255); }},
    {"columns_b", [](Profile& p, const Json& v) { return number(v, p.columns_b, 8, 255); }},
    {"commit", [](Profile& p, const Json& v) { return one_of(v, p.model.commit, commits); }},
    {"commit_buffer",
     [](Profile& p, const Json& v) { return number(v, p.model.commit_buffer, 0, 16 * mega); }},
    {"confirmation",
     [](Profile& p, const Json& v) { return one_of(v, p.model.confirmation, confirmations); }},
    {"cutter", set_cutter},
    {"default_code_page", [](Profile& p, const Json& v) { return number(v, p.default_page, 0, 255); }},
    {"dots", [](Profile& p, const Json& v) { return number(v, p.dots, 64, 2'048); }},
    {"dpi", [](Profile& p, const Json& v) { return number(v, p.dpi, 60, 600); }},
    {"drawer", [](Profile& p, const Json& v) { return boolean(v, p.drawer); }},
    {"image", [](Profile& p, const Json& v) { return one_of(v, p.image, images); }},
    {"keep_detached", [](Profile& p, const Json& v) { return boolean(v, p.model.keep_detached); }},
    {"no_progress_seconds", set_no_progress},
    {"pacing", [](Profile& p, const Json& v) { return number(v, p.model.pacing, 0, 100 * mega); }},
    {"profile", [](Profile&, const Json&) { return std::string{}; }},
    {"qr", [](Profile& p, const Json& v) { return boolean(v, p.qr); }},
    {"raster_rows", [](Profile& p, const Json& v) { return number(v, p.model.raster_rows, 8, 2'048); }},
    {"realtime_status", [](Profile& p, const Json& v) { return boolean(v, p.model.realtime_status); }},
    {"trailing_nul", [](Profile& p, const Json& v) { return boolean(v, p.model.trailing_nul); }},
    {"zero_length_packet", [](Profile& p, const Json& v) { return boolean(v, p.model.zero_length_packet); }},
}};

Problem wrong(std::string_view where, const std::string& what)
{
    return problem(code::invalid_request, (where.empty() ? "" : std::string{where} + ": ") + what);
}

Problem unknown_key(std::string_view where, std::string_view key)
{
    std::array<std::string_view, keys.size()> known;
    std::ranges::transform(keys, known.begin(), &Key::name);
    return wrong(where, "unknown key " + in_quotes(key) + base::did_you_mean(key, known));
}

// `commit` promises something that the buffer has to hold.
Problem check(const Profile& profile, std::string_view where)
{
    if (profile.model.commit != Commit::plain && profile.model.commit_buffer == 0)
        return wrong(
            where,
            "commit needs commit_buffer, the size of this printer's buffer in bytes, which the profile " +
                in_quotes(profile.name) + " does not contain; add it, or set commit to \"plain\"");
    if (profile.model.zero_length_packet && profile.model.trailing_nul)
        return wrong(where,
                     "zero_length_packet and trailing_nul solve the same problem; set only one of them");
    return {};
}

} // namespace

ProfileOrProblem configured_profile(const Json& overrides, std::string_view detected, std::string_view where)
{
    ProfileOrProblem out{find_profile(detected).value_or(*find_profile("default")), {}};
    if (overrides.is_null()) return out;
    if (!overrides.is_object())
        return {out.profile, wrong(where, "the profile's settings must be an object")};
    if (const auto name = overrides.find("profile"); name != overrides.end()) {
        const std::string text = name->is_string() ? name->get<std::string>() : std::string{};
        const auto named = find_profile(text);
        if (!named)
            return {out.profile, wrong(where, "unknown profile " + in_quotes(text) +
                                                  base::did_you_mean(text, profile_names()))};
        out.profile = *named;
    }
    // cjk_charset sets what usually goes with it; the other cjk keys come after it whatever their order in
    // the file.
    for (const Key& key : keys) {
        if (key.name != "cjk_charset") continue;
        if (const auto value = overrides.find(key.name); value != overrides.end()) {
            if (const std::string why = key.set(out.profile, *value); !why.empty())
                return {out.profile, wrong(where, in_quotes(key.name) + ' ' + why)};
        }
    }
    for (const auto& [name, value] : overrides.items()) {
        const auto key = std::ranges::find(keys, std::string_view{name}, &Key::name);
        if (key == keys.end()) return {out.profile, unknown_key(where, name)};
        if (key->name == "cjk_charset") continue;
        if (const std::string why = key->set(out.profile, value); !why.empty())
            return {out.profile, wrong(where, in_quotes(name) + ' ' + why)};
    }
    out.problem = check(out.profile, where);
    return out;
}

} // namespace agenthost::printer
