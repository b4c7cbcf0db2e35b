#include "json_number.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace agenthost::base {
namespace {

// The shortest digits that read back as the same number: 0.DIGITS times ten to the power of `point`.
struct Shortest {
    std::array<char, 32> digits;
    int count = 0;
    int point = 0;
};

Shortest shortest(double positive)
{
    std::array<char, 40> text{};
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), positive, std::chars_format::scientific).ptr;
    Shortest out;
    const char* at = text.data();
    for (; at != end && *at != 'e'; ++at) {
        if (*at != '.') out.digits[static_cast<std::size_t>(out.count++)] = *at;
    }
    int exponent = 0;
    const char* const sign = at + 1;
    std::from_chars(*sign == '+' ? sign + 1 : sign, end, exponent);
    out.point = exponent + 1;
    return out;
}

} // namespace

void append_json_number(std::string& out, double value)
{
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    if (value == 0) {
        out += '0';
        return;
    }
    if (value < 0) out += '-';
    const Shortest s = shortest(std::fabs(value));
    const std::string_view digits{s.digits.data(), static_cast<std::size_t>(s.count)};
    const auto zeros = [&](int n) { out.append(static_cast<std::size_t>(n), '0'); };
    if (s.count <= s.point && s.point <= 21) {
        out += digits;
        zeros(s.point - s.count);
    } else if (0 < s.point && s.point <= 21) {
        out += digits.substr(0, static_cast<std::size_t>(s.point));
        out += '.';
        out += digits.substr(static_cast<std::size_t>(s.point));
    } else if (-6 < s.point && s.point <= 0) {
        out += "0.";
        zeros(-s.point);
        out += digits;
    } else {
        out += digits.front();
        if (s.count > 1) {
            out += '.';
            out += digits.substr(1);
        }
        out += s.point > 0 ? "e+" : "e-";
        out += std::to_string(std::abs(s.point - 1));
    }
}

} // namespace agenthost::base
