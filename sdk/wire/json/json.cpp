#include "json.hpp"

#include <simdjson.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace agenthost::wire::json {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t min_capacity = 4 << 10;
// A parser that one big frame has grown beyond this is freed with the next small frame.
constexpr std::size_t kept_capacity = 128 << 10;
// A codec holds two documents at once, a frame and the object inside it; rarely three.
constexpr std::size_t pooled_documents = 3;
// A document that holds more unescaped text than this is not pooled.
constexpr std::size_t kept_text = 32 << 10;

// What a thread needs while it parses: the parser and a padded copy of the frame (simdjson reads past the
// end).
class Splitter {
public:
    // False, and `why`: not a JSON object.
    bool split(std::string_view frame, DocumentMemory& out, std::string& why);

private:
    bool make_space(std::size_t size);
    [[nodiscard]] Member cut(std::string_view frame, const char*& at, std::string_view key,
                             dom::element value) const;

    std::unique_ptr<dom::parser> parser_;
    std::unique_ptr<char[]> padded_;
    std::size_t capacity_ = 0;
};

// The memory of documents that have ended.
class Pool {
public:
    ~Pool();
    std::unique_ptr<DocumentMemory> take();
    void put(std::unique_ptr<DocumentMemory>);

private:
    std::array<std::unique_ptr<DocumentMemory>, pooled_documents> idle_;
    std::size_t count_ = 0;
};

// A document may end after its thread's pool.
thread_local bool pool_is_gone = false;
thread_local Pool pool;

Pool::~Pool() { pool_is_gone = true; }

std::unique_ptr<DocumentMemory> Pool::take()
{
    if (count_ == 0) return std::make_unique<DocumentMemory>();
    return std::move(idle_[--count_]);
}

void Pool::put(std::unique_ptr<DocumentMemory> memory)
{
#if defined(__SANITIZE_ADDRESS__)
    return; // freed at once, so that the sanitizer sees a view that outlives its document
#endif
    if (count_ < idle_.size() && memory->unescaped.capacity() <= kept_text)
        idle_[count_++] = std::move(memory);
}

bool Splitter::make_space(std::size_t size)
{
    const bool too_big = capacity_ > kept_capacity && size <= kept_capacity / 2;
    if (parser_ && size <= capacity_ && !too_big) return true;
    const std::size_t capacity = std::max(min_capacity, std::bit_ceil(size));
    auto parser = std::make_unique<dom::parser>();
    if (parser->allocate(capacity, max_depth) != simdjson::SUCCESS) return false;
    padded_ = std::make_unique<char[]>(capacity + simdjson::SIMDJSON_PADDING);
    parser_ = std::move(parser);
    capacity_ = capacity;
    return true;
}

// The scanning functions below run over text that simdjson has accepted: they look for ends, not for errors.
// They look at a block of bytes at a time and may read past the end, which is why they run over the padded
// copy.

#if defined(__SSE2__)
// Sixteen bytes; the high bit of each byte of a result says whether it matches.
using Block = __m128i;
Block load(const char* at) { return _mm_loadu_si128(reinterpret_cast<const Block*>(at)); }
Block each(unsigned char c) { return _mm_set1_epi8(static_cast<char>(c)); }
Block fold_case(Block v) { return _mm_or_si128(v, each(0x20)); }
Block equal(Block v, unsigned char c) { return _mm_cmpeq_epi8(v, each(c)); }
Block either(Block a, Block b) { return _mm_or_si128(a, b); }
// The index of the first match; the block's size: none.
std::size_t first(Block matches)
{
    const auto bits = static_cast<unsigned>(_mm_movemask_epi8(matches));
    return bits == 0 ? sizeof(Block) : static_cast<std::size_t>(std::countr_zero(bits));
}
#else
using Block = std::uint64_t;
constexpr Block each(unsigned char c) { return 0x0101010101010101ull * c; }
Block load(const char* at)
{
    Block word = 0;
    std::memcpy(&word, at, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    return word;
}
constexpr Block fold_case(Block v) { return v | each(0x20); }
// Right up to the first match; later bytes may match by mistake.
constexpr Block equal(Block v, unsigned char c)
{
    const Block x = v ^ each(c);
    return (x - each(0x01)) & ~x & each(0x80);
}
constexpr Block either(Block a, Block b) { return a | b; }
std::size_t first(Block matches)
{
    return matches == 0 ? sizeof(Block) : static_cast<std::size_t>(std::countr_zero(matches)) / 8;
}
#endif
static_assert(sizeof(Block) <= simdjson::SIMDJSON_PADDING);

// The first byte that `matches` marks.
template <class Matches> const char* find(const char* at, Matches matches)
{
    for (;; at += sizeof(Block)) {
        if (const std::size_t i = first(matches(load(at))); i != sizeof(Block)) return at + i;
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
    const auto quote_or_escape = [](Block v) { return either(equal(v, '"'), equal(v, '\\')); };
    for (at = find(at + 1, quote_or_escape); *at != '"'; at = find(at + 2, quote_or_escape)) {}
    return at + 1;
}

// The same for a string whose text is known. Without escapes it stands there as it is, and its end need not be
// searched.
const char* skip_string(const char* at, std::string_view text)
{
    const char* const end = at + 1 + text.size();
    if (*end == '"' && std::memcmp(at + 1, text.data(), text.size()) == 0) return end + 1;
    return skip_string(at);
}

const char* skip_nested(const char* at)
{
    static_assert(('[' | 0x20) == '{' && (']' | 0x20) == '}');
    const auto bracket_or_quote = [](Block v) {
        const Block folded = fold_case(v);
        return either(either(equal(folded, '{'), equal(folded, '}')), equal(v, '"'));
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

const char* skip_value(const char* at, Kind kind, std::string_view text)
{
    switch (kind) {
    case Kind::string: return skip_string(at, text);
    case Kind::object:
    case Kind::array: return skip_nested(at);
    default: return skip_scalar(at);
    }
}

// Cuts the next member out of the padded copy: `at` is on the brace or the comma before it, and then on the
// one behind it.
Member Splitter::cut(std::string_view frame, const char*& at, std::string_view key, dom::element value) const
{
    const auto slice = [&](const char* begin, const char* end) {
        return frame.substr(static_cast<std::size_t>(begin - padded_.get()),
                            static_cast<std::size_t>(end - begin));
    };
    Member member;
    member.key = key;
    member.kind = kind_of(value);
    if (member.kind == Kind::string) member.text = value.get_string().value_unsafe();

    const char* const key_begin = skip_space(at + 1); // past the brace or the comma
    const char* const key_end = skip_string(key_begin, key);
    member.key_raw = slice(key_begin, key_end);
    const char* const value_begin = skip_space(skip_space(key_end) + 1); // past the colon
    const char* const value_end = skip_value(value_begin, member.kind, member.text);
    member.raw = slice(value_begin, value_end);
    at = skip_space(value_end);
    return member;
}

// Points key and text at the frame, or at a copy of them where the frame has them with escapes.
void take_texts(DocumentMemory& memory)
{
    const auto key_escaped = [](const Member& member) {
        return member.key.size() + 2 != member.key_raw.size();
    };
    const auto text_escaped = [](const Member& member) {
        return member.kind == Kind::string && member.escaped();
    };
    std::size_t size = 0;
    for (const Member& member : memory.members) {
        if (key_escaped(member)) size += member.key.size();
        if (text_escaped(member)) size += member.text.size();
    }
    memory.unescaped.clear();
    memory.unescaped.reserve(size); // at once, so that views into it stay
    const auto copy = [&memory](std::string_view text) {
        const std::size_t begin = memory.unescaped.size();
        memory.unescaped += text;
        return std::string_view{memory.unescaped}.substr(begin);
    };
    const auto inside = [](std::string_view quoted) { return quoted.substr(1, quoted.size() - 2); };
    for (Member& member : memory.members) {
        member.key = key_escaped(member) ? copy(member.key) : inside(member.key_raw);
        if (member.kind == Kind::string)
            member.text = text_escaped(member) ? copy(member.text) : inside(member.raw);
    }
}

// simdjson has no integers beyond 64 bits; JSON has, and ECMAScript prints 1e20 with 21 digits. Turns long
// integers of the padded copy into fractions of the same length (members are cut from the frame itself).
// Returns whether there were any.
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
bool may_be_large_integer(simdjson::error_code error)
{
    return error == simdjson::NUMBER_ERROR ||
           std::string_view{simdjson::error_message(error)}.starts_with("BIGINT_ERROR");
}

bool Splitter::split(std::string_view frame, DocumentMemory& out, std::string& why)
{
    out.members.clear();
    if (frame.empty()) {
        why = "an empty frame";
        return false;
    }
    if (frame.starts_with(
            "\xef\xbb\xbf")) { // newer simdjson skips it, and every member would be cut three bytes off
        why = "not valid JSON: it starts with a byte order mark";
        return false;
    }
    if (!make_space(frame.size())) {
        why = "no memory to read a frame of " + std::to_string(frame.size()) + " bytes";
        return false;
    }
    std::memcpy(padded_.get(), frame.data(), frame.size());
    std::memset(padded_.get() + frame.size(), ' ', simdjson::SIMDJSON_PADDING);

    auto parsed = parser_->parse(padded_.get(), frame.size(), false);
    if (may_be_large_integer(parsed.error()) && frame.front() == '{' &&
        soften_integers(padded_.get() + 1, padded_.get() + frame.size()))
        parsed = parser_->parse(padded_.get(), frame.size(), false);
    if (parsed.error() != simdjson::SUCCESS) { // nothing of the document is valid now
        why = std::string{"not valid JSON: "} + simdjson::error_message(parsed.error());
        return false;
    }
    const dom::element root = parsed.value_unsafe();
    if (!root.is_object()) {
        why = "not a JSON object";
        return false;
    }
    const char* at = skip_space(padded_.get());                   // on the opening brace
    const dom::object members = root.get_object().value_unsafe(); // a name, so that it outlives the loop
    for (const auto field : members) {
        if (out.members.size() == max_members) {
            why = "more than " + std::to_string(max_members) + " keys";
            return false;
        }
        const auto same = [&](const Member& member) { return member.key == field.key; };
        if (std::any_of(out.members.begin(), out.members.end(), same)) {
            why = "the same key twice";
            return false;
        }
        out.members.push_back(cut(frame, at, field.key, field.value));
    }
    take_texts(out);
    return true;
}

} // namespace

void Document::ReturnToPool::operator()(DocumentMemory* memory) const noexcept
{
    std::unique_ptr<DocumentMemory> owned{memory};
    if (!pool_is_gone) pool.put(std::move(owned));
}

Document split(std::string_view frame, std::string& why)
{
    static thread_local Splitter splitter;
    Document document;
    document.memory_.reset(pool.take().release());
    if (!splitter.split(frame, *document.memory_, why)) return std::nullopt;
    return document;
}

} // namespace agenthost::wire::json
