// HTTP as values: request heads, answers, ranges, queries, error bodies. Pure.
#pragma once

#include <agenthost/ext/listener.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::hub {

struct Head {
    std::string method, path, query, peer;
    std::map<std::string, std::string, std::less<>> headers; // names in lower case
    std::optional<std::uint64_t> length;
    bool chunked = false, tls = false;
    [[nodiscard]] std::string_view header(std::string_view name) const;
    [[nodiscard]] bool has_body() const { return chunked || length.value_or(0) > 0; }
};
std::optional<Head> parse_head(std::string_view json);

class SpoolFile;

struct Answer {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::shared_ptr<const SpoolFile> file; // instead of body: `length` bytes from `offset`
    std::uint64_t offset = 0, length = 0;
    // The answer to a HEAD whose body does not exist: the body's length for Content-Length. `body` and `file`
    // are empty.
    std::optional<std::uint64_t> absent_length;
};
Answer json_answer(int status, std::string body);
// {"error":{"code","message","detail"?}}
Answer error_answer(int status, std::string_view code, std::string_view message,
                    std::string_view detail = {});
// 503, with Retry-After.
Answer busy_answer(std::string_view why = {});
// 401, with WWW-Authenticate: Bearer.
Answer unauthorized(std::string_view why);
std::string headers_json(const Answer&);

// The HTTP status for an error code; `otherwise` for an unknown code.
int status_of(std::string_view code, int otherwise = 502);
std::span<const std::pair<std::string_view, int>> status_codes(); // the whole table

// The value of a query key, percent-decoded; nullopt: absent. A malformed escape is kept unchanged.
std::optional<std::string> query_value(std::string_view query, std::string_view key);

struct Range {
    std::uint64_t first = 0, length = 0;
};
enum class RangeKind { whole, part, unsatisfiable };
// Parses one byte range (RFC 9110); several ranges or another unit mean the whole file. `if_range` is
// compared with `etag` as a strong validator: if it differs, the whole file is sent.
RangeKind parse_range(std::string_view range, std::string_view if_range, std::string_view etag,
                      std::uint64_t size, Range&);

// The head of an answer with a file or the requested part of it; 416 if there is no such part. Without a
// SHA-256 there is no ETag. Only GET has parts (RFC 9110, 14.2).
Answer file_head(const Head&, std::uint64_t size, const std::string& sha256, Range&);
// A whole file or the requested part, with ETag, Accept-Ranges, X-Content-SHA256.
Answer file_answer(const Head&, std::shared_ptr<const SpoolFile>);

// 64 hex digits, in lower case; nullopt: something else.
std::optional<std::string> parse_sha256(std::string_view);

} // namespace agenthost::hub
