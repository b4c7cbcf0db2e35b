// A path inside a server's folder, checked once: relative bytes without "..", without NUL.
//
// Panels write "/", "/server", "/config/a.txt", "/server/config/a.txt" or "config/a.txt"; the first two are
// the folder itself. A folder that is called "server" is reached as "server" or "/server/server".
//
// File names are bytes, panels write UTF-8. A name is shown as it is when it is valid UTF-8 without a
// backslash; otherwise a backslash is shown as \\ and a byte that is not UTF-8 as \xHH. parse() reads this
// form back, so every listed file can be addressed. Values; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace agenthost::docker::files {

constexpr std::size_t max_name_bytes = 255;
constexpr std::size_t max_path_bytes = 3800; // leaves space for a temporary name below PATH_MAX
constexpr std::size_t max_path_depth = 128;

std::string escape_name(std::string_view bytes);
// Throws INVALID_REQUEST for a backslash that starts neither \\ nor \xHH, and for \x00 and \x2f.
std::string unescape_name(std::string_view shown);

class Path {
public:
    // The folder itself.
    Path() = default;
    // A panel's text. Throws INVALID_REQUEST.
    static Path parse(std::string_view text);
    // Bytes such as an archive's entry name: no leading slash, no escapes. Throws INVALID_REQUEST.
    static Path from_bytes(std::string_view bytes);

    [[nodiscard]] bool is_root() const { return bytes_.empty(); }
    // "" for the folder itself, else "a/b".
    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    // For system calls: "." for the folder itself.
    [[nodiscard]] const char* c_str() const { return bytes_.empty() ? "." : bytes_.c_str(); }
    // Escaped, without a leading slash; "/" for the folder itself. parse() reads it back.
    [[nodiscard]] std::string shown() const { return bytes_.empty() ? "/" : escape_name(bytes_); }

    // The folder itself has no name and is its own parent.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] Path parent() const;
    // Throws INVALID_REQUEST when the name is not valid or the path becomes too long.
    [[nodiscard]] Path child(std::string_view name) const;
    // Whether `other` is this path or below it.
    [[nodiscard]] bool contains(const Path& other) const;
    [[nodiscard]] bool operator==(const Path&) const = default;

private:
    std::string bytes_;
};

} // namespace agenthost::docker::files
