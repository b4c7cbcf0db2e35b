// JSON for codecs: split a frame into its top-level members, append strings to a frame. Parameters and data
// stay raw text.
//
// One simdjson DOM pass validates the whole frame (syntax, UTF-8, depth); only then is anything read. After
// an error nothing of the frame is handed out.
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

// Deeper nesting is an attack on someone's recursion, not a message.
constexpr std::size_t max_depth = 64;
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

// What a document owns: the members, and the keys and texts of those that are written with escapes.
struct DocumentMemory {
    std::vector<Member> members;
    std::string unescaped;
};

// Owns the members of one parsed object. A later split() never changes them: the views of a member live as
// long as both the frame and the document (or the one it was moved to). The memory of a document that ends
// goes to a small pool of its thread and serves the next split(), so that no frame costs an allocation.
//
// Used like an optional span: `if (!members) return why; find(*members, "id")`.
class Document {
public:
    Document() noexcept = default;
    Document(std::nullopt_t) noexcept {}

    // False: the frame was not a JSON object.
    explicit operator bool() const noexcept { return memory_ != nullptr; }
    const std::vector<Member>& operator*() const& noexcept { return memory_->members; }
    const std::vector<Member>& operator*() const&& = delete; // the members would end with the statement
    const std::vector<Member>* operator->() const noexcept { return &memory_->members; }

private:
    friend Document split(std::string_view frame, std::string& why);
    struct ReturnToPool {
        void operator()(DocumentMemory*) const noexcept;
    };

    std::unique_ptr<DocumentMemory, ReturnToPool> memory_;
};

// The members of one JSON object; an empty document, and `why`, when `frame` is none. A key that comes twice
// is refused, because either choice would be a guess.
Document split(std::string_view frame, std::string& why);
// A temporary would end before the views into it.
template <std::same_as<std::string> Temporary> Document split(Temporary&&, std::string& why) = delete;

// Appends a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
inline void append(std::string& out, std::string_view text) { base::append_json_string(out, text); }

} // namespace agenthost::wire::json
