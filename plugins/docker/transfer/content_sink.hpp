// Takes the bytes of a download into an unfinished file: claims disk space before they arrive, hashes them,
// and compares them with what was declared. It does no network I/O, so tests feed it by hand.
//
// A refusal stops the transfer: begin(), write() and restart() return false and problem() has the reason.
// One thread; owned by the download.
#pragma once

#include "plugins/docker/files/write.hpp"

#include "base/hash.hpp"
#include "netclient/http_client.hpp"

#include <agenthost/error.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace agenthost::docker::transfer {

struct Declared {
    std::optional<std::uint64_t> size;
    std::string sha256; // lower-case hex; empty: not declared
};

class ContentSink : public netclient::Sink {
public:
    // `writer` outlives it.
    ContentSink(files::Writer& writer, Declared declared) : writer_{writer}, declared_{std::move(declared)} {}

    bool begin(std::optional<std::uint64_t> total) override;
    bool write(const char* data, std::size_t size) override;
    bool restart() override;
    [[nodiscard]] bool verifies_content() const override { return !declared_.sha256.empty(); }
    [[nodiscard]] bool knows_end() const override { return declared_.size || !declared_.sha256.empty(); }

    // After the last byte. Returns the SHA-256 as hex. Throws NETWORK_ERROR when the content is not what was
    // declared.
    std::string finish();

    [[nodiscard]] const std::optional<Error>& problem() const { return problem_; }

private:
    // False, with the reason, when `step` throws an Error.
    template <class Step> bool guarded(Step step);

    files::Writer& writer_;
    Declared declared_;
    base::Sha256 hash_;
    std::optional<Error> problem_;
};

// NETWORK_ERROR with its remedy. `what` is a sentence without its full stop.
[[noreturn]] void network_error(const std::string& what);

} // namespace agenthost::docker::transfer
