// Writes one JSON value, token by token, to the end of a string.
//
//     std::string out;
//     JsonWriter json{out};
//     json.object().member("name", name).array("ids");
//     for (const int id : ids) json.value(id);
//     json.end().member("data", RawJson{data}).end();
//
//     return json_object("server", name, "attempt", 3);   // {"server":"...","attempt":3}
//
// Text is escaped, bytes that are not UTF-8 become U+FFFD, doubles are printed as ECMAScript does. The writer
// adds commas and colons, allocates nothing but the target, and always leaves valid JSON behind: the
// destructor closes open containers. Misuse (a member without a key, a key without a value, a second root)
// fails an assertion; in a release build the token is dropped. Raw slices are not validated, and duplicate
// keys are not detected.
#pragma once

#include "json_string.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace agenthost::base {

// A member's key. A literal is checked at compile time to need no escape; other text is escaped when it is
// written.
class JsonKey {
public:
    template <std::size_t size>
    consteval JsonKey(const char (&literal)[size]) : text_{literal, size - 1}, plain_{true}
    {
        for (const char c : text_) {
            if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') throw "needs an escape: pass a string_view";
        }
    }
    template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> &&
             !std::is_array_v<Text>) constexpr JsonKey(const Text& text)
        : text_{text}
    {}

    [[nodiscard]] constexpr std::string_view text() const { return text_; }
    [[nodiscard]] constexpr bool plain() const { return plain_; }

private:
    std::string_view text_;
    bool plain_ = false;
};

// One JSON value that is already text; written as it is.
struct RawJson {
    std::string_view text;
};

// Bytes, written as a string of base64.
struct Base64Json {
    std::string_view bytes;
};

class JsonWriter {
public:
    static constexpr std::size_t max_depth = 64;

    // Appends to `out`, which must not change until the writer is destroyed or the root is closed.
    explicit JsonWriter(std::string& out) : out_{out} {}
    ~JsonWriter()
    {
        if (state_ != State::done) finish();
    }
    JsonWriter(const JsonWriter&) = delete;
    JsonWriter& operator=(const JsonWriter&) = delete;

    JsonWriter& object() { return open('{'); }
    JsonWriter& array() { return open('['); }
    JsonWriter& object(const JsonKey& name) { return key(name).open('{'); }
    JsonWriter& array(const JsonKey& name) { return key(name).open('['); }
    // Closes the innermost object or array.
    JsonWriter& end();

    JsonWriter& key(const JsonKey&);
    // Text, a number, a bool, nullptr, raw JSON, base64, an optional of these (null when empty), or a
    // container of these (an array).
    template <class Value> JsonWriter& value(const Value&);
    template <class Value> JsonWriter& member(const JsonKey& name, const Value& v)
    {
        return key(name).value(v);
    }
    // A literal, appended together with its key.
    template <std::size_t size> JsonWriter& member(const JsonKey& name, const char (&literal)[size]);
    // Calls `append(std::string&)`, which appends one JSON value, or returns false and appends nothing.
    // False: nothing was written, and a key before it is removed.
    template <class Append> bool append_value(const Append& append);

    // A member that is already JSON; the key includes its quotes.
    JsonWriter& raw_member(std::string_view key, std::string_view value);
    // Members that are already JSON, such as `"a":1,"b":2`. May be empty.
    JsonWriter& raw_members(std::string_view);
    // Elements that are already JSON, such as `1,2`. May be empty.
    JsonWriter& raw_elements(std::string_view);

private:
    // The expected token. `first` and `next`: inside a container, without and with a comma; `skipping`:
    // inside a dropped one.
    enum class State : std::uint8_t { root, first, next, keyed, done, skipping };

    JsonWriter& open(char bracket);
    JsonWriter& key_checked(const JsonKey&);
    JsonWriter& text_checked(std::string_view);
    JsonWriter& token_checked(std::string_view);
    JsonWriter& text(std::string_view);
    // Written as it is; an empty token is a misuse, and written as null.
    JsonWriter& token(std::string_view);
    JsonWriter& base64(std::string_view bytes);
    JsonWriter& number(double);
    JsonWriter& whole(std::int64_t);
    JsonWriter& whole(std::uint64_t);

    bool begin_value();
    bool begin_member();
    void end_value() { state_ = depth_ == 0 ? State::done : State::next; }
    void drop_item();
    void finish();
    void skip_container();
    [[nodiscard]] bool in_object() const { return (objects_ & 1) != 0; }

    static constexpr std::size_t short_key = 60;

    std::string& out_;
    std::size_t item_ = 0;      // size of out_ where the current member or element begins
    std::uint64_t objects_ = 0; // a bit for each open container, the innermost lowest: 1 for an object
    std::size_t skipped_ = 0;   // open containers inside a dropped one
    std::uint8_t depth_ = 0;
    State state_ = State::root;
    State before_item_ = State::root;
};

inline JsonWriter& JsonWriter::key(const JsonKey& key)
{
    // Inline, so that a literal key is assembled by a few moves of known size and appended at once.
    const bool may_be_keyed = state_ == State::next || state_ == State::first;
    const std::string_view text = key.text();
    if (!may_be_keyed || !in_object() || !key.plain() || text.size() > short_key) return key_checked(key);
    char buffer[short_key + 4];
    buffer[0] = ',';
    buffer[1] = '"';
    std::memcpy(buffer + 2, text.data(), text.size());
    buffer[text.size() + 2] = '"';
    buffer[text.size() + 3] = ':';
    const std::size_t from = state_ == State::next ? 0 : 1;
    item_ = out_.size();
    before_item_ = state_;
    out_.append(buffer + from, text.size() + 4 - from);
    state_ = State::keyed;
    return *this;
}

inline JsonWriter& JsonWriter::text(std::string_view text)
{
    if (state_ != State::keyed) return text_checked(text); // nearly always the value of a member
    append_json_string(out_, text);
    state_ = State::next;
    return *this;
}

inline JsonWriter& JsonWriter::token(std::string_view text)
{
    if (state_ != State::keyed || text.empty()) return token_checked(text);
    out_ += text;
    state_ = State::next;
    return *this;
}

template <class Value> JsonWriter& JsonWriter::value(const Value& v)
{
    if constexpr (std::same_as<Value, bool>) {
        return token(v ? "true" : "false");
    } else if constexpr (std::same_as<Value, std::nullptr_t> || std::same_as<Value, std::nullopt_t>) {
        return token("null");
    } else if constexpr (std::convertible_to<const Value&, std::string_view>) {
        return text(v);
    } else if constexpr (std::floating_point<Value>) {
        return number(static_cast<double>(v));
    } else if constexpr (std::integral<Value>) {
        static_assert(!std::same_as<Value, char>, "a char is neither text nor a number");
        if constexpr (std::signed_integral<Value>) {
            return whole(static_cast<std::int64_t>(v));
        } else {
            return whole(static_cast<std::uint64_t>(v));
        }
    } else if constexpr (std::same_as<Value, RawJson>) {
        return token(v.text);
    } else if constexpr (std::same_as<Value, Base64Json>) {
        return base64(v.bytes);
    } else if constexpr (requires { v.begin() != v.end(); }) {
        array();
        for (const auto& element : v) value(element);
        return end();
    } else {
        return v ? value(*v) : token("null");
    }
}

namespace detail {

// True if none of the characters needs an escape. Without a loop, so that the compiler evaluates it for a
// literal.
template <std::size_t size, std::size_t... at>
constexpr bool plain(const char (&text)[size], std::index_sequence<at...>)
{
    return ((text[at] >= 0x20 && text[at] <= 0x7e && text[at] != '"' && text[at] != '\\') && ...);
}

} // namespace detail

template <std::size_t size>
inline JsonWriter& JsonWriter::member(const JsonKey& name, const char (&literal)[size])
{
    constexpr std::size_t short_text = 24;
    if constexpr (size <= short_text) {
        const bool may_be_keyed = state_ == State::next || state_ == State::first;
        const std::string_view key_text = name.text();
        if (may_be_keyed && in_object() && name.plain() && key_text.size() <= short_key &&
            detail::plain(literal, std::make_index_sequence<size - 1>{})) {
            char buffer[short_key + size + 5];
            buffer[0] = ',';
            buffer[1] = '"';
            std::memcpy(buffer + 2, key_text.data(), key_text.size());
            char* to = buffer + 2 + key_text.size();
            std::memcpy(to, "\":\"", 3);
            std::memcpy(to + 3, literal, size - 1);
            to[size + 2] = '"';
            const std::size_t from = state_ == State::next ? 0 : 1;
            out_.append(buffer + from, key_text.size() + size + 5 - from);
            state_ = State::next;
            return *this;
        }
    }
    return key(name).text(literal);
}

template <class Append> bool JsonWriter::append_value(const Append& append)
{
    if (!begin_value()) return false;
    if (!append(out_)) {
        drop_item();
        return false;
    }
    end_value();
    return true;
}

namespace detail {

inline void write_members(JsonWriter&) {}
template <class Value, class... Rest>
void write_members(JsonWriter& json, std::string_view name, const Value& value, const Rest&... rest)
{
    json.member(name, value);
    write_members(json, rest...);
}

} // namespace detail

// An object of keys and values in turn: json_object("name", name, "size", 3).
template <class... Members> std::string json_object(const Members&... members)
{
    static_assert(sizeof...(members) % 2 == 0, "a key has no value");
    std::string out;
    JsonWriter json{out};
    json.object();
    detail::write_members(json, members...);
    json.end();
    return out;
}

} // namespace agenthost::base
