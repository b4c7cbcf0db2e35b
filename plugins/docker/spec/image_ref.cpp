#include "image_ref.hpp"

#include "refusal.hpp"

#include <algorithm>
#include <charconv>

namespace agenthost::docker {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_digit(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

template <class Predicate> bool all(std::string_view text, Predicate predicate)
{
    return std::all_of(text.begin(), text.end(), predicate);
}

// Alphanumeric runs, separated by '.', '_', '__' or any number of '-'.
bool is_path_component(std::string_view text)
{
    if (text.empty() || !is_alnum(text.front()) || !is_alnum(text.back())) return false;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i;
        while (end < text.size() && !is_alnum(text[end])) ++end;
        const std::string_view separator = text.substr(i, end - i);
        const bool good = separator.empty() || separator == "." || separator == "_" || separator == "__" ||
                          all(separator, [](char c) { return c == '-'; });
        if (!good) return false;
        i = std::max(end, i + 1);
    }
    return true;
}

bool is_host_label(std::string_view text)
{
    return !text.empty() && text.front() != '-' && text.back() != '-' &&
           all(text, [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_host(std::string_view host)
{
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        return all(host.substr(1, host.size() - 2), [](char c) { return is_hex(c) || c == ':'; });
    while (true) {
        const auto dot = host.find('.');
        if (!is_host_label(host.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        host.remove_prefix(dot + 1);
    }
}

bool is_port(std::string_view text)
{
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && is_digit(text.front()) && port >= 1 &&
           port <= 65535;
}

bool is_registry(std::string_view text)
{
    const auto bracket = text.rfind(']');
    const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon == std::string_view::npos) return is_host(text);
    const std::string_view port = text.substr(colon + 1);
    return is_host(text.substr(0, colon)) && !port.empty() && is_port(port);
}

bool is_tag(std::string_view text)
{
    const auto name_char = [](char c) { return is_alnum(c) || is_upper(c) || c == '_'; };
    return !text.empty() && text.size() <= 128 && name_char(text.front()) &&
           all(text, [&](char c) { return name_char(c) || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text)
{
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view algorithm = text.substr(0, colon), hex = text.substr(colon + 1);
    const std::size_t size = algorithm == "sha256"   ? 64
                             : algorithm == "sha384" ? 96
                             : algorithm == "sha512" ? 128
                                                     : 0;
    return size != 0 && hex.size() == size && all(hex, is_hex);
}

// Takes the registry off the front of `rest`; docker.io if it names no registry.
std::string take_registry(std::string_view& rest, std::string_view path)
{
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos) return "docker.io";
    const std::string_view first = rest.substr(0, slash);
    const bool has_upper = std::any_of(first.begin(), first.end(), is_upper);
    if (first != "localhost" && first.find_first_of(".:") == std::string_view::npos && !has_upper)
        return "docker.io";
    if (has_upper)
        refuse(path, shown(first) + " contains upper case. Write registry and repository in lower case.");
    if (!is_registry(first))
        refuse(path, shown(first) +
                         " is not a registry. Write HOST or HOST:PORT, such as ghcr.io or localhost:5000.");
    rest.remove_prefix(slash + 1);
    return std::string{first == "index.docker.io" ? "docker.io" : first};
}

void check_repository(std::string_view repository, std::string_view path)
{
    if (repository.size() > 255)
        refuse(path, "the repository is longer than 255 bytes. Check the image's name.");
    if (std::any_of(repository.begin(), repository.end(), is_upper))
        refuse(path, shown(repository) + " contains upper case. Write the repository in lower case.");
    for (std::string_view rest = repository;;) {
        const auto slash = rest.find('/');
        if (!is_path_component(rest.substr(0, slash)))
            refuse(path, shown(repository) +
                             " is not a repository. Use lower-case letters and digits, separated by one of "
                             ". _ __ - and /, such as pelican-eggs/yolks.");
        if (slash == std::string_view::npos) return;
        rest.remove_prefix(slash + 1);
    }
}

} // namespace

std::string ImageRef::canonical() const
{
    return name() + (tag.empty() ? "" : ":" + tag) + (digest.empty() ? "" : "@" + digest);
}

ImageRef parse_image(std::string_view text, std::string_view path)
{
    if (text.empty()) refuse(path, "is empty. Name an image, such as ghcr.io/pelican-eggs/yolks:java_21.");
    if (text.size() > max_image_bytes)
        refuse(path, "is longer than " + std::to_string(max_image_bytes) + " bytes. Check the image's name.");
    if (text.size() == 64 && all(text, is_hex))
        refuse(path, "is an image id. Name the image by repository and tag, or by repository and digest.");
    ImageRef ref;
    std::string_view rest = text;
    if (const auto at = rest.find('@'); at != std::string_view::npos) {
        ref.digest = rest.substr(at + 1);
        if (!is_digest(ref.digest))
            refuse(path, shown(ref.digest) +
                             " is not a digest. Write sha256: and 64 lower-case hexadecimal digits.");
        rest = rest.substr(0, at);
    }
    ref.registry = take_registry(rest, path);
    if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
        ref.tag = rest.substr(colon + 1);
        if (!is_tag(ref.tag))
            refuse(path, shown(ref.tag) + " is not a tag. Use at most 128 letters, digits, _ . and -.");
        rest = rest.substr(0, colon);
    }
    if (ref.tag.empty() && ref.digest.empty()) ref.tag = "latest";
    const bool official = ref.registry == "docker.io" && rest.find('/') == std::string_view::npos;
    check_repository(rest, path);
    ref.repository = (official ? "library/" : "") + std::string{rest};
    return ref;
}

} // namespace agenthost::docker
