// Inputs and records of the FakeHost, as plain values.
#pragma once

#include "../blob.hpp"
#include "json_check.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::testing {

struct FakeBlob {
    std::string bytes, name, media_type;
};

// The end of a request.
struct FakeReply {
    agh_status status = AGH_OK;
    std::uint32_t flags = 0;
    std::string json = {};
    std::vector<FakeBlob> blobs = {};
    [[nodiscard]] bool ok() const { return status == AGH_OK; }
    [[nodiscard]] std::string code() const { return JsonCheck::member(json, "code"); }
    [[nodiscard]] std::string message() const { return JsonCheck::member(json, "message"); }
};

// The result of a life-cycle call.
struct FakeOutcome {
    agh_status status = AGH_OK;
    std::string code = {}, text = {};
    [[nodiscard]] bool ok() const { return status == AGH_OK; }
};

struct FakeLog {
    int level = 0;
    std::string message, fields;
};
struct FakeEvent {
    std::string topic, audience, json;
    agh_req origin = 0;
    std::vector<FakeBlob> blobs = {};
};

// How a request is sent.
struct FakeCall {
    std::string target = {}, caller = R"({"server":"test","protocol":"storage"})";
    std::optional<std::chrono::nanoseconds> timeout = std::nullopt; // from now
    bool repeat = false;
    std::vector<agh_blob> blobs = {};
};

// Reads the blobs' contents and closes their descriptors, which the host owns.
inline std::vector<FakeBlob> take_blobs(const agh_blob* first, std::size_t count, std::size_t stride)
{
    std::vector<FakeBlob> out;
    for (std::size_t i = 0; i < count; ++i) {
        const agh_blob& raw = detail::blob_at(first, stride, i);
        FakeBlob blob{.bytes = std::string{to_view(raw.inl)},
                      .name = std::string{to_view(raw.name)},
                      .media_type = std::string{to_view(raw.media_type)}};
        if (raw.fd >= 0) {
            blob.bytes.assign(raw.length, '\0');
            const ::ssize_t got =
                ::pread(raw.fd, blob.bytes.data(), raw.length, static_cast<::off_t>(raw.offset));
            blob.bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
            ::close(raw.fd);
        }
        out.push_back(std::move(blob));
    }
    return out;
}

} // namespace agenthost::testing
