#include "json.hpp"

#include <simdjson.h>

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
    explicit Splitter(std::size_t depth = max_depth, bool drop_repeated = false)
        : depth_{depth}, drop_repeated_{drop_repeated}
    {}
    // False, and `why`: not a JSON object.
    bool split(std::string_view frame, DocumentMemory& out, std::string& why);

private:
    bool make_space(std::size_t size);

    std::size_t depth_;
    // Else a key that occurs twice is an error.
    bool drop_repeated_;
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
    if (parser->allocate(capacity, depth_) != simdjson::SUCCESS) return false;
    padded_ = std::make_unique<char[]>(capacity + simdjson::SIMDJSON_PADDING);
    parser_ = std::move(parser);
    capacity_ = capacity;
    return true;
}

// Cuts an object that simdjson has accepted into its members. simdjson has listed where each bracket, colon,
// comma, string and scalar outside of strings begins (its parser makes the list public), so nothing is
// searched for.
class Cutter {
public:
    // `text`: the padded copy that was parsed.
    Cutter(std::string_view frame, const char* text, const dom::parser& parser)
        : frame_{frame}, text_{text}, before_{parser.implementation->structural_indexes.get()}
    {}

    // Fills in key_raw and raw of the next member.
    void cut(Member& member)
    {
        const std::uint32_t* const key = before_ + 1;
        const std::uint32_t* const colon = key + 1;
        const std::uint32_t* const value = colon + 1;
        const std::uint32_t* const behind = skip_value(value);
        member.key_raw = slice(*key, *colon);
        member.raw = slice(*value, *behind);
        before_ = behind;
    }

private:
    [[nodiscard]] const std::uint32_t* skip_value(const std::uint32_t* at) const
    {
        static_assert(('[' | 0x20) == '{' && (']' | 0x20) == '}');
        std::size_t depth = 0;
        do {
            const int folded = text_[*at++] | 0x20;
            depth += folded == '{' ? 1U : 0U;
            depth -= folded == '}' ? 1U : 0U;
        } while (depth != 0);
        return at;
    }

    // Without the white space before `end`.
    [[nodiscard]] std::string_view slice(std::size_t begin, std::size_t end) const
    {
        const auto space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
        while (space(text_[end - 1])) --end;
        return frame_.substr(begin, end - begin);
    }

    std::string_view frame_;
    const char* text_;
    // The brace or comma before the next member.
    const std::uint32_t* before_;
};

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

// The text between the quotes of a string without escapes.
std::string_view inside(std::string_view quoted) { return quoted.substr(1, quoted.size() - 2); }
bool key_escaped(const Member& member) { return member.key.size() + 2 != member.key_raw.size(); }
bool text_escaped(const Member& member) { return member.kind == Kind::string && member.escaped(); }

// Copies the keys and texts with escapes, which simdjson has unescaped: `size` bytes in total.
void keep_unescaped(DocumentMemory& memory, std::size_t size)
{
    memory.unescaped.clear();
    memory.unescaped.reserve(size); // at once, so that views into it stay
    const auto copy = [&memory](std::string_view text) {
        const std::size_t begin = memory.unescaped.size();
        memory.unescaped += text;
        return std::string_view{memory.unescaped}.substr(begin);
    };
    for (Member& member : memory.members) {
        if (key_escaped(member)) member.key = copy(member.key);
        if (text_escaped(member)) member.text = copy(member.text);
    }
}

void drop_repeated_keys(std::vector<Member>& members)
{
    const std::vector<Member> all = members;
    std::erase_if(members, [&all](const Member& member) {
        const auto same = [&member](const Member& other) { return other.key == member.key; };
        return std::count_if(all.begin(), all.end(), same) > 1;
    });
}

bool take_members(Cutter cutter, const dom::object& members, bool drop_repeated, DocumentMemory& out,
                  std::string& why)
{
    std::size_t unescaped = 0;
    for (const auto field : members) {
        if (out.members.size() == max_members) {
            why = "more than " + std::to_string(max_members) + " keys";
            return false;
        }
        const auto same = [&](const Member& member) { return member.key == field.key; };
        if (!drop_repeated && std::any_of(out.members.begin(), out.members.end(), same)) {
            why = "the same key twice";
            return false;
        }
        Member& member = out.members.emplace_back();
        cutter.cut(member);
        member.kind = kind_of(field.value);
        member.key = field.key;
        if (key_escaped(member))
            unescaped += member.key.size();
        else
            member.key = inside(member.key_raw);
        if (member.kind != Kind::string) continue;
        member.text = field.value.get_string().value_unsafe();
        if (member.escaped())
            unescaped += member.text.size();
        else
            member.text = inside(member.raw);
    }
    if (drop_repeated) drop_repeated_keys(out.members);
    if (unescaped != 0) keep_unescaped(out, unescaped);
    return true;
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
    return take_members({frame, padded_.get(), *parser_}, root.get_object().value_unsafe(), drop_repeated_,
                        out, why);
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

Document salvage(std::string_view frame)
{
    static thread_local Splitter splitter{max_salvaged_depth, true};
    std::string ignored;
    Document document;
    document.memory_.reset(pool.take().release());
    if (!splitter.split(frame, *document.memory_, ignored)) return std::nullopt;
    return document;
}

} // namespace agenthost::wire::json
