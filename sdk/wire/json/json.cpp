#include "json.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <vector>

namespace agenthost::wire::json {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t least_capacity = 4 << 10;
constexpr std::size_t kept_capacity =
    128 << 10; // a parser grown beyond this by one big frame is given back with the next small one

// What a thread keeps between frames: the parser, a padded copy of the frame (simdjson reads past the end), the members.
class Splitter {
public:
    std::optional<std::span<const Member>> split(std::string_view frame, std::string& why);

private:
    bool make_room(std::size_t size);
    void add(std::string_view frame, const char*& at, std::string_view key, dom::element value);

    std::unique_ptr<dom::parser> parser_;
    std::unique_ptr<char[]> padded_;
    std::size_t capacity_ = 0;
    std::vector<Member> members_;
};

bool Splitter::make_room(std::size_t size)
{
    const bool too_big = capacity_ > kept_capacity && size <= kept_capacity / 2;
    if (parser_ && size <= capacity_ && !too_big) return true;
    const std::size_t capacity = std::max(least_capacity, std::bit_ceil(size));
    auto parser = std::make_unique<dom::parser>();
    if (parser->allocate(capacity, max_depth) != simdjson::SUCCESS) return false;
    padded_ = std::make_unique<char[]>(capacity + simdjson::SIMDJSON_PADDING);
    parser_ = std::move(parser);
    capacity_ = capacity;
    return true;
}

// The scanning functions below run over text that simdjson has accepted: they look for ends, not for errors. They look at eight
// bytes at a time and may read seven past the end, which is why they run over the padded copy.

constexpr std::uint64_t each(unsigned char c) { return 0x0101010101010101ull * c; }

// The high bit of the first zero byte, and perhaps of later bytes.
constexpr std::uint64_t zero_byte(std::uint64_t v) { return (v - each(0x01)) & ~v & each(0x80); }

// The first byte for which `hits` (of eight) has a high bit.
template <class Hits> const char* find(const char* at, Hits hits)
{
    for (;; at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
        if (const std::uint64_t hit = hits(word)) return at + std::countr_zero(hit) / 8;
    }
}

const char* skip_space(const char* at)
{
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') ++at;
    return at;
}

// `at` is on the opening quote; returns what follows the closing one.
const char* skip_string(const char* at)
{
    const auto quote_or_escape = [](std::uint64_t v) {
        return zero_byte(v ^ each('"')) | zero_byte(v ^ each('\\'));
    };
    for (at = find(at + 1, quote_or_escape); *at != '"'; at = find(at + 2, quote_or_escape)) {}
    return at + 1;
}

const char* skip_nested(const char* at)
{
    static_assert(('[' | 0x20) == '{' && (']' | 0x20) == '}');
    const auto bracket_or_quote = [](std::uint64_t v) {
        const std::uint64_t folded = v | each(0x20);
        return zero_byte(folded ^ each('{')) | zero_byte(folded ^ each('}')) | zero_byte(v ^ each('"'));
    };
    std::size_t depth = 0;
    do {
        at = find(at, bracket_or_quote);
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        depth += (*at++ | 0x20) == '{' ? 1 : std::size_t(-1);
    } while (depth != 0);
    return at;
}

const char* skip_scalar(const char* at)
{
    while (*at != ',' && *at != '}' && *at != ' ' && *at != '\n' && *at != '\r' && *at != '\t') ++at;
    return at;
}

Kind kind_of(dom::element value)
{
    switch (value.type()) {
    case dom::element_type::STRING: return Kind::string;
    case dom::element_type::OBJECT: return Kind::object;
    case dom::element_type::ARRAY: return Kind::array;
    case dom::element_type::BOOL: return Kind::boolean;
    case dom::element_type::NULL_VALUE: return Kind::null;
    default: return Kind::number;
    }
}

const char* skip_value(const char* at, Kind kind)
{
    switch (kind) {
    case Kind::string: return skip_string(at);
    case Kind::object:
    case Kind::array: return skip_nested(at);
    default: return skip_scalar(at);
    }
}

void Splitter::add(std::string_view frame, const char*& at, std::string_view key, dom::element value)
{
    const auto slice = [&](const char* begin, const char* end) {
        return frame.substr(static_cast<std::size_t>(begin - padded_.get()),
                            static_cast<std::size_t>(end - begin));
    };
    Member& member = members_.emplace_back();
    member.key = key;
    member.kind = kind_of(value);
    if (member.kind == Kind::string) member.text = value.get_string().value_unsafe();

    const char* const key_begin = skip_space(at + 1); // past the brace or the comma
    const char* const key_end = skip_string(key_begin);
    member.key_raw = slice(key_begin, key_end);
    const char* const value_begin = skip_space(skip_space(key_end) + 1); // past the colon
    const char* const value_end = skip_value(value_begin, member.kind);
    member.raw = slice(value_begin, value_end);
    at = skip_space(value_end);
}

// simdjson has no integers beyond 64 bits; JSON has, and ECMAScript prints 1e20 with 21 digits. Makes fractions of long ones in the
// padded copy, of the same length: members are cut from the frame itself. Says whether there were any.
bool soften_integers(char* at, const char* end)
{
    constexpr std::ptrdiff_t fits = 19; // digits of every integer that 64 bits hold
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    bool any = false;
    while (at != end) {
        if (*at == '"') {
            for (++at; at != end && *at != '"'; ++at) {
                if (*at == '\\' && at + 1 != end) ++at;
            }
            if (at != end) ++at;
        } else if (digit(*at)) {
            char* const begin = at;
            while (at != end && digit(*at)) ++at;
            const bool integer = at == end || (*at != '.' && *at != 'e' && *at != 'E');
            const bool part = begin[-1] == '.' || begin[-1] == '+' || begin[-1] == 'e' || begin[-1] == 'E';
            const bool exponent = begin[-1] == '-' && (begin[-2] == 'e' || begin[-2] == 'E');
            if (!integer || part || exponent || at - begin < fits) continue;
            at[-2] = 'e', at[-1] = '0';
            any = true;
        } else {
            ++at;
        }
    }
    return any;
}

// simdjson 3.12 (Debian 13) has an error of its own for them, BIGINT_ERROR; 3.1 (Debian 12) has no such name.
static bool may_be_large_integer(simdjson::error_code error)
{
    return error == simdjson::NUMBER_ERROR ||
           std::string_view{simdjson::error_message(error)}.starts_with("BIGINT_ERROR");
}

std::optional<std::span<const Member>> Splitter::split(std::string_view frame, std::string& why)
{
    members_.clear();
    if (frame.empty()) {
        why = "an empty frame";
        return std::nullopt;
    }
    if (frame.starts_with(
            "\xef\xbb\xbf")) { // newer simdjson skips it, and every member would be cut three bytes off
        why = "not valid JSON: it starts with a byte order mark";
        return std::nullopt;
    }
    if (!make_room(frame.size())) {
        why = "no memory to read a frame of " + std::to_string(frame.size()) + " bytes";
        return std::nullopt;
    }
    std::memcpy(padded_.get(), frame.data(), frame.size());
    std::memset(padded_.get() + frame.size(), ' ', simdjson::SIMDJSON_PADDING);

    auto parsed = parser_->parse(padded_.get(), frame.size(), false);
    if (may_be_large_integer(parsed.error()) && frame.front() == '{' &&
        soften_integers(padded_.get() + 1, padded_.get() + frame.size()))
        parsed = parser_->parse(padded_.get(), frame.size(), false);
    if (parsed.error() != simdjson::SUCCESS) { // nothing of the document is valid now
        why = std::string{"not valid JSON: "} + simdjson::error_message(parsed.error());
        return std::nullopt;
    }
    const dom::element root = parsed.value_unsafe();
    if (!root.is_object()) {
        why = "not a JSON object";
        return std::nullopt;
    }
    const char* at = skip_space(padded_.get());                   // on the opening brace
    const dom::object members = root.get_object().value_unsafe(); // a name, so that it outlives the loop
    for (const auto field : members) {
        if (members_.size() == max_members) {
            why = "more than " + std::to_string(max_members) + " keys";
            return std::nullopt;
        }
        const auto same = [&](const Member& member) { return member.key == field.key; };
        if (std::any_of(members_.begin(), members_.end(), same)) {
            why = "the same key twice";
            return std::nullopt;
        }
        add(frame, at, field.key, field.value);
    }
    return std::span<const Member>{members_};
}

} // namespace

std::optional<std::span<const Member>> split(std::string_view frame, std::string& why)
{
    static thread_local Splitter splitter;
    return splitter.split(frame, why);
}

} // namespace agenthost::wire::json
