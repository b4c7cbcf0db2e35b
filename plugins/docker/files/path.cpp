#include "path.hpp"

#include "error.hpp"

#include "base/ascii.hpp"
#include "base/utf8.hpp"

#include <algorithm>

namespace agenthost::docker::files {

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why)
{
    // Long enough to recognise the path, short enough for a log line.
    const std::string shown = escape_name(text.substr(0, std::min<std::size_t>(text.size(), 200)));
    fail("INVALID_REQUEST", "\"" + shown + "\": " + why);
}

std::string checked(std::string_view text, std::string_view bytes)
{
    std::string out;
    std::size_t depth = 0;
    while (!bytes.empty()) {
        const auto slash = std::min(bytes.find('/'), bytes.size());
        const std::string_view part = bytes.substr(0, slash);
        bytes.remove_prefix(std::min(slash + 1, bytes.size()));
        if (part.empty() || part == ".") continue;
        if (part == "..")
            refuse(text, "the path must not contain \"..\". Write it from the server's folder down.");
        if (part.size() > max_name_bytes)
            refuse(text, "a name in the path is longer than 255 bytes. Use a shorter name.");
        if (++depth > max_path_depth)
            refuse(text, "the path has more than 128 levels. Use a folder nearer to the top.");
        if (!out.empty()) out += '/';
        out += part;
    }
    if (out.size() > max_path_bytes) refuse(text, "the path is longer than 3800 bytes. Use shorter names.");
    return out;
}

} // namespace

std::string escape_name(std::string_view bytes)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t length = base::utf8_length(bytes, i);
        const auto byte = static_cast<unsigned char>(bytes[i]);
        if (length == 0) {
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 15];
            ++i;
        } else if (byte == '\\') {
            out += "\\\\";
            ++i;
        } else {
            out += bytes.substr(i, length);
            i += length;
        }
    }
    return out;
}

std::string unescape_name(std::string_view shown)
{
    std::string out;
    out.reserve(shown.size());
    for (std::size_t i = 0; i < shown.size(); ++i) {
        if (shown[i] != '\\') {
            out += shown[i];
            continue;
        }
        if (i + 1 < shown.size() && shown[i + 1] == '\\') {
            out += '\\';
            ++i;
            continue;
        }
        const bool hex = i + 3 < shown.size() && shown[i + 1] == 'x' && base::hex_digit(shown[i + 2]) >= 0 &&
                         base::hex_digit(shown[i + 3]) >= 0;
        const int byte = hex ? base::hex_digit(shown[i + 2]) * 16 + base::hex_digit(shown[i + 3]) : 0;
        if (byte == 0 || byte == '/')
            refuse(shown, "a backslash in a path starts \\\\ (a backslash) or \\xHH (a byte, not 00 or 2f). "
                          "Write the name as the listing shows it.");
        out += static_cast<char>(byte);
        i += 3;
    }
    return out;
}

Path Path::parse(std::string_view text)
{
    if (text.size() > 4 * max_path_bytes)
        refuse(text, "the path is longer than 3800 bytes. Use shorter names.");
    if (text.empty()) refuse(text, "the path is empty. Write \"/\" for the server's folder.");
    if (text.find('\0') != std::string_view::npos) refuse(text, "the path contains a NUL byte. Remove it.");
    if (base::utf8_valid_prefix(text) != text.size())
        refuse(text, "the path is not valid UTF-8. Write other bytes as \\xHH.");
    std::string_view rest = text;
    constexpr std::string_view alias = "/server";
    if (rest.starts_with(alias) && (rest.size() == alias.size() || rest[alias.size()] == '/'))
        rest.remove_prefix(alias.size());
    Path path;
    path.bytes_ = checked(text, unescape_name(rest));
    return path;
}

Path Path::from_bytes(std::string_view bytes)
{
    if (bytes.find('\0') != std::string_view::npos) refuse(bytes, "the name contains a NUL byte.");
    if (bytes.starts_with('/')) refuse(bytes, "the name starts with a slash. Use a relative name.");
    if (bytes.size() > 2 * max_path_bytes) refuse(bytes, "the name is longer than 3800 bytes.");
    Path path;
    path.bytes_ = checked(bytes, bytes);
    return path;
}

std::string Path::name() const { return bytes_.substr(bytes_.rfind('/') + 1); }

Path Path::parent() const
{
    Path path;
    const auto slash = bytes_.rfind('/');
    if (slash != std::string::npos) path.bytes_ = bytes_.substr(0, slash);
    return path;
}

Path Path::child(std::string_view name) const
{
    if (name.empty() || name == "." || name.find('/') != std::string_view::npos ||
        name.find('\0') != std::string_view::npos)
        refuse(name, "is not the name of a file. Use a name without slashes.");
    Path path;
    path.bytes_ = checked(name, is_root() ? std::string{name} : bytes_ + "/" + std::string{name});
    return path;
}

bool Path::contains(const Path& other) const
{
    if (is_root()) return true;
    if (!other.bytes_.starts_with(bytes_)) return false;
    return other.bytes_.size() == bytes_.size() || other.bytes_[bytes_.size()] == '/';
}

} // namespace agenthost::docker::files
