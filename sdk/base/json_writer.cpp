#include "json_writer.hpp"

#include "base64.hpp"
#include "json_number.hpp"

#include <array>
#include <cassert>
#include <charconv>

namespace agenthost::base {

// Closes what is open.
void JsonWriter::finish()
{
    if (state_ == State::keyed) drop_item();
    if (state_ == State::skipping) state_ = before_item_;
    skipped_ = 0;
    while (depth_ > 0) end();
    if (state_ == State::root) out_ += "null";
}

// Removes the current member or element.
void JsonWriter::drop_item()
{
    out_.resize(item_);
    state_ = before_item_;
}

// Writes the comma of an element. False: nothing may be written here.
bool JsonWriter::begin_value()
{
    if (state_ == State::skipping) return false;
    if (state_ == State::keyed) return true;
    assert(state_ != State::done && "JSON: a second root");
    assert(!in_object() && "JSON: a member without a key");
    if (state_ == State::done || in_object()) return false;
    item_ = out_.size();
    before_item_ = state_;
    if (state_ == State::next) out_ += ',';
    return true;
}

// Drops a container that must not be opened, and everything written into it.
void JsonWriter::skip_container()
{
    if (state_ != State::skipping) before_item_ = state_;
    state_ = State::skipping;
    ++skipped_;
}

JsonWriter& JsonWriter::open(char bracket)
{
    if (!begin_value()) {
        skip_container();
        return *this;
    }
    assert(depth_ < max_depth && "JSON: nested too deep");
    if (depth_ == max_depth) {
        drop_item();
        skip_container();
        return *this;
    }
    out_ += bracket;
    objects_ = objects_ << 1 | (bracket == '{' ? 1U : 0U);
    ++depth_;
    state_ = State::first;
    return *this;
}

JsonWriter& JsonWriter::end()
{
    if (state_ == State::skipping) {
        if (--skipped_ == 0) state_ = before_item_;
        return *this;
    }
    assert(depth_ > 0 && "JSON: nothing to close");
    assert(state_ != State::keyed && "JSON: a key without a value");
    if (depth_ == 0) return *this;
    if (state_ == State::keyed) drop_item();
    out_ += in_object() ? '}' : ']';
    objects_ >>= 1;
    --depth_;
    end_value();
    return *this;
}

JsonWriter& JsonWriter::key_checked(const JsonKey& key)
{
    if (state_ == State::skipping) return *this;
    assert(state_ != State::keyed && "JSON: a key without a value");
    assert(in_object() && "JSON: a key outside an object");
    if (state_ == State::keyed) drop_item();
    if (!in_object()) return *this;
    item_ = out_.size();
    before_item_ = state_;
    if (state_ == State::next) out_ += ',';
    append_json_string(out_, key.text());
    out_ += ':';
    state_ = State::keyed;
    return *this;
}

// Writes the comma of members that include their keys. False: nothing may be written here.
bool JsonWriter::begin_member()
{
    if (state_ == State::skipping) return false;
    assert(state_ != State::keyed && "JSON: a key without a value");
    assert(in_object() && "JSON: a key outside an object");
    if (state_ == State::keyed) drop_item();
    if (!in_object()) return false;
    item_ = out_.size();
    before_item_ = state_;
    if (state_ == State::next) out_ += ',';
    state_ = State::next;
    return true;
}

JsonWriter& JsonWriter::raw_member(std::string_view key, std::string_view value)
{
    if (!begin_member()) return *this;
    out_ += key;
    out_ += ':';
    out_ += value.empty() ? "null" : value;
    return *this;
}

JsonWriter& JsonWriter::raw_members(std::string_view members)
{
    if (!members.empty() && begin_member()) out_ += members;
    return *this;
}

JsonWriter& JsonWriter::raw_elements(std::string_view elements)
{
    return elements.empty() ? *this : token(elements);
}

JsonWriter& JsonWriter::base64(std::string_view bytes)
{
    if (begin_value()) {
        out_ += '"';
        append_base64(out_, bytes);
        out_ += '"';
        end_value();
    }
    return *this;
}

JsonWriter& JsonWriter::token_checked(std::string_view text)
{
    assert(!text.empty() && "JSON: an empty token");
    if (text.empty()) text = "null";
    if (begin_value()) {
        out_ += text;
        end_value();
    }
    return *this;
}

JsonWriter& JsonWriter::text_checked(std::string_view text)
{
    if (begin_value()) {
        append_json_string(out_, text);
        end_value();
    }
    return *this;
}

JsonWriter& JsonWriter::number(double value)
{
    if (begin_value()) {
        append_json_number(out_, value);
        end_value();
    }
    return *this;
}

JsonWriter& JsonWriter::whole(std::int64_t value)
{
    std::array<char, 24> text;
    const char* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return token({text.data(), static_cast<std::size_t>(end - text.data())});
}

JsonWriter& JsonWriter::whole(std::uint64_t value)
{
    std::array<char, 24> text;
    const char* const end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return token({text.data(), static_cast<std::size_t>(end - text.data())});
}

} // namespace agenthost::base
