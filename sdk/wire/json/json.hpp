// Parses frames: splits an object into its top-level members. Values such as parameters and data stay raw
// text.
//
// One simdjson DOM pass validates the whole frame (syntax, UTF-8, depth) before any member is read. After an
// error no part of the frame is returned.
#pragma once

#include "base/json_string.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::wire::json {

// Deeper nesting is rejected: it could overflow the stack of a recursive reader.
constexpr std::size_t max_depth = 64;
// salvage() reads this deep, without recursion.
constexpr std::size_t max_salvaged_depth = 1024;
// At the top level of a frame.
constexpr std::size_t max_members = 256;

enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

// One `"key": value` of the top level.
struct Member {
    // Unescaped.
    std::string_view key;
    // As written, with its quotes.
    std::string_view key_raw;
    // The value as written.
    std::string_view raw;
    // A string's value, unescaped; else empty.
    std::string_view text;
    Kind kind = Kind::null;

    // An escape is longer than the character it means.
    [[nodiscard]] bool escaped() const { return text.size() + 2 != raw.size(); }
};

// Owned by a document: the members, and the keys and texts of those that are written with escapes.
struct DocumentMemory {
    std::vector<Member> members;
    std::string unescaped;
};

// Owns the members of one parsed object. A later split() never changes them: a member's views are valid as
// long as both the frame and the document (or the one it was moved to) exist. A destroyed document returns
// its memory to a small pool of its thread for the next split(), so that frames cost no allocation.
//
// Used like an optional span: `if (!members) return why; find(*members, "id")`.
class Document {
public:
    Document() noexcept = default;
    Document(std::nullopt_t) noexcept {}

    // False: the frame was not a JSON object.
    explicit operator bool() const noexcept { return memory_ != nullptr; }
    const std::vector<Member>& operator*() const& noexcept { return memory_->members; }
    const std::vector<Member>& operator*() const&& = delete; // destroyed at the end of the statement
    const std::vector<Member>* operator->() const noexcept { return &memory_->members; }

private:
    friend Document split(std::string_view frame, std::string& why);
    friend Document salvage(std::string_view frame);
    struct ReturnToPool {
        void operator()(DocumentMemory*) const noexcept;
    };

    std::unique_ptr<DocumentMemory, ReturnToPool> memory_;
};

// The members of one JSON object. If `frame` is not one: an empty document, and the reason in `why`. A
// duplicate key is an error, because either choice would be a guess.
Document split(std::string_view frame, std::string& why);
// For the id of a refusal, after split() has failed: the members of a JSON object that is nested too deeply or
// has a key twice, without every key that occurs more than once. Empty: the frame has another fault. Nothing
// of it may be run: a reader of the values would meet what split() rejects.
Document salvage(std::string_view frame);
// A temporary would be destroyed before the views into it.
template <std::same_as<std::string> Temporary> Document split(Temporary&&, std::string& why) = delete;
template <std::same_as<std::string> Temporary> Document salvage(Temporary&&) = delete;

// Appends a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
inline void append(std::string& out, std::string_view text) { base::append_json_string(out, text); }

} // namespace agenthost::wire::json
