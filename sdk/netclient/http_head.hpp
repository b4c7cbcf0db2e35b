// The head of an HTTP/1.1 response, read, and the head of a request, written. No I/O. What a client owes to RFC 9110 and 9112 is
// listed in README.md, each rule with its test.
#pragma once

#include "url.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::netclient {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t max_head = 32 * 1024; // bytes of a response's head, each interim answer's too
constexpr int max_interim = 1000;           // answers 1xx before the real one: one in 10 s for hours

struct ResponseHead {
    int status = 0;
    bool chunked = false;
    std::optional<std::uint64_t> length; // Content-Length; 0 where the status admits no body (204, 205, 304)
    std::string location, etag, last_modified, date, content_range, content_encoding;
    std::size_t size = 0; // bytes of the text that the head took: the body begins there
};

// bad: what came is not HTTP, or cut; asking again may help. unsupported: well-formed, but not what was asked for; it will not help.
enum class HeadResult { complete, more, bad, unsupported };

// `text`: all that has come so far. Interim answers (1xx) are skipped, as far as they fit in max_head; skip_interim() takes longer
// runs of them away. bad, unsupported: `why` says what is wrong.
HeadResult parse_response_head(std::string_view text, ResponseHead& head, std::string& why);

// Bytes of complete interim answers at the start of `text`, 101 not among them; `count` grows by their number.
std::size_t skip_interim(std::string_view text, int& count);

// "bytes 100-199/200": first byte and the whole size ("*": absent). "bytes */200": first absent.
struct ContentRange {
    std::optional<std::uint64_t> first, total;
};
std::optional<ContentRange> parse_content_range(std::string_view);

// A header whose name or value could break out of its line is left out.
std::string request_head(std::string_view method, const Url&, const Headers&);

} // namespace agenthost::netclient
