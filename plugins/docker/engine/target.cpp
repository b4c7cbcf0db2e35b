#include "target.hpp"

#include <algorithm>
#include <cstdio>

namespace agenthost::docker::engine {

namespace {

constexpr std::size_t max_container_name = 128;
constexpr std::size_t max_image_name = 512;

bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool in(char c, std::string_view others) { return others.find(c) != std::string_view::npos; }

void encode(std::string& out, std::string_view text, std::string_view also_plain)
{
    static constexpr char hex[] = "0123456789ABCDEF";
    for (const char c : text) {
        if (letter_or_digit(c) || in(c, "-._~") || in(c, also_plain)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            ((out += '%') += hex[byte >> 4]) += hex[byte & 15];
        }
    }
}

} // namespace

bool is_container_name(std::string_view name)
{
    return !name.empty() && name.size() <= max_container_name && letter_or_digit(name.front()) &&
           std::all_of(name.begin(), name.end(), [](char c) { return letter_or_digit(c) || in(c, "_.-"); });
}

bool is_image_name(std::string_view name)
{
    if (name.empty() || name.size() > max_image_name) return false;
    for (std::size_t at = 0; at <= name.size();) {
        const auto slash = std::min(name.find('/', at), name.size());
        const auto segment = name.substr(at, slash - at);
        if (segment.empty() || segment == "." || segment == "..") return false;
        at = slash + 1;
    }
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return letter_or_digit(c) || in(c, "_.-/:@+"); });
}

bool is_signal(std::string_view name)
{
    return !name.empty() && name.size() <= 16 &&
           std::all_of(name.begin(), name.end(), [](char c) { return letter_or_digit(c) || in(c, "+-"); });
}

Target& Target::segment(std::string_view text)
{
    encode(text_, text, {});
    return *this;
}

Target& Target::image(std::string_view text)
{
    encode(text_, text, "/:@");
    return *this;
}

Target& Target::query(std::string_view key, std::string_view value)
{
    text_ += has_query_ ? '&' : '?';
    has_query_ = true;
    encode(text_, key, {});
    text_ += '=';
    encode(text_, value, {});
    return *this;
}

std::string engine_time(std::int64_t ns)
{
    constexpr std::int64_t second = 1'000'000'000;
    ns = std::max<std::int64_t>(ns, 0);
    char text[40];
    std::snprintf(text, sizeof text, "%lld.%09lld", static_cast<long long>(ns / second),
                  static_cast<long long>(ns % second));
    return text;
}

} // namespace agenthost::docker::engine
