// The images that a node may run, as a list of patterns: REGISTRY/PATH[:TAG] or REGISTRY/PATH@DIGEST.
//
//     ghcr.io/pelican-eggs/yolks            every tag and digest of this repository
//     ghcr.io/pelican-eggs/yolks:java_*     these tags; never by digest, which outweighs the tag
//     ghcr.io/pelican-eggs/*                * matches one part of the path: not ghcr.io/pelican-eggs/a/b
//     ghcr.io/pelican-eggs/**               ** as the last part matches one or more parts
//     itzg/minecraft-server                 the same defaults as an image: docker.io/itzg/minecraft-server
//     *                                     alone: every image of every registry
//
// The registry is compared exactly, port included, and has no wildcards. An empty list allows nothing.
#pragma once

#include "image_ref.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

class ImageAllowList {
public:
    // Throws CONFIG_INVALID at `path` when the pattern is not of this form.
    void add(std::string_view pattern, std::string_view path);

    [[nodiscard]] bool allows(const ImageRef&) const;
    [[nodiscard]] bool empty() const { return patterns_.empty(); }
    // As they were given.
    [[nodiscard]] const std::vector<std::string>& patterns() const { return texts_; }
    // "ghcr.io/pelican-eggs/*, docker.io/library/redis"; for messages.
    [[nodiscard]] std::string text() const;

private:
    struct Pattern {
        bool everything = false;
        std::string registry, tag, digest;
        std::vector<std::string> parts;
    };
    static bool matches(const Pattern&, const ImageRef&);

    std::vector<Pattern> patterns_;
    std::vector<std::string> texts_;
};

} // namespace agenthost::docker
