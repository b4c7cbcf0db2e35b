// Parses image references by the grammar of the distribution project, and prints the one canonical form.
//
//     parse_image("redis", path)                     docker.io/library/redis:latest
//     parse_image("ghcr.io/pelican-eggs/yolks:java_21", path)
//     parse_image("localhost:5000/x@sha256:...", path)
//
// The first part is a registry when it contains '.' or ':' or is "localhost"; otherwise the registry is
// docker.io. Everything that decides about an image (allow list, credentials) compares the parsed registry,
// never a prefix of the text: the registry of "ghcr.io.evil.com/x" is "ghcr.io.evil.com". Image ids do not
// exist in this form: "sha256:<hex>" and a bare id become names on docker.io, so that an image id cannot
// bypass the allow list.
//
// Stricter than the grammar: no upper case in a registry, ports from 1 to 65535, sha256, sha384 and sha512
// digests only.
#pragma once

#include <string>
#include <string_view>

namespace agenthost::docker {

struct ImageRef {
    std::string registry;   // "docker.io", "ghcr.io", "localhost:5000", "[::1]:5000"
    std::string repository; // "library/redis"
    std::string tag;        // "latest" when neither a tag nor a digest is given
    std::string digest;     // "sha256:..." or empty; the engine then ignores the tag

    [[nodiscard]] std::string name() const { return registry + "/" + repository; }
    [[nodiscard]] std::string canonical() const;
    bool operator==(const ImageRef&) const = default;
};

constexpr std::size_t max_image_bytes = 512;

// Throws CONFIG_INVALID at `path`.
ImageRef parse_image(std::string_view text, std::string_view path);

} // namespace agenthost::docker
